"""Hook for a progress bar on terminals."""

import sys
from contextlib import ExitStack

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from reidgen.registry import HOOKS


@HOOKS.register_module()
class ProgressHook(Hook):
    """Shows iterations and ETA on a terminal, below the log lines; nothing elsewhere."""

    priority = 'VERY_LOW'

    def __init__(self):
        self._bar, self._stack = None, ExitStack()

    def before_train(self, runner) -> None:
        if is_main_process() and sys.stderr.isatty():
            loop = runner.train_loop
            self._stack.enter_context(logging_redirect_tqdm([runner.logger]))
            self._bar = self._stack.enter_context(
                tqdm(total=loop.max_iters, initial=loop.iter, unit='it')
            )

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        if self._bar is not None:
            self._bar.set_description(runner.train_loop.stage.name, refresh=False)
            self._bar.update()

    def after_train(self, runner) -> None:
        self._stack.close()
        self._bar = None
