"""Translating the positives of a stage before it begins."""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from mmengine.dist import barrier, is_main_process
from mmengine.hooks import Hook

from reidgen.engine.translation import ModelTranslator, Translator, translate_dataset
from reidgen.models.adversarial import unwrap_model
from reidgen.models.cross_domain_checks import check_maps
from reidgen.registry import HOOKS

from .background_bank import BackgroundBank
from .colour_transfer import CameraColourTransfer
from .positive_pairs import PositivePairs
from .translators import Blurred, OwnDomainTranslator, Untranslated, WithBackgrounds

FOLDER = 'translated'
# closed forms by their `match`
COLOURS = {'colours': 'moments', 'colour_matrix': 'matrix', 'colour_histogram': 'histogram'}
TRANSLATORS = ('model', *COLOURS, 'none')


@HOOKS.register_module()
class TranslatePositivesHook(Hook):
    """Translates a training set once, when a stage begins that contrasts its images with that.

    Such a stage draws from a PositivePairs with second='translated'. The pictures lie in
    `<work dir>/translated/<stage>/<style>` and stay there: a resumed stage reads the same ones.

    Args:
        images: training loader whose images, with the maps that the model needs, are translated.
        to: domain of the style. With images='target' as well, the target's images are translated as
            its other cameras would have taken them.
        stages: names of those it translates for, where others are translated otherwise by a hook of
            their own; None: all that wait.
        num_styles: translations of each image, where the model has several styles; one of them is
            drawn each time the image is.
        backgrounds: loader in front of the backgrounds of whose images the translated persons
            stand (`BackgroundBank`). Both loaders then need a pose map whose last channel is dark
            off the body.
        translator: 'model'; or for controls without a generator: 'colours', 'colour_matrix' or
            'colour_histogram', which bring the colours to those of the domain `to` in closed form
            (`CameraColourTransfer` by moments, matrix or histogram; both loaders need such a pose
            map), or 'none', the images as they are, with `backgrounds` alone.
        blur: standard deviation in pixels of a Gaussian over what was translated, before
            backgrounds; 0: none.

    Raises:
        ValueError: num_styles is below 1 or above the other cameras of an own domain, an unknown
            domain or translator, a blur below 0, a loader that there is not, backgrounds for a
            domain's own images, or nothing is done at all.
    """

    priority = 'ABOVE_NORMAL'  # after StageHook has loaded what the stage starts from

    def __init__(
        self,
        images: str = 'source',
        to: str = 'target',
        stages: tuple[str, ...] | None = None,
        num_styles: int = 1,
        backgrounds: str | None = None,
        translator: str = 'model',
        blur: float = 0.0,
    ):
        if not (isinstance(blur, int | float) and 0 <= blur < math.inf):
            raise ValueError(f'blur is {blur!r}; give pixels from 0')
        if to not in ('source', 'target'):
            raise ValueError(f"to is '{to}'; known: source, target")
        if num_styles < 1:
            raise ValueError(f'num_styles is {num_styles}; translate each image once or more')
        if translator not in TRANSLATORS:
            raise ValueError(f"translator is '{translator}'; known: {', '.join(TRANSLATORS)}")
        if backgrounds is None and translator == 'none':
            raise ValueError(
                "translator='none' without backgrounds leaves the images as they are; set one"
            )
        if backgrounds is not None and images == to:
            raise ValueError(
                f"images and to are both '{to}', whose images keep their backgrounds; leave "
                f'backgrounds out'
            )
        self.images, self.to = images, to
        self.stages = None if stages is None else tuple(stages)
        self.backgrounds, self.translator = backgrounds, translator
        self.num_styles, self.own, self.blur = num_styles, images == to, blur

    def before_train(self, runner) -> None:
        loop = runner.train_loop
        waiting = [
            stage.name
            for stage in loop.stages
            if self._waiting(loop, stage.fields(tuple(loop.dataloader.loaders)))
        ]
        hooks = [hook for hook in runner.hooks if isinstance(hook, TranslatePositivesHook)]
        check_stages(waiting, loop.left_out, hooks)
        waiting = [stage for stage in waiting if self.translates(stage)]
        needed = {'images': self.images, 'backgrounds': self.backgrounds}
        if self.translator in COLOURS:
            needed['to'] = self.to
        for option, loader in needed.items():
            if waiting and loader is not None and loader not in runner.cfg.train_dataloader:
                raise ValueError(
                    f'stage {waiting[0]} contrasts images with translated ones, but there is no '
                    f"training loader '{loader}'; set TranslatePositivesHook.{option}"
                )
        if waiting:
            self._check_model(runner, unwrap_model(runner.model))

    def _check_model(self, runner, model) -> None:
        styles = model.num_cameras[self.to] - 1
        if self.own and self.num_styles > styles:
            raise ValueError(
                f'num_styles is {self.num_styles}, but an image of the {self.to} can be translated '
                f'as by {max(styles, 0)} other cameras of it; lower TranslatePositivesHook.'
                f'num_styles, or translate to the other domain'
            )
        if self.translator != 'model':
            return
        dataset = runner.dataset(runner.cfg.train_dataloader[self.images])
        if self.own:
            check_maps(model, dataset, self.images, novel=False)
        else:
            model.check_translation(dataset, self.images, self.to)

    def before_stage(self, runner) -> None:
        loop = runner.train_loop
        for pairs in self._waiting(loop, loop.fields) if self.translates(loop.stage.name) else ():
            folder = Path(runner.work_dir, FOLDER, loop.stage.name)
            if loop.done == 0:  # later on, E_c has moved, and would be translated otherwise
                self.translate(runner, folder)
            pairs.read_from([folder / str(style) for style in range(self.num_styles)])

    def translate(self, runner, folder: Path) -> None:
        """Writes the translations of all images, a folder for each style, `<folder>/<style>`."""
        barrier()
        if is_main_process():
            shutil.rmtree(folder, ignore_errors=True)  # of an earlier run in this work dir
        barrier()
        dataset = runner.dataset(runner.cfg.train_dataloader[self.images])
        translator = self._translator(runner, dataset)
        stamp = dict(stage=runner.train_loop.stage.name, seed=runner.seed)
        for style in range(self.num_styles):
            translate_dataset(translator, dataset, folder / str(style), stamp, style=style)
        runner.logger.info(
            f'{dataset.name}: {len(dataset)} images, {self.num_styles} times each in {folder}'
        )

    def _translator(self, runner, dataset) -> Translator:
        model = unwrap_model(runner.model)
        num_cameras = model.num_cameras[self.to]
        translator = (OwnDomainTranslator if self.own else ModelTranslator)(model, self.to)
        if self.translator == 'none':
            translator = Untranslated()
        elif self.translator in COLOURS:
            other = runner.dataset(runner.cfg.train_dataloader[self.to])
            shown = dataset.plain(maps=True), other.plain(maps=True)
            translator = CameraColourTransfer(
                *shown, num_cameras, COLOURS[self.translator], self.own
            )
        if self.blur:
            translator = Blurred(translator, self.blur)
        if self.backgrounds is None:
            return translator
        behind = runner.dataset(runner.cfg.train_dataloader[self.backgrounds])
        return WithBackgrounds(translator, BackgroundBank(behind.plain(maps=True)), num_cameras)

    def translates(self, stage: str) -> bool:
        """Whether this hook is the one for the stage of that name."""
        return self.stages is None or stage in self.stages

    @staticmethod
    def _waiting(loop, fields: dict[str, str]) -> list[PositivePairs]:
        sets = [loop.dataloader.dataset[loader] for loader in fields.values()]
        return [
            each for each in sets if isinstance(each, PositivePairs) and each.second == 'translated'
        ]


def check_stages(
    waiting: list[str], left_out: Sequence[str], hooks: list[TranslatePositivesHook]
) -> None:
    """Raises ValueError where a stage has not one hook that translates for it.

    Args:
        waiting: stages that contrast images with translated ones.
        left_out: stages before the first one trained, which hooks may name.
    """
    named = {stage for hook in hooks for stage in hook.stages or ()}
    unknown = sorted(named - {*waiting, *left_out})
    if unknown:
        raise ValueError(
            f'TranslatePositivesHook.stages names {unknown}; stages that draw from a PositivePairs '
            f"with second='translated' are {waiting}"
        )
    for stage in waiting:
        count = sum(hook.translates(stage) for hook in hooks)
        if count != 1:
            raise ValueError(
                f'{count} of the TranslatePositivesHooks translate for the stage {stage}; name it '
                f'in the `stages` of one of them'
            )
