"""Hook that writes a checkpoint before a scheduler ends the training."""

import signal
from types import FrameType

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook

from reidgen.registry import HOOKS

from .atomic_checkpoint import AtomicCheckpointHook

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


@HOOKS.register_module()
class PreemptionHook(Hook):
    """Ends the training with a checkpoint where SIGTERM or SIGUSR1 comes.

    These are what schedulers send before they kill (Slurm: `--signal=USR1@120`; torchrun: SIGTERM,
    30 seconds before). The iteration is finished, its `iter_N.pth` written, and the process ends
    with exit status 128 + number of the signal; `--resume` goes on. With several processes all end
    at the same iteration, whichever got the signal. During an evaluation the signal waits for its
    end; a second signal does what it would without this hook.
    """

    priority = 'VERY_LOW'  # before the checkpoint

    def __init__(self):
        self._received = 0  # number of the signal
        self._former: dict[int, object] = {}

    def before_train(self, runner) -> None:
        for number in SIGNALS:
            self._former[number] = signal.signal(number, self._receive)

    def after_train(self, runner) -> None:
        self._restore()

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        if get_world_size() > 1:
            received = torch.tensor(self._received, device=next(runner.model.parameters()).device)
            all_reduce(received, 'max')
            self._received = int(received)
        if self._received:
            for hook in runner.hooks:
                if isinstance(hook, AtomicCheckpointHook):
                    hook.also_at = runner.iter + 1

    def after_checkpoint(self, runner, iteration: int) -> None:
        """Ends the process; `AtomicCheckpointHook` has written the checkpoint of the iteration."""
        if self._received:
            self._restore()
            name = signal.Signals(self._received).name
            runner.logger.warning(
                f'ended by {name} after iteration {iteration}; --resume goes on from there'
            )
            raise SystemExit(128 + self._received)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: not set from Python
        self._former = {}
