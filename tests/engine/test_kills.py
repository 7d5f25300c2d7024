"""Killed at a write, resumed, and compared bit for bit with the training that was not killed.

Compared are weights, optimizers, random states, metrics, reports, pictures and the list of files.
"""

import os
import re
import shutil
import signal
import socket
from pathlib import Path

import pytest
import torch.distributed
from kill_runs import (
    CONFIG,
    contents,
    differences,
    finished,
    is_like,
    is_number,
    killed_at,
    note_writes,
    train,
)

from reidgen.engine.config import load_config
from tests.forks import end_of, start

SHORT = {
    'train_cfg.stages': [
        dict(name='identity', iters=2, phases=['I'], loaders=['identity'], eval_every=2)
    ],
    'custom_hooks': [dict(type='DrawHook')],
    'default_hooks.best_loss': None,
}


def a_whole_run(folder: Path, options=None) -> dict[str, object]:
    """What an undisturbed training leaves."""
    load_config(CONFIG, options)
    finished(folder / 'whole', folder / 'whole.log', options)
    return contents(folder / 'whole')


@pytest.fixture(scope='module')
def ended(tmp_path_factory) -> Path:
    """Work dir of an undisturbed training; not to be changed."""
    folder = tmp_path_factory.mktemp('kills')
    a_whole_run(folder)
    return folder / 'whole'


@pytest.fixture(scope='module')
def whole(ended):
    return contents(ended)


@pytest.mark.slow
def test_killed_between_the_two_names_of_a_checkpoint(tmp_path):
    before, log = a_whole_run(tmp_path, SHORT), tmp_path / 'log'
    point = is_like('link .*stage_identity.pth.part')
    assert killed_at(tmp_path / 'cut', point, log, SHORT) == -signal.SIGKILL
    assert (tmp_path / 'cut/iter_2.pth').exists()
    assert not (tmp_path / 'cut/stage_identity.pth').exists()
    finished(tmp_path / 'cut', log, SHORT, resume=True)
    assert differences(before, contents(tmp_path / 'cut')) == []
    assert 'made again: stage_identity.pth' in log.read_text()


# what is about to be written, in order; each is the first of its process, or the n-th. Every write
# of a training is in tools/benchmarks/kills.py
POINTS = {
    'first checkpoint': ('replace .*iter_2.pth',),
    'best loss': ('replace .*best_loss_generators.pth',),
    'stage switch': ('link .*stage_generators.pth.part',),
    'translated set': (r'replace .*translated/joint/\w+.(png|jpg)', 7),
    'grid': ('replace .*joint_000008.png',),
    'clusters': ('replace .*iter_12.pth',),
    'old best': (r'unlink .*best_mAP_iter_\d+.pth',),
    'last report': ('replace .*evaluations.json',),
}


@pytest.mark.slow
def test_killed_at_one_write_after_another_and_resumed_each_time(whole, tmp_path):
    log = tmp_path / 'log'
    for number, (name, point) in enumerate(POINTS.items()):
        status = killed_at(tmp_path / 'cut', is_like(*point), log, resume=number > 0)
        assert status == -signal.SIGKILL, f'{name}: {log.read_text()[-3000:]}'
    finished(tmp_path / 'cut', log, resume=True)
    assert differences(whole, contents(tmp_path / 'cut')) == []


@pytest.mark.slow
def test_killed_with_workers_and_again_while_it_resumes(whole, tmp_path):
    # the whole one had no workers
    names = ('identity', 'source', 'target', 'clusters')
    workers = {f'train_dataloader.{name}.num_workers': 1 for name in names}
    cut, log = tmp_path / 'cut', tmp_path / 'log'
    point = is_like('link .*stage_joint.pth.part')
    assert killed_at(cut, point, log, workers) == -signal.SIGKILL
    for again in (1, 4, 8):  # while it cleans up, and at two of the writes after that
        assert killed_at(cut, is_number(again), log, workers, resume=True) == -signal.SIGKILL
    finished(cut, log, workers, resume=True)
    assert differences(whole, contents(cut)) == []


@pytest.mark.slow
def test_a_damaged_newest_checkpoint_costs_what_came_after_the_one_before(whole, tmp_path):
    cut, log = tmp_path / 'cut', tmp_path / 'log'
    assert killed_at(cut, is_like('unlink .*iter_10.pth'), log) == -signal.SIGKILL
    for name in ('iter_14.pth', 'stage_clusters.pth'):
        path = cut / name
        path.write_bytes(path.read_bytes()[:-1000])
    finished(cut, log, resume=True)
    assert differences(whole, contents(cut)) == []
    told = log.read_text()
    assert re.search(r'WARNING.*iter_14\.pth is .*; iter_12\.pth is taken instead', told)
    removed = re.search(r'resumed at iteration 12; removed: (.*)', told)[1].split(', ')
    assert {'iter_14.pth', 'stage_clusters.pth'} <= set(removed)


@pytest.mark.slow
def test_an_older_checkpoint_that_is_named_takes_the_work_dir_back(ended, whole, tmp_path):
    work = shutil.copytree(ended, tmp_path / 'work')
    finished(work, tmp_path / 'log', resume=str(work / 'iter_12.pth'))
    assert differences(whole, contents(work)) == []
    assert 'removed: iter_14.pth' in (tmp_path / 'log').read_text()


def with_two_ranks(work_dir: Path, log: Path, kill=None, resume=False) -> int:
    """Status of the first of two processes of one training; the second is ended with it."""
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        port = str(found.getsockname()[1])

    def rank(number: int) -> None:
        os.environ |= dict(RANK=str(number), LOCAL_RANK=str(number), WORLD_SIZE='2')
        os.environ |= dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
        torch.distributed.init_process_group('gloo')
        if number == 0 and kill:
            note_writes(kill)
        train(work_dir, TWO_RANKS, resume)
        torch.distributed.destroy_process_group()

    first = start(lambda: rank(0), log)
    second = start(lambda: rank(1), log.with_suffix('.second'))
    status = end_of(first)
    if status != 0:  # it may be waiting for the first, or have found that it is gone
        os.kill(second, signal.SIGKILL)
    second = end_of(second)
    return status or second


PAIR = dict(phases=['D', 'G'], loaders=['source', 'target'])
TWO_RANKS = SHORT | {
    'train_cfg.stages': [
        dict(name='identity', iters=2, phases=['I'], loaders=['identity'], eval_every=2),
        dict(PAIR, name='joint', iters=2, eval_every=2, baselines=['direct']),
    ],
    'train_dataloader.identity.batch_size': 8,
    'train_dataloader.identity.sampler.num_identities': 2,
}


@pytest.mark.slow
def test_two_processes_that_were_killed_and_resumed(tmp_path):
    load_config(CONFIG, TWO_RANKS)
    log = tmp_path / 'log'
    assert with_two_ranks(tmp_path / 'whole', log) == 0, log.read_text()[-3000:]
    for number, wanted in enumerate(('replace .*stage_identity.pth', 'replace .*report.md')):
        killed = with_two_ranks(tmp_path / 'cut', log, is_like(wanted), resume=number > 0)
        assert killed == -signal.SIGKILL, log.read_text()[-3000:]
    assert with_two_ranks(tmp_path / 'cut', log, resume=True) == 0, log.read_text()[-3000:]
    assert differences(contents(tmp_path / 'whole'), contents(tmp_path / 'cut')) == []
