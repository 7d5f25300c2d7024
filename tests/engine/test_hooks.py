import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf
from mmengine.hooks import Hook
from torch.utils.data import default_collate

from reidgen.checkpoint import read_checkpoint
from reidgen.engine.embedding import embed_dataset
from reidgen.engine.hooks import (
    BaselineHook,
    MemoryInitHook,
    TranslationGridHook,
)
from tests.pictures import read_picture

pytestmark = pytest.mark.slow

PAIR = dict(phases=['D', 'G'], loaders=['source', 'target'])
JOINT = dict(PAIR, name='joint', iters=2)


@pytest.fixture
def entered(build, tmp_path):
    """A runner in the first iteration of a joint stage, nothing trained."""

    def make(**stage):
        runner = build(tmp_path, {'train_cfg.stages': [dict(JOINT, **stage)]})
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        stage = runner.train_loop.stages[0]
        runner.model.enter_stage(stage.name, stage.phases, stage.frozen, stage.loss_weights)
        runner.model.train()
        return runner

    return make


# ---- memory ----


def test_memory_holds_eval_mode_embeddings_in_the_order_of_the_list(entered):
    runner = entered()
    model, images = runner.model, runner.train_loop.dataloader.dataset['source']
    MemoryInitHook(batch_size=5).before_stage(runner)
    assert model.bank.filled
    assert model.training
    plain = images.plain()
    model.eval()
    for row in range(len(images)):
        batch = model.data_preprocessor(default_collate([plain[row]]))
        with torch.no_grad():
            expected = nnf.normalize(model.E_c(batch.img).embedding)[0]
        torch.testing.assert_close(model.bank.features[row], expected, rtol=0, atol=1e-5)
    assert model.bank.labels.tolist() == np.repeat(range(8), 4).tolist()


def test_a_filled_memory_is_left_alone(entered):
    runner = entered()
    runner.model.bank.fill(torch.ones(32, 8), torch.arange(32))
    MemoryInitHook().before_stage(runner)
    assert runner.model.bank.labels.tolist() == list(range(32))


def test_a_stage_without_memory_fills_none(entered):
    runner = entered(loss_weights=dict(memory=0))
    MemoryInitHook().before_stage(runner)
    assert not runner.model.bank.filled


def test_embedding_a_data_set_keeps_the_mode_of_the_model(entered):
    model = entered().model
    model.eval()
    features = embed_dataset(model, entered().train_loop.dataloader.dataset['source'], batch_size=7)
    assert not model.training
    torch.testing.assert_close(features.norm(dim=1), torch.ones(32))


# ---- baselines and report ----


def test_baselines_are_written_and_leave_the_model_bit_identical(entered, moved, tmp_path):
    runner = entered(baselines=['direct', 'adabn'])
    before = moved.snapshot(runner.model)
    modes = [module.training for module in runner.model.modules()]
    BaselineHook().before_stage(runner)
    assert moved(before, runner.model.state_dict()) == set()
    assert [module.training for module in runner.model.modules()] == modes
    found = json.loads((tmp_path / 'baselines.json').read_text())['joint']
    assert set(found) == {'direct', 'adabn'}
    assert found['direct'] == pytest.approx(runner.val_loop.evaluate())
    assert found['adabn']['mAP'] != found['direct']['mAP']
    assert (
        found['adabn']['source/mAP'] == found['direct']['source/mAP']
    )  # adapted to the target alone


def test_baselines_are_measured_before_the_first_iteration_only(entered, tmp_path):
    runner = entered(baselines=['direct'])
    runner.train_loop._iter = 1
    BaselineHook().before_stage(runner)
    assert not (tmp_path / 'baselines.json').exists()


def test_every_loader_counts_its_own_iterations(build, tmp_path):
    class Count(Hook):
        lengths = []

        def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            self.lengths.append((batch_idx, len(runner.val_dataloader)))

    options = {'val_dataloader.target.batch_size': 32, 'val_dataloader.source.batch_size': 8}
    runner = build(tmp_path, options)
    runner.register_hook(Count())
    runner.call_hook('before_val_epoch')
    runner.val_loop.evaluate()
    assert Count.lengths == [(0, 1), *((number, 4) for number in range(4))]


def test_baselines_of_a_run_that_was_stopped_before_it_saved_are_not_reported(entered, tmp_path):
    path = tmp_path / 'baselines.json'
    path.write_text('{"generators": {}}')
    runner = entered(baselines=['direct'])
    BaselineHook().before_train(runner)
    assert not path.exists()


