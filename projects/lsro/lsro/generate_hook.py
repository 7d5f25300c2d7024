"""GenerateImagesHook: the images that stages of a run train on."""

from pathlib import Path

import torch
from mmengine.hooks import Hook

from reidgen.checkpoint.checksum import content_checksum
from reidgen.checkpoint.matching import plain_key
from reidgen.engine.generation import check_generator, generate_images
from reidgen.models.adversarial import unwrap_model
from reidgen.registry import HOOKS

from .data import GeneratedImages, awaited_images

FOLDER = 'generated'


@HOOKS.register_module()
class GenerateImagesHook(Hook):
    """Writes generated images when a stage begins that trains on them.

    They lie in `<work dir>/generated/<checksum of G>`, as many as the stage with most of them
    needs, so stages with the same G share them, an interrupted run completes them, and a resumed
    one reads the same.

    Args:
        seed: of the latent vectors.
        batch_size: images a forward.

    Raises:
        ValueError: before training, a stage trains on images of a G that nothing has trained.
    """

    priority = 'ABOVE_NORMAL'  # after StageHook has loaded what the stage starts from

    def __init__(self, seed: int = 0, batch_size: int = 64):
        self.seed, self.batch_size = seed, batch_size

    def before_train(self, runner) -> None:
        loop, trained = runner.train_loop, bool(runner._load_from or runner._resume)
        if any(self._awaited(loop, stage) for stage in loop.stages):
            check_generator(unwrap_model(runner.model))
        for stage in loop.stages:
            if self._awaited(loop, stage) and not trained:
                raise ValueError(
                    f'stage {stage.name} trains on generated images, but nothing has trained the '
                    f'generator: put a stage with phases=[D, G] before it, or load one with '
                    f'--load-from'
                )
            trains = stage.phases is None or 'G' in stage.phases
            if self._awaited(loop, stage) and trains and 'G' not in stage.frozen:
                raise ValueError(
                    f'stage {stage.name} trains the generator whose images it reads, which a '
                    f'resumed run could not write again: set phases=[I], or frozen=[G]'
                )
            trained = trained or trains

    def before_stage(self, runner) -> None:
        loop, model = runner.train_loop, unwrap_model(runner.model)
        waiting = self._awaited(loop, loop.stage)
        if not waiting:
            return
        count = max(len(each) for stage in loop.stages for each in self._awaited(loop, stage))
        state = {plain_key(key): value for key, value in model.G.state_dict().items()}
        checksum = content_checksum(state)
        folder = Path(runner.work_dir, FOLDER, checksum[:16])
        stamp = dict(generator=checksum)
        with torch.random.fork_rng(devices=[]):  # a loader draws a seed, if anything is missing
            generate_images(model, folder, count, stamp, self.seed, self.batch_size)
        runner.logger.info(f'{count} generated images in {folder}')
        for images in waiting:
            images.read_from(folder)

    @staticmethod
    def _awaited(loop, stage) -> list[GeneratedImages]:
        """Images to be written of the data sets that a stage draws from."""
        datasets = loop.dataloader.dataset
        drawn = stage.fields(tuple(datasets)).values()
        return [images for name in drawn if (images := awaited_images(datasets[name])) is not None]
