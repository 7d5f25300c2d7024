"""PartMap: maps of head, body and feet in three colours."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as vision

from reidgen.datasets import PoseMap, Record
from reidgen.registry import POSE_MAPS


@POSE_MAPS.register_module()
class PartMap(PoseMap):
    """Upper, middle and lower third of a person's mask in red, green and blue, with soft edges.

    For data sets with masks (`read_mask`: SyntheticReID, ShapesReID). An empty mask gives a black
    map.

    Args:
        sigma: of the Gaussian that softens edges, in pixels of the image; 0: none.
    """

    channels = 3

    def __init__(self, sigma: float = 2.0):
        if not 0 <= sigma < 100:
            raise ValueError(f'pose_map.sigma is {sigma}; it must be a number of pixels from 0')
        self.sigma = sigma

    def attach(self, dataset: Any) -> None:
        if not hasattr(dataset, 'read_mask'):
            raise TypeError(
                f'PartMap reads masks, and {type(dataset).__name__} has none; use SyntheticReID, '
                f'or give maps of your own as images of FolderReID'
            )
        self.dataset = dataset

    def load(self, record: Record, split: str, view: int | None, image: Tensor) -> Tensor:
        mask = self.dataset.read_mask(record)[0]
        maps = mask.new_zeros(3, *mask.shape)
        rows = (mask > 0).any(1).nonzero().flatten()
        if len(rows):
            top, height = int(rows[0]), int(rows[-1]) + 1 - int(rows[0])
            cuts = [top + round(height * third / 3) for third in range(4)]
            for part, (first, last) in enumerate(pairwise(cuts)):
                maps[part, first:last] = mask[first:last]
        if not self.sigma:
            return maps
        size = 2 * max(round(3 * self.sigma), 1) + 1
        blurred = vision.gaussian_blur(maps.float(), [size, size], [self.sigma, self.sigma])
        return blurred.round().to(torch.uint8)
