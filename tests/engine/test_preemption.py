"""Trainings that a scheduler ends: a checkpoint comes first, and a resume is bit for bit."""

import signal
from pathlib import Path

import pytest
import torch
from tiny_networks import python

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
_base_ = ['{here}/gcl_tiny.py']
custom_imports = dict(imports=['tiny_networks', 'signal_hook'])
default_hooks = dict(checkpoint=dict(interval=10))
{hook}
"""


@pytest.fixture(scope='module')
def train(tmp_path_factory):
    folder = tmp_path_factory.mktemp('preempted')

    def run(work_dir: str, *options, at: int | None = None, number: int = 0):
        hook = f"dict(type='SignalHook', iteration={at}, number={number})"
        text = CONFIG.format(
            here=Path(__file__).parent,
            hook=f'custom_hooks = [{hook}]' if at is not None else '',
        )
        config = folder / 'config.py'
        config.write_text(text)
        done = python(ROOT / 'tools/train.py', config, '--work-dir', folder / work_dir, *options)
        return done, folder / work_dir

    return run


def weights(work_dir: Path) -> dict:
    return torch.load(work_dir / 'iter_20.pth', weights_only=True)


@pytest.fixture(scope='module')
def straight(train):
    done, work_dir = train('straight')
    assert done.returncode == 0, done.stderr
    return weights(work_dir)


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_the_training_with_a_checkpoint_that_continues_it(number, train, straight):
    done, work_dir = train(number.name, at=11, number=int(number))
    assert done.returncode == 128 + number
    assert f'ended by {number.name} after iteration 12' in done.stdout + done.stderr
    assert (work_dir / 'iter_12.pth').is_file()
    assert not (work_dir / 'error.txt').exists()
    done, work_dir = train(number.name, '--resume')
    assert done.returncode == 0, done.stderr
    resumed = weights(work_dir)
    for part in ('state_dict', 'optimizer'):
        torch.testing.assert_close(resumed[part], straight[part], rtol=0, atol=0)


def test_a_second_signal_does_not_wait():
    from reidgen.engine.hooks.preemption import PreemptionHook

    former, hook = signal.getsignal(signal.SIGUSR1), PreemptionHook()
    hook.before_train(None)
    assert signal.getsignal(signal.SIGUSR1) != former
    signal.raise_signal(signal.SIGUSR1)
    assert signal.getsignal(signal.SIGUSR1) == former
    assert hook._received == signal.SIGUSR1
