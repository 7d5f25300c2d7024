"""A whole data set, translated in the style of another domain."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from mmengine.dist import barrier, get_dist_info, is_main_process
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from reidgen.datasets.image_files import SUFFIXES
from reidgen.files import check_stamp, written_whole
from reidgen.models import AdversarialModel

from .progress import progress

STAMP = 'translation.json'
JPEG = dict(quality=95, subsampling=0)
FIX = (
    'make room or choose another folder; the pictures before it are kept, and a second run '
    'completes them'
)


class Translator(Protocol):
    """Translation of a raw batch into the style of a domain."""

    stamp: dict  # plain data that tells this translator from others, kept beside its pictures

    def __call__(self, raw, style: int) -> Tensor:
        """(B, H, W, 3) uint8 on the CPU of a raw batch (img: (B, 3, H, W) uint8)."""


class ModelTranslator:
    """A model with `translate` as a Translator; in eval mode meanwhile, autocast as the model is.

    Args:
        model: out of its distributed wrapper.
        to: domain of the style, as `model.translate` calls it.
    """

    def __init__(self, model: AdversarialModel, to: str):
        self.model, self.to = model, to
        self.stamp = dict(name='model', to=to)

    @torch.no_grad()
    def __call__(self, raw, style: int = 0) -> Tensor:
        model, normalizer = self.model, self.model.data_preprocessor
        was_training = model.training
        model.eval()
        try:
            with model.autocast():
                translated = model.translate(normalizer(raw), self.to, style)
        finally:
            model.train(was_training)
        pixels = (translated.float() + normalizer.shift) / normalizer.scale
        return pixels.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu()


def translate_dataset(
    translator: Translator,
    dataset,
    folder: str | Path,
    stamp: dict,
    batch_size: int = 64,
    num_workers: int = 0,
    style: int = 0,
    names: Sequence[str] | None = None,
) -> Path:
    """Writes what a translator makes of every image of a data set.

    A picture that is there already is kept, so an interrupted run is completed; each is written
    beside and renamed. With several processes each translates its share.

    Args:
        translator: is given batches with the pose maps of the data set, if it has any.
        dataset: a training set; translated without augmentation.
        folder: where the pictures go: PNG, or JPEG of quality 95 without chroma subsampling where
            the name says so. All names must differ.
        stamp: plain data that tells of which model the pictures are: kept in `translation.json`
            with the translator's own.
        style: which one, where the translator has several.
        names: file name of each image's translation, in the order of the data set; None: the
            image's own.

    Returns:
        the folder.

    Raises:
        ValueError: the folder holds pictures of another stamp, two translations have one name, or
            there is not one name an image.
        OSError: a picture cannot be written.
    """
    folder, names = Path(folder), _names(dataset, names)
    told = dict(stamp, translator=translator.stamp, style=style, images=len(names))
    _check_stamp(folder, told)
    rank, world_size = get_dist_info()
    mine = range(rank, len(names), world_size)
    rows = [row for row in mine if not (folder / names[row]).exists()]
    plain = Subset(dataset.plain(maps=True), rows)
    loader = DataLoader(plain, batch_size=batch_size, num_workers=num_workers)
    for raw in progress(loader, f'translate {dataset.name}') if rows else ():
        for row, picture in zip(raw.index.tolist(), translator(raw, style)):
            _write(picture, folder / names[row])
    barrier()
    return folder


def _names(dataset, names: Sequence[str] | None) -> list[str]:
    own = [Path(record.path).name for record in dataset.records]
    names = own if names is None else list(names)
    if len(names) != len(own):
        raise ValueError(
            f'{dataset.name} has {len(own)} images, but {len(names)} names are given for their '
            f'translations; give one each'
        )
    if len(set(names)) < len(names):
        raise ValueError(
            f'{dataset.name}: {len(names)} images have {len(set(names))} names, so one translation '
            f'would overwrite another; translate its folders one by one'
        )
    return names


def _write(picture: Tensor, path: Path) -> None:
    jpeg = path.suffix.lower() in ('.jpg', '.jpeg')
    with written_whole(path, FIX) as part:
        Image.fromarray(picture.contiguous().numpy()).save(
            part, format='JPEG' if jpeg else 'PNG', **(JPEG if jpeg else {})
        )


def _check_stamp(folder: Path, stamp: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    begun = any(each.suffix.lower() in SUFFIXES for each in folder.iterdir())
    check_stamp(folder / STAMP, stamp, 'a translation', begun, write=is_main_process())
