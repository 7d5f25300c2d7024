"""Models whose tensors a checkpoint brings."""

import pytest
from mmengine.logging import MMLogger

from reidgen.cli import parse, test
from reidgen.engine.config import load_config, without_weights
from reidgen.engine.loading import unloaded_model


def test_networks_that_a_checkpoint_fills_are_not_logged_as_random_starts(monkeypatch):
    settings = without_weights(load_config('configs/gcl_smoke.py').model.to_dict())
    log, messages = MMLogger.get_current_instance(), []
    monkeypatch.setattr(log, 'handle', lambda record: messages.append(record.getMessage()))
    level = log.level
    model = unloaded_model(settings)
    assert (model.E_c.trunk_name, messages) == ('resnet18', [])
    assert log.level == level


def test_a_checkpoint_that_is_not_there_is_told_before_a_data_set_is_rendered(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(test.ReIDRunner, 'from_cfg', None)
    with pytest.raises(FileNotFoundError, match=r'none\.pth does not exist'):
        test.run(parse('test', ['configs/gcl_smoke.py', str(tmp_path / 'none.pth')]))