def test_a_deterministic_run_warns_of_kernels_without_a_deterministic_version(build, tmp_path):
    try:
        build(tmp_path, {'randomness.deterministic': True})
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.deterministic = False


def test_a_first_stage_without_anything_loaded_warns(build, tmp_path):
    runner = build(tmp_path, {'train_cfg.first_stage': 'joint'})
    assert [stage.name for stage in runner.train_loop.stages] == ['joint']
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'the stages before joint are left out and nothing is loaded' in log


def test_both_reports_the_encoder_as_it_stands_and_with_target_statistics(build, tmp_path):
    runner = build(tmp_path / 'both', {'val_cfg.both': True, 'default_hooks.report': None})
    loop = runner.val_loop
    metrics, direct, adapted = loop.run(), loop.evaluate(), loop.evaluate_adapted()
    assert {key: metrics[key] for key in direct} == pytest.approx(direct)
    found = {key: metrics[key] for key in metrics if key.startswith('adabn/')}
    assert found == pytest.approx(
        {f'adabn/{key}': value for key, value in adapted.items() if '/' not in key}
    )
    assert metrics['mAP'] != metrics['adabn/mAP']
    with pytest.raises(ValueError, match='take recalibrate=True out'):
        _ = build(tmp_path / 'wrong', {'val_cfg.both': True, 'val_cfg.recalibrate': True}).val_loop


def test_a_resume_after_an_evaluation_keeps_its_row(train, tmp_path):
    options = {
        'train_cfg.stages': [
            dict(name='identity', iters=4, phases=['I'], loaders=['identity'], eval_every=2)
        ],
        'default_hooks.checkpoint': dict(interval=2, save_best='mAP', max_keep_ckpts=2),
    }
    train(
        tmp_path, options, kill_at=3
    )  # iteration 2 was the best so far: its file is written twice
    train(tmp_path, options, resume=True)
    rows = json.loads((tmp_path / 'evaluations.json').read_text())
    assert [row['iter'] for row in rows] == [2, 4]


# ---- pictures ----


def test_grids_are_written_and_leave_random_state_and_modes_alone(entered, tmp_path):
    runner = entered()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    modes = [module.training for module in runner.model.modules()]
    hook = TranslationGridHook(interval=10, num_images=3)
    for runner.train_loop._iter in range(2):  # not due, then the stage's last
        hook.after_train_iter(runner, runner.train_loop._iter)
    assert torch.equal(torch.rand(3), expected)
    assert [module.training for module in runner.model.modules()] == modes
    assert [path.name for path in (tmp_path / 'grids').iterdir()] == ['joint_000002.png']
    width, height = read_picture(tmp_path / 'grids/joint_000002.png').size
    assert width >= 10 * 32
    assert height >= 3 * 64


def test_a_stage_without_both_domains_has_no_grid(build, tmp_path):
    runner = build(tmp_path)
    TranslationGridHook(interval=1).after_train_iter(runner, 0)  # stage identity
    assert not (tmp_path / 'grids').exists()


# ---- stages in a run ----


def test_start_best_goes_on_from_the_lowest_loss(train, tmp_path):
    stage = dict(phases=['I'], loaders=['identity'])
    options = {
        'train_cfg.stages': [
            dict(
                stage, name='first', iters=3, lr=dict(I=dict(scale=50.0))
            ),  # 0.05: the loss jumps about
            dict(stage, name='second', iters=1, start='best', lr=dict(I=dict(scale=0.0))),
        ],
        'optim_wrapper.I.weight_decay': 0.0,
        'custom_hooks': [dict(type='BestLossHook', stage='first', term='I/loss', interval=1)],
    }
    runner = train(tmp_path, options)
    best = read_checkpoint(tmp_path / 'best_loss_first.pth')['state_dict']
    for name, parameter in runner.model.named_parameters():
        assert torch.equal(parameter, best[name]), name


def test_optimizer_state_of_a_group_that_is_done_is_dropped(straight):
    state = {
        name: read_checkpoint(Path(straight.work_dir, name))['optimizer']
        for name in ('iter_5.pth', 'iter_10.pth')
    }
    assert state['iter_5.pth']['I']['state']
    assert not state['iter_10.pth']['I']['state']
    assert state['iter_10.pth']['G']['state']


def test_learning_rates_in_the_log_follow_the_rules(straight):
    scalars = read_checkpoint(Path(straight.work_dir, 'iter_20.pth'))['message_hub']['log_scalars']
    rates = scalars['train/E_c.lr']['log'].tolist()
    assert rates == pytest.approx(4 * [3.5e-4] + 3 * [3.5e-5])
    assert 'train/I.lr' not in scalars
