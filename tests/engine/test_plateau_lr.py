"""PlateauLRHook: when rates fall, how far, and over a resumed training."""

import logging
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from crashes import Killed, KillHook

from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config
from reidgen.engine.hooks import PlateauLRHook

TERM = 'D/stat.M'


def runner(iters: int = 100) -> SimpleNamespace:
    """What the hook reads of a runner: a stage, and a group at a rate of 4e-4, halved by rule."""
    stage = SimpleNamespace(name='gan', iters=iters)
    groups = {
        name: SimpleNamespace(base_lrs=(8e-4,), param_groups=[dict(lr=4e-4)]) for name in 'GDI'
    }
    loop = SimpleNamespace(stage=stage, stage_names=('gan',), done=0)
    return SimpleNamespace(train_loop=loop, optim_wrapper=groups, logger=logging.getLogger('test'))


def rates(hook: PlateauLRHook, values: list[float], **kwargs) -> list[float]:
    """Rate of G in each iteration, and at the end, where the term has these values."""
    run, seen = runner(**kwargs), []
    for done, value in enumerate([*values, None]):
        run.train_loop.done = done
        for group in run.optim_wrapper.values():
            group.param_groups[0]['lr'] = 4e-4  # StageLRHook comes before
        hook.before_train_iter(run, done)
        seen.append(run.optim_wrapper['G'].param_groups[0]['lr'])
        assert run.optim_wrapper['I'].param_groups[0]['lr'] == 4e-4
        if value is not None:
            hook.after_train_iter(run, done, outputs={TERM: value})
    return seen


def test_the_rate_is_halved_after_windows_in_a_row_without_a_fall():
    hook = PlateauLRHook('gan', window=2, patience=2, least=0.1)
    # means by twos: 1.0; 0.95, no fall; 0.8, a fall; 0.8 and 0.73, none; 0.9 twice, none
    values = [1.5, 0.5, 0.9, 1.0, 0.8, 0.8, 0.8, 0.8, 0.5, 0.96, 0.9, 0.9, 0.9, 0.9]
    expected = [4e-4] * 10 + [2e-4] * 4 + [1e-4]
    assert rates(hook, values) == pytest.approx(expected)


def test_the_rate_stays_above_its_floor_and_a_rule_that_is_below_is_left():
    hook = PlateauLRHook('gan', window=1, patience=1, floor=0.2)  # of 8e-4
    assert rates(hook, [1.0] * 4) == pytest.approx([4e-4, 4e-4, 2e-4, 1.6e-4, 1.6e-4])
    hook = PlateauLRHook('gan', window=1, patience=1, floor=0.75)
    assert rates(hook, [1.0] * 4) == pytest.approx([4e-4] * 5)


def test_a_term_below_zero_falls_by_its_size_too():
    hook = PlateauLRHook('gan', window=1, patience=1, least=0.5)
    assert rates(hook, [-1.0, -1.6, -1.7]) == pytest.approx([4e-4, 4e-4, 4e-4, 2e-4])


def test_another_stage_is_left_alone():
    hook = PlateauLRHook('joint', window=1, patience=1)
    assert rates(hook, [1.0] * 3) == [4e-4] * 4
    assert hook.state['lowest'] is None


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r'PlateauLRHook\.window is 0'):
        PlateauLRHook('gan', window=0)
    with pytest.raises(ValueError, match=r'PlateauLRHook\.gamma is 2; it must be .* below 1'):
        PlateauLRHook('gan', gamma=2)
    with pytest.raises(ValueError, match=r"watches the stage 'gun'; the stages are \['gan'\]"):
        PlateauLRHook('gun').before_train(runner())
    with pytest.raises(ValueError, match=r"groups names \['C'\]; optim_wrapper has \['D', 'G'"):
        PlateauLRHook('gan', groups=('G', 'C')).before_train(runner())
    with pytest.raises(ValueError, match=r"watches 'D/stat.M'; stage gan logs \['G/loss'\]"):
        PlateauLRHook('gan').after_train_iter(runner(), 0, outputs={'G/loss': 1.0})


def train(work_dir: Path, kill_at: int | None = None, resume: bool = False) -> PlateauLRHook:
    """BEGAN on drawn figures for nine iterations, a checkpoint every five."""
    root = Path(__file__).parents[2]
    options = {'train_cfg.stages.0.iters': 9, 'default_hooks.checkpoint.interval': 5}
    cfg = load_config(root / 'projects/pose_gan/configs/began_smoke.py', options)
    # no window of M is below half of the first: the rates fall in iterations 4, 6 and 8
    plateau = dict(type='PlateauLRHook', stage='gan', window=2, patience=1, least=0.5)
    cfg.default_hooks.update(plateau=plateau, diagnostics=None, grid=None, watchdog=None)
    cfg.visualizer = dict(type='Visualizer', vis_backends=None)
    cfg.work_dir, cfg.resume = str(work_dir), resume
    cfg.experiment_name = f'plateau_{work_dir.name}_{resume}'
    run = ReIDRunner.from_cfg(cfg)
    if kill_at is not None:
        run.register_hook(KillHook(kill_at))
    with suppress(Killed):
        run.train()
    return next(hook for hook in run.hooks if isinstance(hook, PlateauLRHook))


@pytest.mark.slow
def test_a_training_that_is_killed_in_a_window_and_resumed_ends_as_the_whole(tmp_path):
    expected = train(tmp_path / 'whole').state
    train(tmp_path / 'halves', kill_at=7)
    assert train(tmp_path / 'halves', resume=True).state == expected
    assert expected['falls'] == 3
    files = (tmp_path / name / 'stage_gan.pth' for name in ('whole', 'halves'))
    whole, halves = (torch.load(file, weights_only=True) for file in files)
    for key, value in whole['state_dict'].items():
        assert torch.equal(value, halves['state_dict'][key]), key
    logs = [each['message_hub']['log_scalars']['train/G.lr']['log'] for each in (whole, halves)]
    assert logs[0].tolist() == logs[1].tolist()
    assert logs[0].tolist() == pytest.approx([8e-5] * 4 + [4e-5] * 2 + [2e-5] * 2 + [1e-5])
