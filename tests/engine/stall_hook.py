"""Hook for the tests: a process of several that stops, as one on a hanging disk would."""

import os
import signal
from pathlib import Path

from mmengine.dist import get_rank
from mmengine.hooks import Hook

from reidgen.engine.hooks import watchdog
from reidgen.registry import HOOKS

watchdog.POST = 0.4  # who has stopped is known after three of these


@HOOKS.register_module()
class StallHook(Hook):
    """Stops the process of rank 1 before an iteration, once in a work dir."""

    def __init__(self, iteration: int):
        self.iteration = iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        stopped = Path(runner.work_dir, 'stopped')
        if runner.iter == self.iteration and get_rank() == 1 and not stopped.exists():
            stopped.touch()
            os.kill(os.getpid(), signal.SIGSTOP)
