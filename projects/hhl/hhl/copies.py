"""CameraCopies: images together with their camera-styled copies."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from reidgen.datasets import StyledReID
from reidgen.registry import DATASETS
from reidgen.rng import seed_of
from reidgen.structures import SeededIndex


class CopiesBatch(NamedTuple):
    """Batch of images, each followed by its camera-styled copies."""

    img: Tensor  # (B, 1 + copies, 3, H, W) float32, ImageNet-normalised
    camid: Tensor  # (B,) int64 camera of the image, from 0
    index: Tensor  # (B,) int64 row in the sorted list of the images


@DATASETS.register_module()
class CameraCopies(Dataset):
    """Training images with their camera-styled copies (Zhong et al., ECCV 2018).

    Image and copies are each augmented on its own.

    Args:
        dataset, num_cameras, copies, own_camera, jitter: as StyledReID, which reads the copies;
            published is own_camera=True.

    Attributes:
        num_images: of an item, the image itself counted.
    """

    def __init__(
        self,
        dataset: dict,
        num_cameras: int,
        copies: str | None = None,
        own_camera: bool = True,
        jitter: Sequence[dict] | None = None,
    ):
        self.copies = StyledReID(dataset, num_cameras, copies, own_camera, jitter)
        self.images = self.copies.images
        self.num_images = 1 + self.copies.per_image

    @property
    def name(self) -> str:
        """Name of the data set with its copies."""
        return f'{self.images.name} with copies'

    @property
    def num_identities(self) -> int:
        """Number of labelled identities, always 0: each image is its own identity."""
        return 0

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, item: int | SeededIndex) -> CopiesBatch:
        """Image with its copies, without batch dimension; crops follow the SeededIndex's seed."""
        row, seed = item if isinstance(item, SeededIndex) else (int(item), int(item))
        real = self.images[SeededIndex(row, seed)]
        first = row * self.copies.per_image
        copies = [
            self.copies[SeededIndex(first + place, seed_of(seed, camera))].img
            for place, camera in enumerate(self.copies.cameras(row))
        ]
        return CopiesBatch(torch.stack([real.img, *copies]), real.camid, row)
