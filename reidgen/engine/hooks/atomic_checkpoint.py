"""Hook for writing and pruning checkpoints."""

from collections.abc import Collection, Sequence
from itertools import accumulate
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook

from reidgen.choices import check_count
from reidgen.evaluation.metric import ReIDMetric
from reidgen.files import link_whole, remove_parts
from reidgen.registry import HOOKS

from ..resuming import iteration_of, training_checkpoints
from ..stages import Stage

WANTED = 'checkpoint_wanted_at'  # iteration at which another hook asks for a checkpoint


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """Writes `iter_N.pth` at an interval, `stage_<name>.pth` after each stage, and the best one.

    A checkpoint is one event: the files of an iteration are names of one file, written once and
    renamed, and again with its result after an evaluation of that iteration. Other hooks write what
    follows from it afterwards (`after_checkpoint`), and bring it in line when a training is resumed
    (`after_resume`). A best file is deleted when a checkpoint that knows a better one is whole.

    Args:
        interval: iterations between `iter_N.pth` files.
        max_keep_ckpts: how many of them are kept; -1: all.
        save_best: key of the evaluation whose best is kept as `best_<key>_iter_N.pth`.
        best_stages: only evaluations in these stages count, the one before the first iteration
            included; None: all.

    Raises:
        ValueError: an interval below 1; no stage is one of `best_stages`; no evaluation reports
            `save_best` (before training, or, with a metric of your own, at the first evaluation).
    """

    priority = 'LOWEST'  # after all hooks whose state is in the file

    def __init__(
        self,
        interval: int,
        max_keep_ckpts: int = 2,
        save_best: str | None = None,
        rule: str = 'greater',
        best_stages: tuple[str, ...] | None = None,
    ):
        check_count('AtomicCheckpointHook.interval', interval)
        super().__init__(
            interval=interval,
            by_epoch=False,
            max_keep_ckpts=max_keep_ckpts,
            save_best=save_best,
            rule=rule if save_best else None,
        )
        self.best_stages = best_stages
        self.also_at: int | None = None  # iteration of one more checkpoint

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

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        info = checkpoint['message_hub']['runtime_info']
        info['iter'] = checkpoint['meta']['iter']  # mmengine's is the one before, or not
        if 'best_ckpt' in info:  # mmengine gives the path, and a work dir may be moved
            info['best_ckpt'] = Path(info['best_ckpt']).name

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        iteration = runner.iter + 1
        if self.files_of(runner, iteration):
            runner.logger.info(f'checkpoint at iteration {iteration}')
            self._write(runner, iteration)
            runner.call_hook('after_checkpoint', iteration=iteration)

    def after_val_epoch(self, runner, metrics: dict) -> None:
        if self.best_stages is None or runner.train_loop.evaluated_stage.name in self.best_stages:
            self._check_best(metrics)
            super().after_val_epoch(runner, metrics)

    def after_evaluation(self, runner, iteration: int) -> None:
        """Writes the checkpoint of the evaluated iteration again, with the result."""
        self._write(runner, iteration)

    def after_resume(self, runner, iteration: int) -> None:
        """Removes checkpoints later than the resumed iteration and completes those of it."""
        if not is_main_process():
            return
        removed = remove_parts(self.out_dir) + self._remove_later(runner, iteration)
        start = runner.resumed_from
        made = [] if start is None else self._complete(runner, start, iteration)
        self._prune(runner, iteration)
        for what, names in (('removed', removed), ('made again', made)):
            if names:
                runner.logger.info(f'resumed at iteration {iteration}; {what}: {", ".join(names)}')
        best = runner.message_hub.runtime_info.get('best_ckpt')
        if best is not None and not Path(self.out_dir, best).exists():
            runner.logger.warning(f'{best} is gone; the next better evaluation is kept again')

    def files_of(self, runner, iteration: int) -> list[str]:
        """Names of the checkpoint of an iteration; none where it has none."""
        stages = runner.train_loop.stages
        ends = accumulate(stage.iters for stage in stages)
        names = [f'stage_{stage.name}.pth' for stage, end in zip(stages, ends) if end == iteration]
        wanted = iteration in (self.also_at, runner.message_hub.runtime_info.get(WANTED))
        if iteration % self.interval == 0 or iteration == runner.max_iters or wanted:
            names.insert(0, self.filename_tmpl.format(iteration))
        return names

    def first_checkpoint(self, stages: Sequence[Stage]) -> int:
        """Iteration of the first checkpoint of a training."""
        return min(self.interval, stages[0].iters)

    def _write(self, runner, iteration: int) -> None:
        first, *others = self.files_of(runner, iteration) or [None]
        if first is None:
            return
        meta = dict(epoch=runner.epoch, iter=iteration)
        runner.save_checkpoint(self.out_dir, first, meta=meta)
        if is_main_process():
            for name in others:
                link_whole(Path(self.out_dir, first), Path(self.out_dir, name))
            self._prune(runner, iteration)

    def _prune(self, runner, iteration: int) -> None:
        """Deletes what a checkpoint of this iteration supersedes."""
        numbers = [number for number in self._numbers() if number <= iteration]
        for old in numbers[: -self.max_keep_ckpts] if self.max_keep_ckpts > 0 else ():
            Path(self.out_dir, self.filename_tmpl.format(old)).unlink()
        best = runner.message_hub.runtime_info.get('best_ckpt')
        for path in self._best_files():
            if path.name != best:
                path.unlink()

    def _numbers(self) -> list[int]:
        paths = [path for path in Path(self.out_dir).glob('iter_*.pth') if path.is_file()]
        return sorted(int(path.stem[5:]) for path in paths if path.stem[5:].isdigit())

    def _best_files(self) -> list[Path]:
        if not self.save_best:
            return []
        key = self.key_indicators[0].replace('/', '_')  # as mmengine names the file
        return sorted(Path(self.out_dir).glob(f'best_{key}_iter_*.pth'))

    def _remove_later(self, runner, iteration: int) -> list[str]:
        """Removes checkpoints after an iteration, the newest first: a kill leaves a whole run.

        Returns:
            their names.
        """
        stages = runner.train_loop.stages
        ends = accumulate(stage.iters for stage in stages)
        ends = {f'stage_{stage.name}.pth': end for stage, end in zip(stages, ends)}
        later = {}
        for path in training_checkpoints(self.out_dir):
            if path.name.startswith('stage_') and path.name not in ends:
                continue  # of stages that are left out
            found = iteration_of(path)
            found = ends[path.name] if found is None else found
            in_the_way = path.is_dir() and path.name in self.files_of(runner, iteration)
            if found > iteration or in_the_way:
                later[path] = found
        told = []
        for path in sorted(later, key=later.get, reverse=True):
            if path.is_dir():  # not ours, and in the way of the file
                aside = path.rename(path.with_name(f'{path.name}.folder'))
                told.append(f'{path.name} (a folder, now {aside.name})')
            else:
                path.unlink()
                told.append(path.name)
        return told

    def _complete(self, runner, start: Path, iteration: int) -> list[str]:
        """Gives the resumed checkpoint all names of its iteration; the names that were missing."""
        made = []
        for name in self.files_of(runner, iteration):
            path = Path(self.out_dir, name)
            if not path.exists() or not path.samefile(start):
                link_whole(start, path)
                made.append(name)
        return made

    def _check_best(self, names: Collection[str]) -> None:
        unknown = [key for key in self.save_best or () if key != 'auto' and key not in names]
        if unknown:
            raise ValueError(
                f"default_hooks.checkpoint.save_best is '{unknown[0]}', which no evaluation "
                f'reports; set it to one of {", ".join(names)}'
            )

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        # mmengine deletes the file of this name before it saves, and rewrites the last checkpoint
        self.best_ckpt_path = self.last_ckpt = None
        super()._save_best_checkpoint(runner, metrics)
        if self.best_ckpt_path and is_main_process():
            runner.message_hub.update_info('best_ckpt', Path(self.best_ckpt_path).name)


def reported_names(val_loop) -> list[str] | None:
    """Metric names that a RetrievalValLoop will report; None where unknown before an evaluation."""
    names: list[str] = []
    for number, (loader, evaluator) in enumerate(getattr(val_loop, 'evaluators', {}).items()):
        for metric in evaluator.metrics:
            if type(metric) is not ReIDMetric:
                return None
            own = ['mAP', *(f'rank{rank}' for rank in metric.ranks), 'mINP']
            names += own if number == 0 else [f'{loader}/{name}' for name in own]
            if number == 0 and val_loop.reports_both:
                names += [f'adabn/{name}' for name in own]
    return names or None
