"""A crash in the middle of a training, which goes on from its last checkpoint."""

from mmengine.hooks import Hook


class Killed(BaseException):
    """Exception of KillHook, which no handler of Exception catches, like a Ctrl-C."""


class KillHook(Hook):
    """Crash in the middle of an iteration."""

    priority = 'HIGHEST'

    def __init__(self, iteration: int):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.iteration:
            raise Killed
