"""Hook for the tests: a scheduler that wants the machine back."""

import os

from mmengine.hooks import Hook

from reidgen.registry import HOOKS


@HOOKS.register_module()
class SignalHook(Hook):
    """Sends the process a signal before an iteration."""

    def __init__(self, iteration: int, number: int):
        self.iteration, self.number = iteration, number

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if runner.iter == self.iteration:
            os.kill(os.getpid(), self.number)
