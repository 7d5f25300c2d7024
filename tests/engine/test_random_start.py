"""`random_start`: changes of a config for encoders without pretrained weights."""

import itertools
from pathlib import Path

import pytest
import torch

from reidgen.checkpoint import read_checkpoint
from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config, merge_random_start

pytestmark = pytest.mark.slow

NUMBERS = itertools.count()
SYNTH = Path(__file__).resolve().parents[2] / 'configs' / 'gcl_synth.py'
RECIPE = {'train_cfg.stages.warm.iters': 3, 'optim_wrapper.I.lr': 0.5}
STAGES = [dict(name=name, iters=1, phases=['I'], loaders=['identity']) for name in ('warm', 'end')]


def synth(**random_start):
    cfg = load_config(SYNTH)
    cfg.random_start = random_start
    return cfg


def test_the_recipe_of_gcl_synth_trains_identities_for_longer():
    usual, cfg = load_config(SYNTH), load_config(SYNTH)
    merge_random_start(cfg)
    assert cfg.train_cfg.stages[0].iters > usual.train_cfg.stages[0].iters
    assert cfg.train_cfg.stages[1:] == usual.train_cfg.stages[1:]
    assert cfg.optim_wrapper.I.lr > usual.optim_wrapper.I.lr


def test_the_command_line_has_the_last_word():
    cfg = load_config(SYNTH, {'train_cfg.stages.0.iters': 10, 'optim_wrapper.I.lr': 1e-4})
    merge_random_start(cfg)
    assert (cfg.train_cfg.stages[0].iters, cfg.optim_wrapper.I.lr) == (10, 1e-4)
    assert cfg.train_cfg.stages[0].loss_weights.triplet == 0.5
    stages = [dict(name='identity', iters=7), dict(name='memory', iters=8)]
    cfg = load_config(SYNTH, {'train_cfg.stages': stages})
    merge_random_start(cfg)
    assert [stage.iters for stage in cfg.train_cfg.stages] == [7, 8]


@pytest.mark.parametrize(
    'options, message',
    [
        ({'train_cfg.stages.begin.iters': 3}, r'sets train_cfg\.stages\.begin\.iters; the stages'),
        ({'model.bn_mode': 'mixed'}, r'sets model\.bn_mode; it may set what is below'),
        ({'optim_wrapper.I.speed': 3}, "optim_wrapper.I: Adam takes no 'speed'"),
        ({'train_cfg.stages': {'99': {}}}, 'do not fit the config, whose random_start they are'),
    ],
)
def test_an_option_that_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        merge_random_start(synth(**options))


def test_faults_of_the_recipe_show_when_the_config_is_read():
    with pytest.raises(ValueError, match=r'random_start sets train_cfg\.stages\.begin'):
        load_config(SYNTH, {'random_start': {'train_cfg.stages.begin': dict(iters=3)}})


# ---- in a training ----


@pytest.fixture
def train(config):
    """(work_dir, weights, keys of the config) -> the runner of a finished training."""

    def run(work_dir, weights, **keys):
        cfg = config(work_dir, {'model.networks.E_c.weights': weights}, **keys)
        # not as options: what the command line sets, random_start leaves alone
        cfg.train_cfg.stages, cfg.random_start = STAGES, RECIPE
        cfg.experiment_name = f'weights_{next(NUMBERS)}'  # mmengine names by the second
        runner = ReIDRunner.from_cfg(cfg)
        runner.train()
        return runner

    return run


@pytest.fixture
def weights(tmp_path, train):
    """A file of weights for the encoder of the tiny model."""
    path = tmp_path / 'weights.pth'
    torch.save(train(tmp_path / 'source', None).model.E_c.state_dict(), path)
    return path


def log(work_dir) -> str:
    return ''.join(path.read_text() for path in work_dir.glob('*/*.log'))


def test_without_weights_the_recipe_is_another_and_the_log_says_so(tmp_path, train):
    runner = train(tmp_path, [str(tmp_path / 'absent.pth'), None])
    assert [stage.iters for stage in runner.train_loop.stages] == [3, 1]
    assert runner.optim_wrapper['I'].optimizer.defaults['lr'] == 0.5
    assert 'no pretrained weights; random_start' in log(tmp_path)
    assert read_checkpoint(tmp_path / 'stage_end.pth')['meta']['random_start'] is True


def test_with_weights_nothing_changes(tmp_path, weights, train):
    runner = train(tmp_path / 'run', [str(weights), None])
    assert [stage.iters for stage in runner.train_loop.stages] == [1, 1]
    assert 'random_start' not in log(tmp_path / 'run')


def test_a_resumed_run_goes_on_as_it_began_whatever_weights_are_there_now(tmp_path, weights, train):
    train(tmp_path / 'random', None)
    path = str(tmp_path / 'random' / 'stage_warm.pth')
    runner = train(tmp_path / 'random', [str(weights), None], resume=True, load_from=path)
    assert [stage.iters for stage in runner.train_loop.stages] == [3, 1]
    train(tmp_path / 'pretrained', [str(weights), None])
    path = str(tmp_path / 'pretrained' / 'stage_warm.pth')
    runner = train(tmp_path / 'pretrained', str(tmp_path / 'gone.pth'), resume=True, load_from=path)
    assert [stage.iters for stage in runner.train_loop.stages] == [1, 1]


def test_a_checkpoint_to_start_from_makes_up_for_weights(tmp_path, train):
    train(tmp_path / 'first', None)
    path = str(tmp_path / 'first' / 'stage_warm.pth')
    runner = train(tmp_path / 'second', str(tmp_path / 'gone.pth'), load_from=path)
    assert [stage.iters for stage in runner.train_loop.stages] == [1, 1]


def test_weights_that_must_be_there_stay_an_error(tmp_path, train):
    with pytest.raises(FileNotFoundError, match=r'absent\.pth'):
        train(tmp_path, str(tmp_path / 'absent.pth'))
