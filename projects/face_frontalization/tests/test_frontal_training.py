"""Trainings of frontalization with critic steps: resumed, and on two processes."""

from itertools import count
from pathlib import Path

import pytest
import torch
from face_pictures import DIM

from reidgen.checkpoint import read_checkpoint
from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config
from tests.engine.crashes import Killed, KillHook
from tests.engine.kill_runs import differences
from tests.engine.one_process import train as train_process
from tests.engine.processes import finish, start

pytestmark = pytest.mark.slow

SMOKE = Path(__file__).parents[1] / 'configs/frontal_smoke.py'
NUMBERS = count()
SMALL = {
    'model.networks.E.network': dict(_delete_=True, type='TinyFaceNet'),
    'model.networks.G.code_dim': DIM,
    'train_cfg.stages': [dict(name='gan', iters=12, every=dict(G=5))],
    'default_hooks.checkpoint.interval': 7,
    **{f'default_hooks.{hook}': None for hook in ('diagnostics', 'watchdog', 'grid')},
}
# a penalty and layer norm, as batch norm takes statistics of each process's own images; Adam
# divides by the size of the gradient: where that is rounding, it shows rounding at full size
SGD = {
    f'optim_wrapper.{name}': dict(_delete_=True, networks=[name], type='SGD', lr=1e-3)
    for name in 'GD'
}
PENALISED = {
    'model.networks.D.norm': 'layer',
    'model.penalty': dict(kind='wgan_gp', reduction='sum'),
    'model.loss_weights.gp': 10.0,
}


def train(work_dir: Path, kill_at: int | None = None, resume: bool = False) -> Path:
    """Trains until a crash in an iteration, or to the end: the last checkpoint."""
    cfg = load_config(SMOKE, SMALL)
    cfg.work_dir, cfg.resume = str(work_dir), resume
    cfg.experiment_name = f'frontal_{next(NUMBERS)}'  # one log history a name
    cfg.visualizer = dict(type='LogVisualizer', vis_backends=None)
    runner = ReIDRunner.from_cfg(cfg)
    if kill_at is not None:
        runner.register_hook(KillHook(kill_at))
    try:
        runner.train()
    except Killed:
        assert runner.iter + 1 == kill_at
    return work_dir / 'stage_gan.pth'


def test_a_training_killed_between_critic_steps_ends_with_the_bits_of_one_in_a_piece(tmp_path):
    whole = train(tmp_path / 'whole')
    killed = train(tmp_path / 'killed', kill_at=9)  # after the checkpoint of iteration 7 of 5, 10
    assert not killed.exists()
    torch.manual_seed(999)  # what a new process starts with must not matter
    assert train(tmp_path / 'killed', resume=True) == killed
    one, other = read_checkpoint(whole), read_checkpoint(killed)
    for part in ('state_dict', 'optimizer', 'random_state'):
        assert differences(one[part], other[part], part) == []


def test_two_processes_with_half_the_batch_are_one_with_all_of_it(tmp_path):
    def run(number: int) -> list[dict]:
        sizes = {f'train_dataloader.{x}.batch_size': 4 // number for x in ('profile', 'front')}
        options = SMALL | SGD | PENALISED | sizes | {'config': str(SMOKE)}
        folder = tmp_path / str(number)

        def work(rank: int) -> None:
            train_process(folder / 'run', folder / f'end{rank}.pth', options)

        finish(start(number, work, folder))
        return [torch.load(folder / f'end{rank}.pth')['state'] for rank in range(number)]

    (one,), (first, second) = run(1), run(2)
    assert differences(first, second) == []
    for key in one:  # rounding turns a ReLU on or off now and then
        torch.testing.assert_close(one[key], first[key], rtol=0, atol=1e-4, msg=key)
