"""Hook for keeping the checkpoint with the lowest loss."""

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from reidgen.choices import check_count
from reidgen.registry import HOOKS

from ..resuming import iteration_of
from .atomic_checkpoint import WANTED, AtomicCheckpointHook


@HOOKS.register_module()
class BestLossHook(Hook):
    """Keeps `best_loss_<stage>.pth`, saved after the window with the lowest mean of a loss term.

    The loss of a single batch is noise, so windows of `interval` iterations are compared. A stage's
    last window may be shorter; it counts if it is at least half as long. The checkpoint hook writes
    an `iter_N.pth` of the same iteration before, so a resumed training knows the best.

    Args:
        stage: name of the stage that is watched.
        term: log key, e.g. 'G/loss' (the weighted sum) or 'G/loss_recon.t2t' (raw).
        interval: iterations between snapshots.

    Raises:
        ValueError: an interval below 1; before training, no stage of this name; no such term.
    """

    priority = 'VERY_LOW'  # after the logs of the iteration are kept, before its checkpoint

    def __init__(self, stage: str, term: str = 'G/loss', interval: int = 5000):
        check_count('BestLossHook.interval', interval)
        self.stage, self.term, self.interval = stage, term, interval
        self.file = f'best_loss_{stage}.pth'

    def before_train(self, runner) -> None:
        names = runner.train_loop.stage_names
        if self.stage not in names:
            raise ValueError(
                f"BestLossHook watches the stage '{self.stage}'; the stages are {list(names)}"
            )
        if not any(isinstance(hook, AtomicCheckpointHook) for hook in runner.hooks):
            raise ValueError(
                'BestLossHook needs the checkpoint of the same iteration; set '
                "default_hooks.checkpoint=dict(type='AtomicCheckpointHook', interval=1000)"
            )

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        loop = runner.train_loop
        if loop.stage.name != self.stage:
            return
        if self.term not in outputs:
            raise ValueError(
                f"BestLossHook watches '{self.term}'; stage {self.stage} logs {sorted(outputs)}"
            )
        done = loop.done + 1
        window = done % self.interval or self.interval
        if window < self.interval and (
            done < loop.stage.iters or 2 * window < self.interval < done
        ):
            return
        mean = runner.message_hub.get_scalar(f'train/{self.term}').mean(window).item()
        hub = runner.message_hub
        best = hub.runtime_info.get(f'best_loss/{self.stage}')
        if best is None or mean < best:
            hub.update_info(f'best_loss/{self.stage}', mean)
            hub.update_info(f'best_loss_at/{self.stage}', runner.iter + 1)
            hub.update_info(WANTED, runner.iter + 1)
            runner.logger.info(f'{self.file}: mean {self.term} {mean:.4f} over {window} iterations')

    def after_checkpoint(self, runner, iteration: int) -> None:
        """Writes the best file if this iteration is the best."""
        if runner.message_hub.runtime_info.get(f'best_loss_at/{self.stage}') == iteration:
            meta = dict(epoch=runner.epoch, iter=iteration)
            runner.save_checkpoint(runner.work_dir, self.file, save_optimizer=False, meta=meta)

    def after_resume(self, runner, iteration: int) -> None:
        """Writes the best file if it is of the resumed iteration, and removes a later one."""
        path = Path(runner.work_dir, self.file)
        best = runner.message_hub.runtime_info.get(f'best_loss_at/{self.stage}')
        there = iteration_of(path) if path.exists() else None
        if best == iteration > 0 and there != best:
            self.after_checkpoint(runner, iteration)
            runner.logger.info(f'resumed at iteration {iteration}; made again: {path.name}')
        elif is_main_process() and there is not None and there > iteration:
            path.unlink()
            runner.logger.info(f'resumed at iteration {iteration}; removed: {path.name}')
