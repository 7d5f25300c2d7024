"""Hook for grids of translated images."""

from collections import namedtuple
from pathlib import Path

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from torch.utils.data import default_collate

from reidgen.choices import check_count
from reidgen.models.adversarial import unwrap_model
from reidgen.registry import HOOKS
from reidgen.spacing import evenly_spaced
from reidgen.visualization.grids import panel, save_png

from ..resuming import remove_later_pictures


@HOOKS.register_module()
class TranslationGridHook(Hook):
    """Writes a grid every n iterations, as PNG in `<work dir>/grids` and to the visualizer.

    Rows are the same persons throughout the run, columns what `model.visuals` names: image, map,
    own style, other style, back.

    Args:
        interval: iterations between pictures; the last iteration of each stage has one too.
        num_images: rows.
        loaders: training loaders whose images are translated; a stage that lacks one has no
            picture.

    Raises:
        ValueError: interval or rows below 1.
    """

    priority = 'LOW'

    def __init__(
        self,
        interval: int = 200,
        num_images: int = 8,
        loaders: tuple[str, ...] = ('source', 'target'),
    ):
        check_count('TranslationGridHook.interval', interval)
        check_count('TranslationGridHook.num_images', num_images)
        self.interval, self.num_images, self.loaders = interval, num_images, tuple(loaders)
        self._batch = None

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        loop = runner.train_loop
        drawn = loop.fields.values()
        done = loop.done + 1
        if not set(self.loaders) <= set(drawn) or (
            done % self.interval and done < loop.stage.iters
        ):
            return
        if is_main_process():
            self._draw(runner, loop)

    def after_resume(self, runner, iteration: int) -> None:
        """Removes the grids of later iterations."""
        if is_main_process():
            remove_later_pictures(Path(runner.work_dir, 'grids'), iteration, runner.logger)

    @torch.no_grad()
    def _draw(self, runner, loop) -> None:
        model = unwrap_model(runner.model)
        if self._batch is None:
            self._batch = namedtuple('Batch', self.loaders)(
                *(self._images(loop.dataloader.dataset[name]) for name in self.loaders)
            )
        was_training = model.training
        model.eval()
        columns = model.visuals(model.data_preprocessor(self._batch))
        model.train(was_training)
        if not columns:
            return
        picture = panel(columns, model.data_preprocessor.mean, model.data_preprocessor.std)
        path = Path(runner.work_dir, 'grids', f'{loop.stage.name}_{loop.iter + 1:06d}.png')
        path.parent.mkdir(exist_ok=True)
        save_png(picture, path)
        runner.visualizer.add_image(
            'translations', picture.permute(1, 2, 0).numpy(), step=loop.iter + 1
        )

    def _images(self, dataset):
        dataset = dataset.plain(maps=True)
        rows = evenly_spaced(len(dataset), self.num_images)
        return default_collate([dataset[row] for row in rows])
