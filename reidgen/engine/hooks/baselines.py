"""Hook for evaluating the baselines of adaptation: direct transfer and AdaBN."""

from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from reidgen.files import write_json
from reidgen.registry import HOOKS

FILE = 'baselines.json'
INFO = 'baselines'  # of the message hub, which is in the checkpoints


@HOOKS.register_module()
class BaselineHook(Hook):
    """Evaluates the encoder before the first iteration of a stage that names `baselines`.

    'direct': as it stands; 'adabn': with batch-norm statistics re-estimated on unlabelled target
    training images (Li et al., 2018); 'adabn_camera': on those of an image's own camera (Zhuang et
    al., ECCV 2020). One of them is the run's ordinary evaluation. All go to `baselines.json` in the
    work dir: stage -> baseline -> metrics, and into the checkpoints.
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
        known = runner.message_hub.runtime_info.get(INFO, {})
        self._keep(runner, known | {loop.stage.name: found})

    def after_resume(self, runner, iteration: int) -> None:
        """Keeps the baselines of the stages that were begun, from the checkpoint."""
        known = runner.message_hub.runtime_info.get(INFO, {})
        stages = runner.train_loop.stages
        begun = {stage.name: sum(s.iters for s in stages[:n]) for n, stage in enumerate(stages)}
        self._keep(
            runner,
            {name: found for name, found in known.items() if begun.get(name, 0) < iteration},
        )

    def _keep(self, runner, baselines: dict) -> None:
        path = Path(runner.work_dir, FILE)
        if baselines:
            runner.message_hub.update_info(INFO, baselines)
        if is_main_process() and baselines:
            write_json(path, baselines)
        elif is_main_process():
            path.unlink(missing_ok=True)

    def _evaluate(self, loop, val_loop) -> dict[str, dict[str, float]]:
        # the ordinary evaluation is one of them: a best checkpoint starts from it
        ordinary = loop.evaluate(loop.stage)
        usual = val_loop.adabn_by if val_loop.recalibrates else None
        ways = dict(
            direct=(not val_loop.recalibrates, val_loop.evaluate),
            adabn=(usual == 'domain', lambda: val_loop.evaluate_adapted('domain')),
            adabn_camera=(usual == 'camera', lambda: val_loop.evaluate_adapted('camera')),
        )
        return {
            name: ordinary if is_ordinary else evaluate()
            for name, (is_ordinary, evaluate) in ways.items()
            if name in loop.stage.baselines
        }
