"""Hook for learning rates that fall where a loss no longer does."""

from typing import Any

from mmengine.dist import broadcast_object_list
from mmengine.hooks import Hook

from reidgen.choices import check_count
from reidgen.registry import HOOKS


@HOOKS.register_module()
class PlateauLRHook(Hook):
    """Lowers learning rates where a logged term stalls, on top of the rules of the stage.

    BEGAN's paper (Berthelot et al., 2017) halves its rate when the measure of convergence M stalls,
    and does not say what that is. Here means of the term over windows of iterations are compared:
    a window counts as a fall where its mean is below the lowest before by the share `least`, and
    after `patience` windows in a row without one the rates are multiplied by `gamma`. The number of
    falls is in the checkpoints, so a resumed training has the same rates.

    Args:
        stage: name of the stage that is watched.
        term: log key, for a BEGAN 'D/stat.M'.
        groups: of `optim_wrapper`, whose rates fall.
        window: iterations of a mean.
        patience: windows without a fall of the term.
        least: share by which the lowest mean must fall.
        gamma: factor on the rates.
        floor: lowest factor on the initial rates.

    Raises:
        ValueError: a number out of its range; before training, no such stage or group; in its first
            iteration, no such term.
    """

    priority = 6  # after StageLRHook, before the rates are logged

    def __init__(
        self,
        stage: str,
        term: str = 'D/stat.M',
        groups: tuple[str, ...] = ('G', 'D'),
        window: int = 1000,
        patience: int = 5,
        least: float = 0.01,
        gamma: float = 0.5,
        floor: float = 0.0,
    ):
        check_count('PlateauLRHook.window', window)
        check_count('PlateauLRHook.patience', patience)
        for name, value in (('least', least), ('gamma', gamma), ('floor', floor)):
            if not 0 <= value < 1:
                raise ValueError(
                    f'PlateauLRHook.{name} is {value!r}; it must be a number from 0 to below 1'
                )
        self.stage, self.term, self.groups = stage, term, tuple(groups)
        self.window, self.patience, self.least = window, patience, least
        self.gamma, self.floor = gamma, floor
        self.state: dict[str, Any] = dict(total=0.0, lowest=None, waited=0, falls=0)

    def before_train(self, runner) -> None:
        names = runner.train_loop.stage_names
        if self.stage not in names:
            raise ValueError(
                f"PlateauLRHook watches the stage '{self.stage}'; the stages are {list(names)}"
            )
        unknown = sorted(set(self.groups) - set(runner.optim_wrapper.keys()))
        if unknown:
            raise ValueError(
                f'PlateauLRHook.groups names {unknown}; optim_wrapper has '
                f'{sorted(runner.optim_wrapper.keys())}'
            )

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        if runner.train_loop.stage.name != self.stage:
            return
        factor = self.gamma ** self.state['falls']
        for name in self.groups:
            group = runner.optim_wrapper[name]
            for base, param_group in zip(group.base_lrs, group.param_groups):
                lr = param_group['lr']  # of the stage's rule, which may be below the floor
                param_group['lr'] = max(lr * factor, min(lr, self.floor * base))

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        loop = runner.train_loop
        if loop.stage.name != self.stage:
            return
        if self.term not in outputs:
            raise ValueError(
                f"PlateauLRHook watches '{self.term}'; stage {self.stage} logs {sorted(outputs)}"
            )
        self.state['total'] += outputs[self.term]
        if (loop.done + 1) % self.window == 0:
            self._compare(runner)

    def _compare(self, runner) -> None:
        state = self.state
        mean = [state['total'] / self.window]
        broadcast_object_list(mean)  # a term may be of the own images of a process
        lowest, state['total'] = state['lowest'], 0.0
        # of a term below 0, such as WGAN's, the share is that of its size
        if lowest is None or mean[0] < lowest - self.least * abs(lowest):
            state.update(lowest=mean[0], waited=0)
            return
        state['waited'] += 1
        if state['waited'] == self.patience:
            state.update(waited=0, falls=state['falls'] + 1)
            runner.logger.info(
                f'{self.term} stalls at {mean[0]:.4f} (lowest {lowest:.4f}): rates of '
                f'{", ".join(self.groups)} times {self.gamma ** state["falls"]:g}, not below '
                f'{self.floor:g} of the initial ones'
            )

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        checkpoint[f'plateau_{self.stage}'] = dict(self.state)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if runner._resume and f'plateau_{self.stage}' in checkpoint:
            self.state = dict(checkpoint[f'plateau_{self.stage}'])
