"""A whole data set, translated in the style of another domain."""

from collections import Counter
from collections.abc import Callable, Sequence
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
                translated = self.translated(raw, style)
        finally:
            model.train(was_training)
        pixels = (translated.float() + normalizer.shift) / normalizer.scale
        return pixels.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu()

    def translated(self, raw, style: int) -> Tensor:
        """Normalised images (B, 3, H, W) of a raw batch."""
        return self.model.translate(self.model.data_preprocessor(raw), self.to, style)


def own_name(path: str | Path, style: int) -> str:
    """File name of the image itself."""
    return Path(path).name


def translate_dataset(
    translator: Translator,
    dataset,
    folder: str | Path,
    stamp: dict,
    batch_size: int = 64,
    num_workers: int = 0,
    style: int | Sequence[int] = 0,
    name: Callable[[str, int], str] = own_name,
    jpeg: dict = JPEG,
) -> Path:
    """Writes what a translator makes of every image of a data set.

    A picture that is there already is kept, so an interrupted run is completed; each is written
    beside and renamed. With several processes each translates its share.

    Args:
        translator: is given batches with the pose maps of the data set, if it has any.
        dataset: a training set; translated without augmentation.
        folder: where the pictures go.
        stamp: plain data that tells of which model the pictures are: kept in `translation.json`
            with the translator's own.
        style: which one, where the translator has several; or a list of them, which makes one
            picture an image and style, all in one pass.
        name: file name of a translation below the folder, from the path of its image and the style.
            All names must differ; the suffix .jpg or .jpeg gives JPEG, every other PNG.
        jpeg: options of Pillow's JPEG files; quality 95 without chroma subsampling by default.

    Returns:
        the folder.

    Raises:
        ValueError: the folder holds pictures of another stamp, or two translations have one name.
        OSError: a picture cannot be written, or the folder is a file.
    """
    folder = Path(folder)
    styles = [style] if isinstance(style, int) else list(style)
    files = [[folder / name(each.path, k) for k in styles] for each in dataset.records]
    names = [path.relative_to(folder).as_posix() for paths in files for path in paths]
    _check_names(dataset.name, names)
    told = style if isinstance(style, int) else styles
    _check_stamp(folder, dict(stamp, translator=translator.stamp, style=told, images=len(files)))
    rank, world_size = get_dist_info()
    mine = range(rank, len(files), world_size)
    rows = [row for row in mine if not all(path.exists() for path in files[row])]
    plain = Subset(dataset.plain(maps=True), rows)
    loader = DataLoader(plain, batch_size=batch_size, num_workers=num_workers)
    for raw in progress(loader, f'translate {dataset.name}') if rows else ():
        for number, each in enumerate(styles):
            for row, picture in zip(raw.index.tolist(), translator(raw, each)):
                path = files[row][number]
                if not path.exists():
                    _write(picture, path, jpeg)
    barrier()
    return folder


def _check_names(dataset: str, names: list[str]) -> None:
    first = Counter(names).most_common(1)
    if first and first[0][1] > 1:
        double, count = first[0]
        raise ValueError(
            f'{dataset}: {count} translations would be called {double}, so one would overwrite '
            f'another; translate its folders one by one, or rename an image'
        )


def _write(picture: Tensor, path: Path, jpeg: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    to_jpeg = path.suffix.lower() in ('.jpg', '.jpeg')
    with written_whole(path, FIX) as part:
        Image.fromarray(picture.contiguous().numpy()).save(
            part, format='JPEG' if to_jpeg else 'PNG', **(jpeg if to_jpeg else {})
        )


def _check_stamp(folder: Path, stamp: dict) -> None:
    if folder.is_file():
        raise NotADirectoryError(f'{folder} is a file; give a folder for the pictures')
    folder.mkdir(parents=True, exist_ok=True)
    begun = any(each.suffix.lower() in SUFFIXES for each in folder.rglob('*'))
    check_stamp(folder / STAMP, stamp, 'a translation', begun, write=is_main_process())
