"""Hook that ends a distributed training in which a process has stopped."""

import json
import os
import sys
import threading
import time
from collections.abc import Mapping

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook

from reidgen.registry import HOOKS

from ..heartbeat import HEARTBEAT

POLL = 10.0  # seconds between two looks at the clock, at most
POST = 1.0  # seconds between two marks for the others
ANSWER_WITHIN = 5.0  # seconds for the marks of the other processes
STATUS = 1


@HOOKS.register_module()
class WatchdogHook(Hook):
    """Ends every process of a distributed training where one makes no progress.

    A process that was stopped, or that waits for a file or a GPU for ever, leaves the others
    waiting in a collective until the process group's own timeout. Each process therefore posts what
    it is doing, and after `timeout` seconds without progress of its own says which of them is
    behind, in which phase and iteration, and ends: torchrun then ends the others, and with
    `--max-restarts` starts all again, which go on from the newest checkpoint. Without several
    processes it does nothing.

    Args:
        timeout: seconds without progress in training iterations.
        long_timeout: seconds for evaluation, clustering, translation of a data set, start and end.
    """

    priority = 'VERY_HIGH'

    def __init__(self, timeout: float = 600, long_timeout: float = 7200):
        if not 0 < timeout <= long_timeout:
            raise ValueError(
                f'default_hooks.watchdog: timeout is {timeout}, long_timeout {long_timeout} '
                f'seconds; set 0 < timeout <= long_timeout, or watchdog=None for none'
            )
        self.timeout, self.long_timeout = timeout, long_timeout
        self._stopped = threading.Event()

    # ---- marks ----

    def before_train(self, runner) -> None:
        HEARTBEAT.beat('start', runner.iter, long=True)
        if get_world_size() > 1:
            self._stopped.clear()
            for task in (self._post, self._watch):
                threading.Thread(target=task, args=(runner.logger,), daemon=True).start()

    def after_train(self, runner) -> None:
        self._stopped.set()

    def before_stage(self, runner) -> None:
        HEARTBEAT.beat(f'start of stage {runner.train_loop.stage.name}', runner.iter, long=True)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        HEARTBEAT.beat('iteration', runner.iter)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        # long, as hooks after this one write checkpoints, cluster, or translate
        HEARTBEAT.beat('end of iteration', runner.iter, long=True)

    def before_val(self, runner) -> None:
        HEARTBEAT.beat('evaluation', long=True)

    def after_val(self, runner) -> None:
        HEARTBEAT.beat('end of evaluation', long=True)

    # ---- threads ----

    def _limit(self) -> float:
        return self.long_timeout if HEARTBEAT.long else self.timeout

    def _post(self, logger) -> None:
        """Posts this process's mark for the others, again and again."""
        store, rank, number = _store(), get_rank(), 0
        while not self._stopped.wait(POST if number else 0):
            number += 1
            mark = dict(place=HEARTBEAT.place, iteration=HEARTBEAT.iteration, number=number)
            try:
                store.set(f'mark{rank}', json.dumps(mark | dict(silence=HEARTBEAT.silence)))
            except RuntimeError:  # the process that holds the store has ended
                return

    def _watch(self, logger) -> None:
        while not self._stopped.wait(min(POLL, self.timeout / 4)):
            limit, silence = self._limit(), HEARTBEAT.silence  # in this order, see Heartbeat.beat
            if silence < limit:
                continue
            before = _marks(get_world_size())
            time.sleep(3 * POST)
            who = behind(before, _marks(get_world_size()))
            message = (
                f'no progress for {silence:.0f} s (limit {limit:.0f} s): {who}. This is '
                f'rank {get_rank()}, in {HEARTBEAT.place} of iteration {HEARTBEAT.iteration}. The '
                f'training is ended; --resume goes on from the newest checkpoint'
            )
            logger.error(message)
            print(message, file=sys.stderr, flush=True)
            os._exit(STATUS)  # the main thread waits in a collective and cannot be interrupted


def behind(before: Mapping[int, dict | None], marks: Mapping[int, dict | None]) -> str:
    """Processes that the others wait for, by two readings of their latest marks; None: no mark."""
    unheard = [rank for rank, mark in marks.items() if mark is None]
    if unheard:
        return f'nothing was heard of rank {", ".join(map(str, unheard))}'
    ranks = [
        rank for rank in marks if before[rank] and before[rank]['number'] == marks[rank]['number']
    ]  # these do not even post any more
    if not ranks:
        # who waits has done at least as much as who is waited for
        last = min(mark['iteration'] for mark in marks.values())
        ranks = [rank for rank in marks if marks[rank]['iteration'] == last]
    if len(ranks) == len(marks):  # within one iteration: who has been silent for longest
        ranks = [max(marks, key=lambda rank: marks[rank]['silence'])]
    return ' and '.join(
        f'rank {rank} was last heard of in {marks[rank]["place"]} of iteration '
        f'{marks[rank]["iteration"]}'
        for rank in ranks
    )


def _store() -> torch.distributed.Store:
    group = torch.distributed.distributed_c10d._get_default_store()
    return torch.distributed.PrefixStore('reidgen_watchdog', group)


def _marks(world_size: int) -> dict[int, dict | None]:
    """Latest mark of each process; None where none could be had in time."""
    marks: dict[int, dict | None] = dict.fromkeys(range(world_size))

    def read() -> None:
        store = _store()
        for rank in marks:
            if store.check([f'mark{rank}']):
                marks[rank] = json.loads(store.get(f'mark{rank}'))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(ANSWER_WITHIN)
    return marks
