"""Painting the second views of a stage before it begins."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook

from reidgen.datasets import HeadColours, Scenes, ViewPairs
from reidgen.models.adversarial import unwrap_model
from reidgen.registry import HOOKS, with_options

from ..translation import translate_dataset

FOLDER = 'translated'
PAINTERS = ('model', 'heads', 'none')


@HOOKS.register_module()
class PaintedViewsHook(Hook):
    """Translates the training set of a domain once, when a stage begins that contrasts it with
    that.

    Such a stage draws from a ViewPairs with second='translated'. The pictures lie in
    `<work dir>/translated/<stage>/<style>` and stay there: a resumed stage reads the same ones.

    Args:
        images: training loader whose images, with the maps that the model needs, are translated.
        to: domain of the style.
        stages: names of those it translates for, where others are translated otherwise by a hook of
            their own; None: all that wait.
        num_styles: renderings of each image, where the model translates several styles; one of them
            is drawn each time the image is.
        batch_size: images a forward.
        scenes: `dict(images='target')`, and options of `Scenes`: the translated persons stand in
            front of scenes of that loader's images, with their own persons translated over. Both
            loaders then need a pose map whose last channel is dark off the body.
        translator: 'model'; or for controls without a generator: 'heads', which brings the colours
            to those of the domain `to` in closed form (`HeadColours`; both loaders need such a pose
            map), or 'none', the images as they are, with `scenes` alone.
        detail: pixels; what is finer stays as the image has it, and the model gives colours and
            light (`reidgen.engine.translation.keep_detail`). None: all of the translated picture.

    Raises:
        ValueError: num_styles is below 1, detail is not above 0, an unknown translator, scenes
            names no loader, or nothing is done at all.
    """

    priority = 'ABOVE_NORMAL'  # after StageHook has loaded what the stage starts from

    def __init__(
        self,
        images: str = 'source',
        to: str = 'target',
        stages: tuple[str, ...] | None = None,
        num_styles: int = 1,
        batch_size: int = 64,
        scenes: dict | None = None,
        translator: str = 'model',
        detail: float | None = None,
    ):
        if num_styles < 1:
            raise ValueError(f'num_styles is {num_styles}; translate each image once or more')
        if detail is not None and detail <= 0:
            raise ValueError(f'detail is {detail}; give pixels above 0, or None for all of it')
        if scenes is not None and 'images' not in scenes:
            raise ValueError(f"scenes is {scenes}; say whose: dict(images='target')")
        if translator not in PAINTERS:
            raise ValueError(f"translator is '{translator}'; known: {', '.join(PAINTERS)}")
        if scenes is None and translator == 'none':
            raise ValueError(
                "translator='none' without scenes leaves the images as they are; set one"
            )
        self.images, self.to = images, to
        self.stages = None if stages is None else tuple(stages)
        self.scenes, self.translator, self.detail = scenes, translator, detail
        self.num_styles, self.batch_size = num_styles, batch_size

    def before_train(self, runner) -> None:
        loop = runner.train_loop
        waiting = [
            stage.name
            for stage in loop.stages
            if self._waiting(loop, stage.fields(tuple(loop.dataloader.loaders)))
        ]
        hooks = [hook for hook in runner.hooks if isinstance(hook, PaintedViewsHook)]
        _check_stages(waiting, loop.left_out, hooks)
        waiting = [stage for stage in waiting if self.translates(stage)]
        needed = {'images': self.images, 'scenes.images': (self.scenes or {}).get('images')}
        if self.translator == 'heads':
            needed['to'] = self.to
        for option, loader in needed.items():
            if waiting and loader is not None and loader not in runner.cfg.train_dataloader:
                raise ValueError(
                    f'stage {waiting[0]} contrasts images with translated ones, but there is no '
                    f"training loader '{loader}'; set PaintedViewsHook.{option}"
                )
        if waiting and self.translator == 'model':
            dataset = runner.dataset(runner.cfg.train_dataloader[self.images])
            unwrap_model(runner.model).check_translation(dataset, self.images, self.to)

    def before_stage(self, runner) -> None:
        loop = runner.train_loop
        for pairs in self._waiting(loop, loop.fields) if self.translates(loop.stage.name) else ():
            folder = Path(runner.work_dir, FOLDER, loop.stage.name)
            if loop.done == 0:  # later on, E_c has moved, and would be translated otherwise
                self._paint(runner, folder)
            pairs.show([folder / str(style) for style in range(self.num_styles)])

    def _paint(self, runner, folder: Path) -> None:
        barrier()
        if is_main_process():
            shutil.rmtree(folder, ignore_errors=True)  # of an earlier run in this work dir
        barrier()
        dataset = runner.dataset(runner.cfg.train_dataloader[self.images])
        stamp = dict(stage=runner.train_loop.stage.name, seed=runner.seed)
        scenes = None
        if self.scenes is not None:
            options = dict(self.scenes)
            behind = runner.dataset(runner.cfg.train_dataloader[options.pop('images')])
            place = 'PaintedViewsHook.scenes'
            scenes = with_options(Scenes, options, place, behind.plain(maps=True))
        translator = self.translator
        if translator == 'heads':
            other = runner.dataset(runner.cfg.train_dataloader[self.to])
            translator = HeadColours(dataset.plain(maps=True), other.plain(maps=True))
        for style in range(self.num_styles):
            translate_dataset(
                unwrap_model(runner.model),
                dataset,
                self.to,
                folder / str(style),
                stamp,
                self.batch_size,
                style=style,
                scenes=scenes,
                translator=translator,
                detail=self.detail,
            )
        runner.logger.info(
            f'{dataset.name}: {len(dataset)} images, {self.num_styles} times each in {folder}'
        )

    def translates(self, stage: str) -> bool:
        """Whether this hook is the one for the stage of that name."""
        return self.stages is None or stage in self.stages

    @staticmethod
    def _waiting(loop, fields: dict[str, str]) -> list[ViewPairs]:
        sets = [loop.dataloader.dataset[loader] for loader in fields.values()]
        return [
            each for each in sets if isinstance(each, ViewPairs) and each.second == 'translated'
        ]


def _check_stages(
    waiting: list[str], left_out: Sequence[str], hooks: list[PaintedViewsHook]
) -> None:
    named = {stage for hook in hooks for stage in hook.stages or ()}
    unknown = sorted(named - {*waiting, *left_out})
    if unknown:
        raise ValueError(
            f'PaintedViewsHook.stages names {unknown}; stages that draw from a ViewPairs with '
            f"second='translated' are {waiting}"
        )
    for stage in waiting:
        translation = sum(hook.translates(stage) for hook in hooks)
        if translation != 1:
            raise ValueError(
                f'{translation} of the PaintedViewsHooks translate for the stage {stage}; name it '
                f'in the `stages` of one of them'
            )
