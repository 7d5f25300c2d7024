"""Keys of a config that are for all networks."""

from pathlib import Path

import pytest
from mmengine.hooks import Hook

from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config, only_evaluate
from reidgen.models.layers.activation_checkpointing import is_checkpointed
from reidgen.models.layers.ghost_batch_norm import GhostBatchNorm

CONFIG = Path(__file__).with_name('gcl_tiny.py')
OPTIONS = dict(
    activation_checkpointing=['G'], compile=dict(networks=['E_p'], backend='eager'), bn_group=4
)


def runner(tmp_path, options, for_test: bool = False) -> ReIDRunner:
    cfg = load_config(CONFIG, options)
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name  # mmengine keeps one scope a name, and names by the second
    if for_test:
        only_evaluate(cfg)
    return ReIDRunner.from_cfg(cfg)


@pytest.mark.slow
def test_a_training_checkpoints_and_compiles_what_the_config_names(tmp_path):
    model = runner(tmp_path, OPTIONS).model
    assert [is_checkpointed(network) for network in (model.G, model.F)] == [True, False]
    assert [network._compiled_call_impl is None for network in (model.E_p, model.G)] == [
        False,
        True,
    ]


@pytest.mark.slow
def test_a_stage_trains_with_its_own_batch_norm_groups_and_leaves_the_usual_ones(tmp_path):
    options = {
        'bn_group': 4,
        'train_cfg.stages.0.iters': 1,
        'train_cfg.stages.0.bn_group': 2,
        'train_cfg.stages.1.iters': 1,
        'train_cfg.stages.2.iters': 1,
    }
    built, found = runner(tmp_path, options), []

    class Reader(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            layers = [m for m in runner.model.modules() if isinstance(m, GhostBatchNorm)]
            found.append({layer.bn_group for layer in layers})

    built.register_hook(Reader())
    built.train()
    assert found == [{2}, {4}, {4}]


@pytest.mark.slow
def test_a_test_does_neither(tmp_path):
    model = runner(tmp_path, OPTIONS, for_test=True).model
    assert not is_checkpointed(model.G)
    assert model.E_p._compiled_call_impl is None


def test_a_key_of_another_spelling_is_told_the_known_one(tmp_path):
    with pytest.raises(
        ValueError, match=r"no key 'activation_checkpoint'.*activation_checkpointing"
    ):
        load_config(CONFIG, dict(activation_checkpoint=['G']))
