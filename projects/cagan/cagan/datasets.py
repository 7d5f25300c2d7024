"""Base of the garment data sets: persons, the garments they wear, and garments to swap to."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from mmengine.logging import MMLogger
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as vision

from reidgen.datasets.image_files import read_rgb
from reidgen.rng import seed_of
from reidgen.structures import SeededIndex

from .model import SwapBatch
from .networks import check_size

SPLITS = ('train', 'test')
FLIP_PROB = 0.5
INTERPOLATIONS = {
    'bicubic': v2.InterpolationMode.BICUBIC,
    'bilinear': v2.InterpolationMode.BILINEAR,
}
NUM_NAMED = 5  # files that an error lists


class Pair(NamedTuple):
    """Paths of a person's image, of the worn garment and, where fixed, of the target garment."""

    person: str  # path of the picture
    worn: str  # path of the garment's picture
    wanted: str | None = None  # path of the garment to swap to; None: one is drawn


class Truth(NamedTuple):
    """Ground truth of a swap: the person in the target garment, and the garment's region."""

    image: Tensor  # (3, H, W) uint8
    garment: Tensor  # (1, H, W) bool: the garment's pixels before and after


class GarmentDataset(Dataset):
    """Data set of SwapBatch(person, worn, wanted) items, uint8 images (3, H, W).

    The wanted garment is drawn anew at every access, uniformly over the garments of other articles.
    In training the person is enlarged by `margin` and cut out anywhere, person and worn garment are
    mirrored together, the wanted garment on its own; everything from the draw's seed. A test split
    is only resized, and its wanted garments follow from (seed, row).

    Args:
        size: (height, width), multiples of 16.
        margin: pixels (down, across) by which the person is enlarged; None: (20, 15) at 128 x 96,
            scaled with the size; (0, 0): no crop.
        interpolation: of resizing, 'bicubic' or 'bilinear', both with antialias.
        seed: of the wanted garments where nothing is random.

    Raises:
        ValueError: an unknown split or interpolation, a negative margin, a size that cannot be
            halved four times, or fewer than two articles.
        FileNotFoundError: pictures are missing; they are named.
    """

    name = 'garments'
    has_truth = False  # whether `read_truth` has the ground truth

    def __init__(
        self,
        split: str = 'train',
        size: tuple[int, int] = (128, 96),
        margin: tuple[int, int] | None = None,
        interpolation: str = 'bicubic',
        seed: int = 0,
    ):
        if split not in SPLITS:
            raise ValueError(f"split is '{split}'; it must be one of {', '.join(SPLITS)}")
        check_size(*size)
        if interpolation not in INTERPOLATIONS:
            raise ValueError(
                f"interpolation is '{interpolation}'; it must be one of {', '.join(INTERPOLATIONS)}"
            )
        self.split, self.size, self.seed = split, list(size), seed
        self.interpolation = interpolation
        self.margin = [size[0] * 20 // 128, size[1] * 15 // 96] if margin is None else list(margin)
        if min(self.margin) < 0:
            raise ValueError(f'margin is {self.margin}; set both numbers to 0 or more')
        self.augmented = split == 'train'
        self.pairs = self.read_pairs()
        # one picture an article, in order: two pictures of one article are no swap
        self.garments = {self.article(pair.worn): pair.worn for pair in reversed(self.pairs)}
        self.garments = dict(sorted(self.garments.items()))
        if len(self.garments) < 2:
            raise ValueError(
                f'{type(self).__name__} {split} has {len(self.garments)} article(s); a swap needs '
                'two or more'
            )
        MMLogger.get_current_instance().info(
            f'{type(self).__name__} {split}: {len(self)} persons, {len(self.garments)} garments'
        )

    # ---- to be implemented by a data set ----

    def read_pairs(self) -> list[Pair]:
        """Pairs of the split, in a fixed order."""
        raise NotImplementedError

    def article(self, garment: str) -> str:
        """Identity of a garment from the path of its picture."""
        return Path(garment).stem

    def read_person(self, path: str) -> Tensor:
        """Image of a person, (3, h, w) uint8."""
        return read_rgb(path)

    def read_garment(self, path: str) -> Tensor:
        """Image of a garment, (3, h, w) uint8."""
        return read_rgb(path)

    def read_truth(self, row: int, wanted: str) -> Truth:
        """Ground truth of a row's person in another garment; with `has_truth` only."""
        raise TypeError(f'{type(self).__name__} does not know what its persons look like in others')

    # ---- items ----

    def __len__(self) -> int:
        return len(self.pairs)

    def plain(self, maps: bool = False) -> 'GarmentDataset':
        """Copy of the data set without augmentation, with fixed target garments."""
        plain = copy.copy(self)
        plain.augmented = False
        return plain

    def __getitem__(self, item: int | SeededIndex) -> SwapBatch:
        row, seed = item if isinstance(item, SeededIndex) else (int(item), int(item))
        if not 0 <= row < len(self.pairs):
            raise IndexError(f'row {row} of {self.name}, which has {len(self.pairs)} persons')
        pair = self.pairs[row]
        if not self.augmented:
            wanted = self.wanted(row)
            person, worn = self.read_person(pair.person), self.read_garment(pair.worn)
            pictures = person, worn, self.read_garment(wanted)
            return SwapBatch(*(self.resized(picture) for picture in pictures))
        rng = torch.Generator().manual_seed(seed)
        wanted = self._draw_other(pair.worn, rng)
        person = self._cropped(self.read_person(pair.person), rng)
        worn, wanted = (self.resized(self.read_garment(path)) for path in (pair.worn, wanted))
        together, alone = (torch.rand(2, generator=rng) < FLIP_PROB).tolist()
        if together:
            person, worn = vision.horizontal_flip(person), vision.horizontal_flip(worn)
        return SwapBatch(person, worn, vision.horizontal_flip(wanted) if alone else wanted)

    def wanted(self, row: int) -> str:
        """Path of the fixed target garment of a row."""
        pair = self.pairs[row]
        if pair.wanted is not None:
            return pair.wanted
        rng = torch.Generator().manual_seed(seed_of(self.seed, row))
        return self._draw_other(pair.worn, rng)

    def resized(self, picture: Tensor, margin: Sequence[int] = (0, 0)) -> Tensor:
        """Image resized with antialias, (3, H, W) uint8."""
        size = [side + more for side, more in zip(self.size, margin)]
        if list(picture.shape[1:]) == size:
            return picture
        return vision.resize(picture, size, INTERPOLATIONS[self.interpolation], antialias=True)

    def _draw_other(self, worn: str, rng: torch.Generator) -> str:
        articles, own = list(self.garments), self.article(worn)
        others = len(articles) - 1
        drawn = torch.randint(others, (), generator=rng).item()
        place = articles.index(own)
        return self.garments[articles[drawn + (drawn >= place)]]  # the own one is skipped

    def _cropped(self, person: Tensor, rng: torch.Generator) -> Tensor:
        enlarged = self.resized(person, self.margin)
        top, left = (torch.randint(more + 1, (), generator=rng).item() for more in self.margin)
        return vision.crop(enlarged, top, left, *self.size)


def check_files(paths: Sequence[str | Path], what: str) -> None:
    """Raises FileNotFoundError that names the first of the files that are not there."""
    missing = sorted(str(path) for path in set(paths) if not Path(path).is_file())
    if missing:
        listed = '\n  '.join(missing[:NUM_NAMED])
        raise FileNotFoundError(
            f'{what}: {len(missing)} pictures of the list are missing, the first:\n  {listed}\n'
            'Unpack the data set again, or set root and images to where it lies'
        )
