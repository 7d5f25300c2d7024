import os
import random
import signal
import time
from pathlib import Path

import pytest
import torch

from reidgen.checkpoint import read_checkpoint
from reidgen.files import locked
from tests.forks import end_of, program, run_program, start

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CONFIG = Path(__file__).with_name('gcl_tiny.py')
LOADERS = ('identity', 'source')


def history(checkpoint: dict) -> dict[str, list[float]]:
    """The logged losses and learning rates; times differ from run to run."""
    scalars = checkpoint['message_hub']['log_scalars']
    return {k: v['log'].tolist() for k, v in scalars.items() if 'time' not in k}


def same(one, other, place='') -> None:
    """Nested plain values and tensors, bit for bit."""
    assert type(one) is type(other), place
    if isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for key in one:
            same(one[key], other[key], f'{place}.{key}')
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), place
        for number, (a, b) in enumerate(zip(one, other)):
            same(a, b, f'{place}.{number}')
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), place
    else:
        assert one == other, place


def assert_same_end(one: Path, other: Path) -> None:
    one, other = read_checkpoint(one), read_checkpoint(other)
    for part in ('state_dict', 'optimizer', 'random_state'):
        same(one[part], other[part], part)
    assert history(one) == history(other)


# augmentation is random in all loaders; the training in one piece has no workers
@pytest.mark.parametrize('kill_at,workers', [(12, 0), (17, 2)])
def test_a_killed_and_resumed_training_ends_with_the_bits_of_one_in_a_piece(
    kill_at, workers, straight, train, tmp_path
):
    options = {f'train_dataloader.{name}.num_workers': workers for name in LOADERS}
    train(tmp_path, options, kill_at=kill_at)
    assert not (tmp_path / 'iter_20.pth').exists()
    torch.manual_seed(999)  # what a new process starts with must not matter
    resumed = train(tmp_path, options, resume=True)
    assert resumed.iter == 20
    assert_same_end(Path(straight.work_dir, 'iter_20.pth'), tmp_path / 'iter_20.pth')


def test_a_resume_at_a_stage_boundary_takes_the_actions_of_its_first_iteration(
    straight, train, tmp_path
):
    train(tmp_path, kill_at=14)  # in the first iteration of joint: its memory has just been filled
    (tmp_path / 'iter_10.pth').unlink()
    assert read_checkpoint(tmp_path / 'stage_generators.pth')['meta']['iter'] == 13
    train(tmp_path, resume=True)
    assert_same_end(Path(straight.work_dir, 'stage_joint.pth'), tmp_path / 'stage_joint.pth')


def test_resuming_with_another_seed_is_refused(straight, train, tmp_path):
    path = str(Path(straight.work_dir, 'iter_10.pth'))
    with pytest.raises(
        ValueError, match=r'trained with the seed 0, this run has 7.*randomness\.seed=0'
    ):
        train(tmp_path, resume=True, load_from=path, randomness=dict(seed=7))


def test_a_longer_last_stage_goes_on_where_the_shorter_ended(straight, train, tmp_path):
    path = str(Path(straight.work_dir, 'iter_20.pth'))
    runner = train(tmp_path, {'train_cfg.stages.2.iters': 9}, resume=True, load_from=path)
    assert runner.iter == 22


def test_a_longer_last_stage_goes_on_though_evaluations_and_logs_are_set_otherwise(
    straight, train, tmp_path
):
    path = str(Path(straight.work_dir, 'iter_20.pth'))
    options = {
        'train_cfg.stages.2.iters': 9,
        'train_cfg.stages.2.eval_every': 4,
        'train_cfg.stages.2.title': 'both',
        'default_hooks.logger.interval': 3,
    }
    runner = train(tmp_path, options, resume=True, load_from=path)
    assert runner.iter == 22
    assert runner.message_hub.runtime_info['evaluated_at'] == 22


def test_nothing_to_resume_starts_anew_and_says_so(train, tmp_path):
    runner = train(tmp_path, kill_at=2, resume=True)
    assert runner.iter == 1
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert f'nothing to resume in {tmp_path}' in log


def test_weights_that_a_run_started_from_are_not_forgotten_by_a_resume(straight, train, tmp_path):
    path = str(Path(straight.work_dir, 'stage_identity.pth'))
    train(tmp_path, kill_at=2, load_from=path)
    with pytest.raises(ValueError, match=rf'started with --load-from {path}: start it again'):
        train(tmp_path, resume=True)
    train(tmp_path, kill_at=6, load_from=path)
    assert train(tmp_path, kill_at=7, resume=True).iter == 6  # from its checkpoint


def test_a_second_training_in_a_work_dir_stops_while_the_first_lives(train, tmp_path):
    def hold():
        with locked(tmp_path):
            time.sleep(100)

    first = start(hold, tmp_path / 'log')
    try:
        while not (tmp_path / '.lock').exists() or not (tmp_path / '.lock').read_text():
            time.sleep(0.05)
        with pytest.raises(FileExistsError, match=f'is in use by process {first} on'):
            train(tmp_path, resume=True)
    finally:
        os.kill(first, signal.SIGKILL)
        end_of(first)
    assert train(tmp_path, kill_at=2, resume=True).iter == 1


def test_kill_9_at_a_random_moment_and_resume_ends_with_the_same_weights(straight, env, tmp_path):
    command = [ROOT / 'tools/train.py', CONFIG, '--work-dir', tmp_path / 'run']
    process = start(program(command, env=env()), tmp_path / 'log')
    deadline = time.time() + 60
    while not any(tmp_path.glob('run/*.pth')) and time.time() < deadline:
        time.sleep(0.05)
    time.sleep(random.Random(time.time_ns()).uniform(0, 3))
    os.kill(process, signal.SIGKILL)
    end_of(process)
    assert any(tmp_path.glob('run/*.pth')), (tmp_path / 'log').read_text()
    again = run_program([*command, '--resume'], env=env())
    assert again.returncode == 0, again.stderr
    assert_same_end(Path(straight.work_dir, 'stage_joint.pth'), tmp_path / 'run/stage_joint.pth')
