import csv
import hashlib
import itertools
import json
import re
from pathlib import Path

import pytest
import torch
from tiny_networks import python

from reidgen.cli import parse, run_tool, test
from reidgen.reporting.queries import read_queries
from tests.pictures import read_picture

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SMOKE = ROOT / 'configs/gcl_smoke.py'
TINY = Path(__file__).with_name('gcl_tiny.py')
RUNS = itertools.count()
METRICS = ['mAP', 'rank1', 'rank5', 'rank10', 'mINP']


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Work dir and output of the smoke config, started as a user does, four iterations."""
    work_dir = tmp_path_factory.mktemp('smoke')
    iters = [
        f'train_cfg.stages.{stage}.{key}={n}'
        for stage, n in enumerate((2, 1, 1))
        for key in ('iters', 'eval_every')
    ]
    done = python(ROOT / 'tools/train.py', SMOKE, '--work-dir', work_dir, '--cfg-options', *iters)
    assert done.returncode == 0, done.stderr
    return work_dir, done


def test_training_ends_with_files_pictures_and_a_report(trained):
    work_dir, _ = trained
    names = {path.name for path in work_dir.iterdir()}
    assert {'stage_identity.pth', 'stage_generators.pth', 'stage_joint.pth', 'iter_4.pth'} <= names
    assert {'report.md', 'evaluations.json', 'baselines.json', 'best_loss_generators.pth'} <= names
    assert [name for name in names if name.startswith('best_mAP_iter_')]
    assert 'direct transfer' in (work_dir / 'report.md').read_text()
    read_picture(work_dir / 'grids/generators_000003.png')


def test_training_starts_quietly(trained):
    _, done = trained
    assert 'Warning' not in done.stderr + done.stdout
    before_training = (done.stdout + done.stderr).split('stage identity')[0].splitlines()
    assert len(before_training) < 12, before_training


def test_results_of_a_checkpoint(trained, shell, tmp_path):
    checkpoint = trained[0] / 'stage_joint.pth'
    flags = '--work-dir', tmp_path, '--show', 3, '--projector'
    done = shell(ROOT / 'tools/test.py', SMOKE, checkpoint, *flags)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / 'results.json').read_text())
    assert set(results) >= {*METRICS, 'protocol', 'config', 'checkpoint_sha256'}
    assert results['checkpoint_sha256'] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert results['config'] == str(SMOKE)
    assert results['protocol'] == 'market1501'
    assert results['adabn'] is False
    last = json.loads((trained[0] / 'evaluations.json').read_text())[-1]['metrics']
    assert {key: results[key] for key in METRICS} == pytest.approx(
        {key: last[key] for key in METRICS}
    )
    rows = list(csv.DictReader((tmp_path / 'results.csv').read_text().splitlines()))
    assert [row['loader'] for row in rows] == ['target', 'source']
    assert [row['dataset'] for row in rows] == ['shapes_b', 'shapes_a']
    assert float(rows[0]['mAP']) == pytest.approx(results['mAP'], abs=1e-4)
    assert float(rows[1]['mAP']) == pytest.approx(last['source/mAP'], abs=1e-4)
    for name in ('ranked_lists.png', 'cmc.png', 'activations.png'):
        read_picture(tmp_path / name)
    width, height = read_picture(next((tmp_path / 'projector').rglob('sprite.png'))).size
    metadata = next((tmp_path / 'projector').rglob('metadata.tsv')).read_text().splitlines()
    assert metadata[0].split('\t') == ['identity', 'camera', 'part', 'file']
    assert width * height >= 64 * 64 * (len(metadata) - 1)
    aps = [query.ap for query in read_queries(tmp_path / 'queries.json').queries]
    assert sum(aps) / len(aps) == pytest.approx(results['mAP'] / 100)


# ---- in this process, on the tiny networks ----


@pytest.fixture
def main():
    """Runs a subcommand with arguments; the message it ends with, None where all went well."""

    def run(name: str, *args) -> str | None:
        # runs that start in one second would have one name, and one log history
        option, args = f'experiment_name=tools_{next(RUNS)}', list(map(str, args))
        place = args.index('--cfg-options') + 1 if '--cfg-options' in args else len(args)
        args[place:place] = [option] if place < len(args) else ['--cfg-options', option]
        try:
            run_tool(name, args)
        except SystemExit as end:
            return end.code or 'exit status 0'
        return None

    return run


def test_adabn_recalibrates_on_the_target_and_says_so(main, straight, tmp_path):
    checkpoint = Path(straight.work_dir, 'stage_joint.pth')
    for name, flags in (('plain', []), ('adabn', ['--adabn'])):
        assert main('test', TINY, checkpoint, '--work-dir', tmp_path / name, *flags) is None
    plain, adapted = (
        json.loads((tmp_path / name / 'results.json').read_text()) for name in ('plain', 'adabn')
    )
    assert (plain['adabn'], adapted['adabn']) == (False, True)
    assert plain['others'] == adapted['others']
    assert plain['mAP'] != adapted['mAP']
    assert [each['verification']['adabn'] for each in (plain, adapted)] == [False, True]
    assert plain['verification']['slope'] != adapted['verification']['slope']


@pytest.mark.parametrize('rerank', ['--rerank', None])
def test_the_lists_drawn_are_in_the_order_that_is_scored(rerank, tmp_path, monkeypatch):
    drawn, loops, write = [], [], test.write_results
    monkeypatch.setattr(test, 'write_results', lambda *args: loops.append(args[-1]) or write(*args))
    monkeypatch.setattr(
        'reidgen.visualization.ranked_lists.draw_lines', lambda lines, *_, **__: drawn.append(lines)
    )
    options = [f'experiment_name=tools_{next(RUNS)}', 'val_evaluator.rerank=None']
    args = [str(TINY), '--work-dir', str(tmp_path), '--show', '99', *filter(None, [rerank])]
    test.run(parse('test', [*args, '--cfg-options', *options]))
    last = loops[0].evaluator.metrics[0].last
    lists, with_maps = drawn
    assert len(lists) == last.num_query
    assert with_maps[::2] == lists
    plain = torch.cdist(last.features[: last.num_query], last.features[last.num_query :])
    as_plain = []
    for row, (query, *gallery) in enumerate(lists):
        assert query.caption == f'{int(last.pids[row])} c{int(last.camids[row]) + 1}'
        kinds = [cell.kind for cell in gallery if cell.kind != 'junk']
        first = kinds.index('match') + 1 if 'match' in kinds else None
        # the scores and the picture come to the rank of the first match by different roads
        assert first == last.result.first_match[row] or (
            first is None and last.result.first_match[row] > len(kinds)
        )
        nearest = last.num_query + plain[row].argsort()[:10]
        as_plain.append(
            [cell.caption for cell in gallery]
            == [f'{int(last.pids[n])} c{int(last.camids[n]) + 1}' for n in nearest]
        )
    assert all(as_plain) == (rerank is None)


def test_a_count_of_lists_that_is_none_is_refused_before_anything_is_read(main, capsys):
    assert main('test', 'no_config.py', '--show', -3) == 2
    assert "argument --show: '-3' is not a whole number from 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    'option,error',
    [
        ('val_evaluator.rerank.k9=3', "rerank takes no 'k9'; known: k1, "),
        ('val_evaluator.ranks=5', 'val_evaluator.ranks is 5; it must be a list'),
        ('val_dataloader.target.dataset.split=gallery', "give .* split='query.gallery'"),
    ],
)
def test_an_evaluation_that_cannot_be_ends_before_an_image_is_embedded(
    option, error, main, tmp_path, monkeypatch
):
    def embeds(*_):
        raise AssertionError('an image was embedded')

    monkeypatch.setattr('reidgen.models.adversarial.AdversarialModel.val_step', embeds)
    ended = main('test', TINY, '--work-dir', tmp_path, '--rerank', '--cfg-options', option)
    assert re.match(f'ValueError: .*{error}', ended)


def test_without_a_checkpoint_the_networks_are_evaluated_as_they_start(main, tmp_path):
    assert main('test', TINY, '--work-dir', tmp_path) is None
    results = json.loads((tmp_path / 'results.json').read_text())
    assert results['checkpoint'] is results['checkpoint_sha256'] is None
    assert 0 < results['mAP'] < 100


def test_results_of_both_ways_have_a_row_each(main, straight, tmp_path):
    checkpoint = Path(straight.work_dir, 'stage_joint.pth')
    options = ['--cfg-options', 'val_cfg.both=True']
    assert main('test', TINY, checkpoint, '--work-dir', tmp_path / 'both', *options) is None
    rows = list(csv.DictReader((tmp_path / 'both/results.csv').read_text().splitlines()))
    assert [(row['loader'], row['dataset']) for row in rows] == [
        ('target', 'shapes_b'),
        ('source', 'shapes_a'),
        ('adabn', 'shapes_b'),
    ]
    flag = ['--adabn', *options]
    assert main('test', TINY, checkpoint, '--work-dir', tmp_path / 'adabn', *flag) is None
    adapted = json.loads((tmp_path / 'adabn/results.json').read_text())
    assert adapted['mAP'] == pytest.approx(float(rows[2]['mAP']), abs=1e-4)


def test_training_goes_on_from_a_stage_file_with_the_next_stage(main, straight, tmp_path):
    start = Path(straight.work_dir, 'stage_identity.pth')
    ended = main(
        'train',
        TINY,
        '--work-dir',
        tmp_path,
        '--load-from',
        start,
        '--first-stage',
        'generators',
        '--cfg-options',
        'train_cfg.stages.1.iters=1',
        'train_cfg.stages.2.iters=1',
    )
    assert ended is None
    before = torch.load(start, weights_only=True)['state_dict']
    after = torch.load(tmp_path / 'stage_generators.pth', weights_only=True)
    assert [stage['name'] for stage in after['stages']] == ['generators', 'joint']
    encoder = [key for key in before if key.startswith('E_c.')]
    assert all(torch.equal(before[key], after['state_dict'][key]) for key in encoder)
    assert not torch.equal(
        before['G.image.0.conv.weight'], after['state_dict']['G.image.0.conv.weight']
    )


ONE = ['--cfg-options', *(f'train_cfg.stages.{stage}.iters=1' for stage in range(3))]


def test_the_seed_decides_the_weights(main, tmp_path):
    for name, seed in (('a', 3), ('b', 3), ('c', 4)):
        assert main('train', TINY, '--work-dir', tmp_path / name, '--seed', seed, *ONE) is None
    ends = {
        n: torch.load(tmp_path / n / 'stage_joint.pth', weights_only=True)['state_dict']
        for n in 'abc'
    }
    assert all(torch.equal(ends['a'][key], ends['b'][key]) for key in ends['a'])
    assert not torch.equal(ends['a']['G.image.0.conv.weight'], ends['c']['G.image.0.conv.weight'])


def test_amp_trains_in_bfloat16_and_keeps_float32_weights(main, tmp_path):
    assert main('train', TINY, '--work-dir', tmp_path / 'b', *ONE, 'train_cfg.amp=emulated') is None
    assert main('train', TINY, '--work-dir', tmp_path / 'full', *ONE) is None
    amp, full = (
        torch.load(tmp_path / n / 'stage_joint.pth', weights_only=True)['state_dict']
        for n in ('b', 'full')
    )
    assert {value.dtype for value in amp.values()} == {value.dtype for value in full.values()}
    assert not torch.equal(amp['E_c.trunk.0.weight'], full['E_c.trunk.0.weight'])
    torch.testing.assert_close(
        amp['E_c.trunk.0.weight'], full['E_c.trunk.0.weight'], rtol=0, atol=0.01
    )


@pytest.mark.parametrize(
    'arguments,error',
    [
        (['--resume', '--load-from', 'x.pth'], 'ValueError: --resume continues a run as it was'),
        (['--load-from', 'none.pth'], 'FileNotFoundError: checkpoint none.pth does not exist'),
        (['--seed', '-1'], 'ValueError: --seed is -1; give a whole number from 0'),
        (['--launcher', 'pytorch'], 'finds no RANK in the environment; start with `torchrun'),
        (['--launcher', 'slurm'], 'finds no SLURM_PROCID in the environment; start with `srun'),
        (['--first-stage', 'jont'], "ValueError: train_cfg.first_stage is 'jont'"),
        (['--cfg-options', 'model.networks.G.base_dims=3'], "takes no 'base_dims'"),
        (['--cfg-options', 'model.bank.num_samples=31'], 'set model.bank.num_samples=32'),
        (['--cfg-options', 'optim_wrapper.I.lr=1e30'], 'FloatingPointError: iteration '),
    ],
)
def test_a_fault_ends_training_with_one_line(arguments, error, main, tmp_path):
    ended = main('train', TINY, '--work-dir', tmp_path / 'work', *arguments)
    first, second = ended.splitlines()
    assert error in first
    # the temporary one where the work dir was not yet made
    written = re.escape(str(tmp_path / 'work' / 'error.txt')) + r'|.*reidgen_error_.*\.txt'
    assert re.fullmatch(rf'\(traceback: ({written})\)', second)


@pytest.mark.parametrize(
    'what,error', [('missing', 'does not exist'), ('half', 'cut short'), ('other', 'does not fit')]
)
def test_a_bad_checkpoint_ends_the_evaluation_with_one_line(what, error, main, straight, tmp_path):
    path = tmp_path / f'{what}.pth'
    if what == 'half':
        path.write_bytes(Path(straight.work_dir, 'stage_joint.pth').read_bytes()[:100000])
    if what == 'other':
        torch.save(dict(state_dict=torch.nn.Linear(2, 2).state_dict()), path)
    ended = main('test', TINY, path, '--work-dir', tmp_path / 'work')
    first, second = ended.splitlines()
    assert error in first
    # the temporary one where the work dir was not yet made
    written = re.escape(str(tmp_path / 'work' / 'error.txt')) + r'|.*reidgen_error_.*\.txt'
    assert re.fullmatch(rf'\(traceback: ({written})\)', second)


def test_an_error_shows_no_traceback_in_the_shell(shell):
    for tool, *more in (['train.py'], ['test.py', 'x.pth']):
        done = shell(ROOT / 'tools' / tool, 'configs/gcl_smok.py', *more)
        assert done.returncode != 0
        assert done.stderr.startswith('FileNotFoundError: no config configs/gcl_smok.py')
        assert 'Traceback' not in done.stderr
        assert len(done.stderr.splitlines()) == 2
