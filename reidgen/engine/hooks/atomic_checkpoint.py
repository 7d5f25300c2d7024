"""Hook for writing and pruning checkpoints."""

from collections.abc import Collection
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook

from reidgen.evaluation.metric import ReIDMetric
from reidgen.registry import HOOKS


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """Writes `iter_N.pth` at an interval, `stage_<name>.pth` after each stage, and the best one.

    An old checkpoint is deleted only when the new one is whole. mmengine deletes first: a kill in
    between would leave no best file at all.

    Args:
        interval: iterations between `iter_N.pth` files.
        max_keep_ckpts: how many of them are kept; -1: all.
        save_best: key of the evaluation whose best is kept as `best_<key>_iter_N.pth`.
        best_stages: only evaluations in these stages count, the one before the first iteration
            included;
            None: all.

    Raises:
        ValueError: no stage is one of `best_stages`; no evaluation reports `save_best` (before
            training, or, with a metric of your own, at the first evaluation).
    """

    def __init__(
        self,
        interval: int,
        max_keep_ckpts: int = 2,
        save_best: str | None = None,
        rule: str = 'greater',
        best_stages: tuple[str, ...] | None = None,
    ):
        super().__init__(
            interval=interval,
            by_epoch=False,
            max_keep_ckpts=max_keep_ckpts,
            save_best=save_best,
            rule=rule if save_best else None,
        )
        self.best_stages = best_stages

    def before_train(self, runner) -> None:
        super().before_train(runner)
        stages = runner.train_loop.stage_names
        unknown = [name for name in self.best_stages or () if name not in stages]
        if unknown:
            raise ValueError(
                f'default_hooks.checkpoint.best_stages names {unknown}; the stages are '
                f'{list(stages)}'
            )
        names = reported_names(runner.val_loop)
        if names is not None:
            self._check_best(names)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        loop = runner.train_loop
        if loop.done + 1 == loop.stage.iters:
            runner.save_checkpoint(self.out_dir, f'stage_{loop.stage.name}.pth')

    def after_val_epoch(self, runner, metrics: dict) -> None:
        if self.best_stages is None or runner.train_loop.evaluated_stage.name in self.best_stages:
            self._check_best(metrics)
            super().after_val_epoch(runner, metrics)

    def _check_best(self, names: Collection[str]) -> None:
        unknown = [key for key in self.save_best or () if key != 'auto' and key not in names]
        if unknown:
            raise ValueError(
                f"default_hooks.checkpoint.save_best is '{unknown[0]}', which no evaluation "
                f'reports; set it to one of {", ".join(names)}'
            )

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        self.best_ckpt_path = None  # mmengine deletes the file of this name before it saves
        super()._save_best_checkpoint(runner, metrics)
        if self.best_ckpt_path and is_main_process():
            key = self.key_indicators[0].replace('/', '_')  # as mmengine names the file
            runner.message_hub.update_info('best_ckpt', Path(self.best_ckpt_path).name)
            for old in Path(self.out_dir).glob(f'best_{key}_iter_*.pth'):
                if old.name != Path(self.best_ckpt_path).name:
                    old.unlink()

    def _save_checkpoint_with_step(self, runner, step: int, meta: dict) -> None:
        name = self.filename_tmpl.format(step)
        self.last_ckpt = name
        runner.message_hub.update_info('last_ckpt', name)
        runner.save_checkpoint(self.out_dir, name, save_optimizer=self.save_optimizer, meta=meta)
        if self.max_keep_ckpts > 0 and is_main_process():
            numbers = sorted(
                int(path.stem[5:])
                for path in Path(self.out_dir).glob('iter_*.pth')
                if path.stem[5:].isdigit()
            )
            for old in [number for number in numbers if number <= step][: -self.max_keep_ckpts]:
                Path(self.out_dir, self.filename_tmpl.format(old)).unlink()


def reported_names(val_loop) -> list[str] | None:
    """Metric names that a RetrievalValLoop will report; None where unknown before an evaluation."""
    names: list[str] = []
    for number, (loader, evaluator) in enumerate(getattr(val_loop, 'evaluators', {}).items()):
        for metric in evaluator.metrics:
            if type(metric) is not ReIDMetric:
                return None
            own = ['mAP', *(f'rank{rank}' for rank in metric.ranks), 'mINP']
            if metric.prefix:
                own = [f'{metric.prefix}/{name}' for name in own]
            names += own if number == 0 else [f'{loader}/{name}' for name in own]
            if number == 0 and val_loop.reports_both:
                names += [f'adabn/{name}' for name in own]
    return names or None
