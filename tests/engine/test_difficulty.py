"""tools/benchmarks/difficulty.py: what it runs, what it keeps, the table."""

import importlib.util
import json
from pathlib import Path

import pytest

from reidgen.synthetic import SIZES, Size

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool():
    path = ROOT / 'tools/benchmarks/difficulty.py'
    spec = importlib.util.spec_from_file_location('difficulty', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_config_of_the_table_is_there_and_all_of_the_rendered_people_are_in_it(tool):
    found = {path.stem for path in (ROOT / 'configs/baselines').glob('*.py')}
    assert set(tool.CELLS) <= found
    assert set(tool.CELLS) == {
        *(name for name in found if name.startswith('synth_') and 'translated' not in name),
        'color_histogram',
        'untrained',
    }


def test_runs_are_seeds_under_the_benchmark_s_cameras_and_one_seed_under_others(tool):
    args = tool.parse_args(['--configs', 'untrained', 'synth_a_to_b', '--camera-seeds', '7'])
    assert [tuple(one) for one in tool.planned(args)] == [
        ('untrained', 0, 0),
        ('untrained', 0, 7),
        ('synth_a_to_b', 0, 0),
        ('synth_a_to_b', 1, 0),
        ('synth_a_to_b', 2, 0),
        ('synth_a_to_b', 0, 7),
    ]


def test_a_run_sets_seeds_and_size_in_all_its_data_sets(tool, tmp_path):
    args = tool.parse_args(['--size', 'tiny', '--iters', '5', '--out', str(tmp_path)])
    cfg = tool.configure(tool.Run('synth_a_to_b', 2, 1), args)
    loaders = [*cfg.train_dataloader.values(), *cfg.val_dataloader.values()]
    assert len(loaders) == 4
    for loader in loaders:
        assert (loader.dataset.size, loader.dataset.camera_seed) == ('tiny', 1)
    assert cfg.randomness.seed == 2
    assert cfg.model.networks.C.num_identities == 20
    assert (cfg.train_cfg.stages[0].iters, cfg.train_cfg.stages[0].eval_every) == (5, 5)


def test_what_the_file_holds_is_not_run_again_and_the_table_is_of_means(
    tool, tmp_path, monkeypatch
):
    done = []

    def fake(one, args):
        done.append(one.name)
        if len(done) == 3:
            raise KeyboardInterrupt
        score = 10.0 * len(done)
        return {f'{way}{key}': score for way in ('', 'source/', 'adabn/') for key in tool.KEYS}

    monkeypatch.setattr(tool, 'measure', fake)
    options = ['--configs', 'synth_a_to_b', '--seeds', '0,1', '--camera-seeds', '5']
    args = tool.parse_args([*options, '--out', str(tmp_path)])
    with pytest.raises(KeyboardInterrupt):
        tool.benchmark(args)
    kept = json.loads((tmp_path / 'difficulty.json').read_text())
    assert list(kept['runs']) == ['synth_a_to_b-seed0-cameras0', 'synth_a_to_b-seed1-cameras0']
    assert tool.benchmark(args).splitlines() == [
        '|  | mAP | rank-1 | trainings | cameras 5: mAP / rank-1 |',
        '|---|---|---|---|---|',
        # 10 and 20: mean 15, sample deviation sqrt(50)
        '| A to A | 15.0 +- 7.1 | 15.0 +- 7.1 | 2 | 40.0 / 40.0 |',
        '| A to B, direct transfer | 15.0 +- 7.1 | 15.0 +- 7.1 | 2 | 40.0 / 40.0 |',
        '| A to B, AdaBN | 15.0 +- 7.1 | 15.0 +- 7.1 | 2 | 40.0 / 40.0 |',
    ]
    assert len(done) == 4
    with pytest.raises(ValueError, match='give another --out'):
        tool.benchmark(tool.parse_args([*options, '--out', str(tmp_path), '--size', 'tiny']))


def test_a_baseline_without_training_is_measured_on_rendered_people(tool, tmp_path, monkeypatch):
    monkeypatch.setitem(SIZES, 'tiny', Size(1, 1, 0, 0))
    roots = f'data_roots.synthetic={tmp_path / "data"}'
    args = ['--configs', 'color_histogram', '--camera-seeds', '', '--size', 'tiny']
    args = tool.parse_args([*args, '--out', str(tmp_path / 'out'), '--cfg-options', roots])
    assert 'B: colour histogram' in tool.benchmark(args)
    (metrics,) = json.loads((tmp_path / 'out/difficulty.json').read_text())['runs'].values()
    assert 0 < metrics['mAP'] <= 100
    assert metrics['seconds'] > 0
    assert not (tmp_path / 'data/synth_b/tiny/mesh').exists()
