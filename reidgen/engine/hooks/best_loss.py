"""Hook for keeping the checkpoint with the lowest loss."""

from mmengine.hooks import Hook

from reidgen.registry import HOOKS


@HOOKS.register_module()
class BestLossHook(Hook):
    """Keeps `best_loss_<stage>.pth`, saved after the window with the lowest mean of a loss term.

    The loss of a single batch is noise, so windows of `interval` iterations are compared. A stage's
    last window may be shorter; it counts if it is at least half as long.

    Args:
        stage: name of the stage that is watched.
        term: log key, e.g. 'G/loss' (the weighted sum) or 'G/loss_recon.t2t' (raw).
        interval: iterations between snapshots.
    """

    priority = 'VERY_LOW'  # after the logs of the iteration are kept

    def __init__(self, stage: str, term: str = 'G/loss', interval: int = 5000):
        self.stage, self.term, self.interval = stage, term, interval

    def before_train(self, runner) -> None:
        names = runner.train_loop.stage_names
        if self.stage not in names:
            raise ValueError(
                f"BestLossHook watches the stage '{self.stage}'; the stages are {list(names)}"
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
        key = f'best_loss/{self.stage}'
        best = runner.message_hub.runtime_info.get(key)
        if best is None or mean < best:
            runner.message_hub.update_info(key, mean)
            runner.save_checkpoint(
                runner.work_dir, f'best_loss_{self.stage}.pth', save_optimizer=False
            )
            runner.logger.info(
                f'best_loss_{self.stage}.pth: mean {self.term} {mean:.4f} over {window} iterations'
            )
