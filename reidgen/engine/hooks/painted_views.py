"""Painting the second views of a stage before it begins."""

import shutil
from pathlib import Path

from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook

from reidgen.datasets import ViewPairs
from reidgen.models.adversarial import bare
from reidgen.registry import HOOKS

from ..translation import paint_dataset

FOLDER = 'painted'


@HOOKS.register_module()
class PaintedViewsHook(Hook):
    """Paints the training set of a domain once, when a stage begins that contrasts it with that.

    Such a stage draws from a ViewPairs with second='painted'. The pictures lie in
    `<work dir>/painted/<stage>` and stay there: a resumed stage reads the same ones.

    Args:
        images: training loader whose images, with the maps that the model needs, are painted.
        to: domain of the style.
        batch_size: images a forward.
    """

    priority = 'ABOVE_NORMAL'  # after StageHook has loaded what the stage starts from

    def __init__(self, images: str = 'source', to: str = 'target', batch_size: int = 64):
        self.images, self.to, self.batch_size = images, to, batch_size

    def before_train(self, runner) -> None:
        loop = runner.train_loop
        waiting = [
            stage.name
            for stage in loop.stages
            if self._waiting(loop, stage.fields(tuple(loop.dataloader.loaders)))
        ]
        if waiting and self.images not in runner.cfg.train_dataloader:
            raise ValueError(
                f'stage {waiting[0]} contrasts images with painted ones, but there is no training '
                f"loader '{self.images}' to paint; set PaintedViewsHook.images"
            )

    def before_stage(self, runner) -> None:
        loop = runner.train_loop
        for pairs in self._waiting(loop, loop.fields):
            folder = Path(runner.work_dir, FOLDER, loop.stage.name)
            if loop.done == 0:  # later on, E_c has moved, and would be painted otherwise
                self._paint(runner, folder)
            pairs.show(folder)

    def _paint(self, runner, folder: Path) -> None:
        barrier()
        if is_main_process():
            shutil.rmtree(folder, ignore_errors=True)  # of an earlier run in this work dir
        barrier()
        dataset = runner.dataset(runner.cfg.train_dataloader[self.images])
        stamp = dict(stage=runner.train_loop.stage.name, seed=runner.seed)
        paint_dataset(bare(runner.model), dataset, self.to, folder, stamp, self.batch_size)
        runner.logger.info(f'painted {len(dataset)} images of {dataset.name} into {folder}')

    @staticmethod
    def _waiting(loop, fields: dict[str, str]) -> list[ViewPairs]:
        sets = [loop.dataloader.dataset[loader] for loader in fields.values()]
        return [each for each in sets if isinstance(each, ViewPairs) and each.second == 'painted']
