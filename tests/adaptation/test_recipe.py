from pathlib import Path

import pytest

from reidgen.adaptation.recipe import BUILT_IN, Counts, config_text, made_by_of, sizes_for
from reidgen.cli import adapt, test
from reidgen.cli.main import parse
from reidgen.engine import config as configs
from reidgen.registry import MODELS, build
from reidgen.shipped import root
from reidgen.synthetic.plan import DOMAINS

COMMAND = 'reidgen adapt --source synth_a --target crops --out mine'
TARGET = "dict(type='FolderReID', root='/crops', csv_file='/mine/target.csv')"


@pytest.fixture(params=['cpu', 'gpu'])
def config(request, tmp_path) -> Path:
    counts = Counts(1234, 120, 200, 2, 60)
    sizes = sizes_for(request.param, counts.source, counts.persons, counts.target)
    path = tmp_path / 'config.py'
    base = root() / 'configs/_base_'
    path.write_text(config_text(COMMAND, base, '_base_.synth_a', TARGET, counts, sizes))
    return path


def test_the_config_is_short_and_names_what_the_images_decide(config):
    text = config.read_text()
    assert len(text.splitlines()) < 80
    assert max(map(len, text.splitlines())) <= 100 or str(root()) in text
    cfg = configs.load_config(config)
    assert cfg.model.networks.C.num_identities == 120
    assert (cfg.model.bank.num_samples, cfg.model.bank_t.num_samples) == (1234, 200)
    assert cfg.train_dataloader.target.dataset.csv_file == '/mine/target.csv'
    assert not cfg.train_dataloader.clusters.dataset.labelled


@pytest.mark.slow
def test_its_model_is_built_and_nothing_evaluates(config):
    cfg = configs.load_config(config)
    settings = cfg.model.to_dict()
    settings['networks']['E_c']['weights'] = None
    build(settings, MODELS, 'model').check_phases()
    assert cfg.val_dataloader is None
    assert all(not stage.get('eval_every') for stage in cfg.train_cfg.stages)
    trained = cfg.train_dataloader.source.dataset.transforms[0].to_dict()
    assert configs.test_transforms(cfg, config) == [trained]


@pytest.mark.parametrize('flags', [[], ['--adabn'], ['--rerank']])
def test_there_is_nothing_to_test_it_on_which_is_told_at_once(flags, config):
    keys = 'val_dataloader, val_cfg, val_evaluator'
    with pytest.raises(ValueError, match=rf'config\.py has no {keys}, .*as _base_ and with these'):
        test.run(parse('test', [str(config), 'stage_clusters.pth', *flags]))


def test_the_header_tells_the_command_that_made_it(config):
    assert made_by_of(config.read_text()) == COMMAND
    assert made_by_of('"""A config of somebody else."""') is None


def test_a_backslash_of_the_pattern_survives_the_header(tmp_path):
    options = ['--source', 'a', '--target', 'b', '--out', 'c']
    args = parse('adapt', [*options, '--camera-pattern', r'_c(?P<camid>\d+)'])
    made_by = adapt.command_of(args)
    counts, sizes = Counts(64, 8, 64, 1, 64), sizes_for('cpu', 64, 8, 64)
    text = config_text(made_by, tmp_path, '_base_.synth_a', TARGET, counts, sizes)
    compile(text, 'config.py', 'exec')
    assert made_by_of(text) == made_by


@pytest.mark.parametrize('cameras, fewest, by', [(2, 50, 'camera'), (2, 49, None), (1, 200, None)])
def test_statistics_are_by_camera_where_each_of_several_has_fifty_images(
    cameras, fewest, by, tmp_path
):
    counts, path = Counts(1234, 120, 200, cameras, fewest), tmp_path / 'config.py'
    sizes, base = sizes_for('cpu', 1234, 120, 200), root() / 'configs/_base_'
    path.write_text(config_text(COMMAND, base, '_base_.synth_a', TARGET, counts, sizes))
    hook = configs.load_config(path).default_hooks.pseudo_label
    assert hook.get('adabn_by') == by


def test_sizes_grow_with_the_images_and_stay_within_minutes_on_a_cpu():
    small, large = sizes_for('cpu', 54, 5, 32), sizes_for('cpu', 10**6, 10**4, 10**6)
    assert (small.identity, small.generators, small.clusters) == (60, 60, 40)
    assert (large.identity, large.generators, large.clusters) == (200, 120, 80)
    assert (small.persons, large.persons) == (5, 8)
    assert small.cluster_batch <= 32 // 2
    assert small.k1 < 32
    # 40 passes over Duke's 16,522 images and 60 over Market's 12,936: gcl_market2duke.py
    full = sizes_for('gpu', 12936, 751, 16522)
    assert full.generators == pytest.approx(41280, rel=0.01)
    assert full.identity == pytest.approx(6000, rel=0.02)


def test_the_built_in_sources_are_those_that_are_rendered():
    assert sorted(BUILT_IN) == sorted(DOMAINS)
