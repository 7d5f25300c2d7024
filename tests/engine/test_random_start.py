"""A config says what is trained otherwise where no pretrained weights can be had."""

from pathlib import Path

import pytest
import torch

from reidgen.engine.config import apply_random_start, load_config

SYNTH = Path(__file__).resolve().parents[2] / 'configs' / 'gcl_synth.py'


@pytest.fixture
def some_file(tmp_path):
    path = tmp_path / 'some.pth'
    torch.save({'trunk.weight': torch.zeros(1)}, path)
    return path


def config(weights, **options):
    return load_config(SYNTH, {'model.networks.E_c.weights': weights} | options)


def test_without_weights_the_identity_stage_is_another(tmp_path):
    cfg = config([str(tmp_path / 'absent.pth'), None])
    usual = cfg.train_cfg.stages[0].iters
    assert apply_random_start(cfg)
    assert cfg.train_cfg.stages[0].iters > usual
    assert cfg.train_cfg.stages[1:] == load_config(SYNTH).train_cfg.stages[1:]
    assert cfg.model.networks.E_c.weights[-1] is None


def test_with_weights_nothing_changes(some_file):
    cfg = config([str(some_file), None])
    before = cfg.pretty_text
    assert not apply_random_start(cfg)
    assert cfg.pretty_text == before


def test_a_checkpoint_to_start_from_makes_up_for_weights():
    cfg = config(None)
    cfg.load_from = 'stage_identity.pth'
    assert not apply_random_start(cfg)
    cfg.resume = True  # the run that is resumed began without weights
    assert apply_random_start(cfg)


def test_weights_that_must_be_there_stay_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'absent\.pth'):
        apply_random_start(config(str(tmp_path / 'absent.pth')))


def test_an_option_that_does_not_fit_is_told():
    cfg = config(None)
    cfg.random_start = {'train_cfg.stages.99.iters': 3}
    with pytest.raises(ValueError, match='do not fit the config, whose random_start they are'):
        apply_random_start(cfg)
