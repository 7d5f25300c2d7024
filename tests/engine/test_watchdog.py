"""The watchdog: who is named, and a real training of two processes of which one stops."""

import re
from pathlib import Path

import pytest
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from torch.multiprocessing.spawn import ProcessContext

from reidgen.engine.heartbeat import Heartbeat
from reidgen.engine.hooks.watchdog import WatchdogHook, behind
from tests import forks

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """
_base_ = ['{here}/gcl_tiny.py']
custom_imports = dict(imports=['tiny_networks', 'stall_hook'])
train_cfg = dict(stages=[dict(name='identity', iters=8, phases=['I'], loaders=['identity'])])
default_hooks = dict(
    checkpoint=dict(interval=2), best_loss=None, watchdog=dict(timeout=2, long_timeout=60),
    stall=dict(type='StallHook', iteration=5))
"""


def mark(iteration, number=2, silence=1.0, place='phase D'):
    return dict(iteration=iteration, number=number, silence=silence, place=place)


def test_the_process_that_posts_no_more_is_named():
    before = {0: mark(7, 1), 1: mark(6, 2)}
    after = {0: mark(7, 3), 1: mark(6, 2)}
    assert behind(before, after) == 'rank 1 was last heard of in phase D of iteration 6'
    before, after = {0: mark(6, 1), 1: mark(7, 2)}, {0: mark(6, 3), 1: mark(7, 2)}
    assert behind(before, after) == 'rank 1 was last heard of in phase D of iteration 7'


def test_of_those_that_post_the_one_with_fewest_iterations_is_named():
    before = {0: mark(7, 1), 1: mark(6, 1), 2: mark(7, 1)}
    after = {rank: dict(old, number=2) for rank, old in before.items()}
    assert behind(before, after) == 'rank 1 was last heard of in phase D of iteration 6'


def test_within_an_iteration_the_longest_silent_one_is_named():
    before = {0: mark(6, 1), 1: mark(6, 1)}
    after = {0: mark(6, 2, 30, 'phase G'), 1: mark(6, 2, 31, 'data loading')}
    assert behind(before, after) == 'rank 1 was last heard of in data loading of iteration 6'


def test_a_process_that_never_posted_is_named():
    assert behind({0: mark(1), 1: None}, {0: mark(1), 1: None}) == 'nothing was heard of rank 1'


def test_a_mark_keeps_the_iteration_and_starts_the_clock():
    heart = Heartbeat(at=-1e6)
    assert heart.silence > 1e6
    heart.beat('phase D', 3)
    heart.beat('evaluation', long=True)
    assert (heart.place, heart.iteration, heart.long) == ('evaluation', 3, True)
    assert heart.silence < 60


@pytest.mark.parametrize('limits', [dict(timeout=0), dict(timeout=10, long_timeout=5)])
def test_limits_that_cannot_be_are_refused(limits):
    with pytest.raises(ValueError, match=r'default_hooks\.watchdog: timeout is .*watchdog=None'):
        WatchdogHook(**limits)


@pytest.mark.slow
def test_a_training_of_which_a_process_stops_is_ended_by_name_and_goes_on_when_restarted(
    tmp_path, monkeypatch
):
    # a stopped process heeds no SIGTERM, and the agent would wait 30 s for it
    join = ProcessContext.join
    monkeypatch.setattr(
        ProcessContext, 'join', lambda self, timeout=None: join(self, timeout, grace_period=0.1)
    )
    config, log = tmp_path / 'stall.py', tmp_path / 'log'
    config.write_text(CONFIG.format(here=Path(__file__).parent))
    args = [ROOT / 'tools/train.py', config, '--work-dir', tmp_path / 'run']
    # what torchrun --standalone --nproc_per_node=2 --max-restarts=3 does
    agent = elastic_launch(
        LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=2,
            max_restarts=3,
            run_id='watchdog',
            rdzv_backend='c10d',
            rdzv_endpoint='localhost:0',
            start_method='fork',
        ),
        forks.program([*args, '--launcher', 'pytorch']),
    )
    assert forks.in_child(agent, log) == 0, log.read_text()[-3000:]
    told = log.read_text()
    assert re.search(r'no progress for [2-9] s \(limit 2 s\)', told)
    assert re.search(r'rank 1 was last heard of in .* of iteration [0-5]\. This', told)
    assert 'This is rank 0, in phase ' in told
    logs = '\n'.join(path.read_text() for path in (tmp_path / 'run').glob('*/*.log'))
    assert 'resumed' in logs
    assert (tmp_path / 'run/iter_8.pth').is_file()
