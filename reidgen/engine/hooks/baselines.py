"""Hook for evaluating the baselines of adaptation: direct transfer and AdaBN."""

import json
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from reidgen.files import write_json
from reidgen.registry import HOOKS

FILE = 'baselines.json'


@HOOKS.register_module()
class BaselineHook(Hook):
    """Evaluates the encoder before the first iteration of a stage that names `baselines`.

    'direct': as it stands; 'adabn': with batch-norm statistics re-estimated on unlabelled target
    training images (Li et al., 2018). One of them is the run's ordinary evaluation. Both go to
    `baselines.json` in the work dir: stage -> baseline -> metrics.
    """

    priority = 'ABOVE_NORMAL'  # after StageHook, before the memory is filled

    def before_train(self, runner) -> None:
        if runner.iter == 0 and is_main_process():  # of a run that was stopped before it saved
            Path(runner.work_dir, FILE).unlink(missing_ok=True)

    def before_stage(self, runner) -> None:
        loop = runner.train_loop
        if loop.done > 0 or not loop.stage.baselines:
            return
        found = self._evaluate(loop, runner.val_loop)
        for name, metrics in found.items():
            shown = ', '.join(f'{key} {value:.1f}' for key, value in metrics.items())
            runner.logger.info(f'before stage {loop.stage.name}, {name}: {shown}')
        if is_main_process():
            path = Path(runner.work_dir, FILE)
            known = read_baselines(runner.work_dir)
            write_json(path, known | {loop.stage.name: found})

    def _evaluate(self, loop, val_loop) -> dict[str, dict[str, float]]:
        # the ordinary evaluation is one of the two: a best checkpoint starts from it
        ordinary = loop.evaluate(loop.stage)
        ways = dict(
            direct=(not val_loop.recalibrates, val_loop.evaluate),
            adabn=(val_loop.recalibrates, val_loop.evaluate_adapted),
        )
        return {
            name: ordinary if is_ordinary else evaluate()
            for name, (is_ordinary, evaluate) in ways.items()
            if name in loop.stage.baselines
        }


def read_baselines(work_dir: str | Path) -> dict[str, dict[str, dict[str, float]]]:
    """Baselines of a work dir as stage -> baseline -> metrics; empty if it has none."""
    path = Path(work_dir, FILE)
    return json.loads(path.read_text()) if path.exists() else {}
