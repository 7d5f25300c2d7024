"""Images that a trained GAN generates from latent vectors, as files."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from reidgen.choices import check_count, is_whole
from reidgen.datasets.records import Record
from reidgen.models import AdversarialModel
from reidgen.models.latents import slerp

from .translation import ModelTranslator, translate_dataset

MAX_COUNT = 100_000  # names have five digits
NUM_RATIOS = 10  # of an interpolation, both ends included
ROW = 8  # images in a row of a picture


class LatentBatch(NamedTuple):
    """Batch of latent vectors."""

    z: Tensor  # (B, Z)
    index: Tensor  # type: ignore[assignment]  # (B,) int64 number of the image


class Latents(Dataset):
    """The latent vectors 0 to count - 1 of a seed, under the file names of their images."""

    name = 'latent vectors'

    def __init__(self, model: AdversarialModel, count: int, seed: int):
        self.phases, self.seed = model.gan, seed
        self.records = [Record(image_name(number), -1, 0) for number in range(count)]

    def plain(self, maps: bool = False) -> 'Latents':
        return self

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, number: int) -> LatentBatch:
        return LatentBatch(self.phases.latents(range(number, number + 1), self.seed)[0], number)


class LatentTranslator(ModelTranslator):
    """A model with `generate` as a Translator of latent vectors."""

    def __init__(self, model: AdversarialModel, seed: int):
        super().__init__(model, to='images')
        self.stamp = dict(
            name='generator',
            seed=seed,
            latent=model.gan.latent,
            bn_eval=model.gan.bn_eval,
            amp=model.amp,
        )

    def translated(self, raw: LatentBatch, style: int) -> Tensor:
        return shown(self.model.generate(raw.z.to(self.model.data_preprocessor.device)))


def check_generator(model: AdversarialModel) -> None:
    """Raises ValueError where a model generates no images of latent vectors."""
    if getattr(model, 'gan', None) is None:
        raise ValueError(
            f'this {type(model).__name__} has no generator of latent vectors; set '
            f'model.networks.G and D, or read generated images from a folder'
        )


def image_name(number: int) -> str:
    """File name of a generated image, `gen_00000.jpg`."""
    return f'gen_{number:05d}.jpg'


def generate_images(
    model: AdversarialModel,
    folder: str | Path,
    count: int,
    stamp: dict,
    seed: int = 0,
    batch_size: int = 64,
) -> Path:
    """Writes `count` generated images; an interrupted run is completed as `translate_dataset` does.

    An image is a function of the model, the seed and its number; with `bn_eval='batch'` of those
    too that are generated at once, which an interruption changes.

    Args:
        model: UnconditionalGAN, or another with `gan` (GANPhases) and `generate`.
        stamp: plain data that tells of which model the images are, kept in `translation.json`.
        seed: of the latent vectors.

    Returns:
        the folder.

    Raises:
        ValueError: the model has no generator of latent vectors, a count below 1 or above 100,000,
            a seed below 0; or as `translate_dataset`.
        OSError: as `translate_dataset`.
    """
    check_generator(model)
    check_count('count', count)
    if count > MAX_COUNT or not is_whole(seed):
        raise ValueError(
            f'count is {count}, seed {seed!r}; set a count up to {MAX_COUNT:,} and a seed from 0'
        )
    latents = Latents(model, count, seed)
    translator = LatentTranslator(model, seed)
    return translate_dataset(translator, latents, folder, stamp, batch_size)


def shown(images: Tensor) -> Tensor:
    """Images as they are; heatmaps (B, C, H, W) as the largest of their channels, (B, 1, H, W)."""
    return images if images.shape[1] in (1, 3) else images.amax(1, keepdim=True)


@torch.no_grad()
def interpolation(model: AdversarialModel, first: Tensor, last: Tensor) -> list[tuple[str, Tensor]]:
    """Columns of a picture: images of latent vectors between two, at ten ratios.

    Args:
        model: as of `generate_images`, in eval mode.
        first, last: (B, Z) latent vectors, a row of the picture each two.

    Returns:
        titles and images (B, C, H, W), normalised as batches are.
    """
    ratios = torch.linspace(0, 1, NUM_RATIOS).tolist()
    device = model.data_preprocessor.device
    z = torch.cat([slerp(first, last, ratio) for ratio in ratios]).to(device)
    with model.autocast():
        images = shown(model.generate(z)).float()
    return [(f'{ratio:.2f}', part) for ratio, part in zip(ratios, images.split(len(first)))]


def over(images: Tensor, restored: Tensor) -> list[tuple[str, Tensor]]:
    """Columns of a picture: rows of images (B, C, H, W), each over what is made of them."""
    rows = [row for pair in zip(images.split(ROW), restored.split(ROW)) for row in pair]
    return in_rows([shown(row) for row in rows], images.new_ones(1, 1, 1))


def in_rows(rows: list[Tensor], blank: Tensor) -> list[tuple[str, Tensor]]:
    """Columns without titles of a picture with these rows, each filled up to the longest.

    Args:
        rows: images (n, C, H, W) each.
        blank: (C, 1, 1), the colour of the cells without an image.
    """
    width = max(len(row) for row in rows)
    empty = blank.expand(rows[0].shape[1:])[None]
    cells = torch.stack([torch.cat([row, *[empty] * (width - len(row))]) for row in rows])
    return [('', column) for column in cells.unbind(1)]
