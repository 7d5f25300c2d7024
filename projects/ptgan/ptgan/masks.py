"""Foreground masks, transformed like pose maps."""

import logging
from pathlib import Path

import torch.nn.functional as nnf
from mmengine.logging import print_log
from torch import Tensor

from reidgen.datasets import PoseMap, Record
from reidgen.datasets.image_files import read_grey
from reidgen.datasets.pose_maps import FolderNames
from reidgen.registry import POSE_MAPS

ON_MISSING = ('raise', 'ones')


def dilated(mask: Tensor, pixels: int) -> Tensor:
    """Mask dilated by `pixels` in each direction, (1, H, W) uint8."""
    if pixels == 0:
        return mask
    grown = nnf.max_pool2d(mask.float(), 2 * pixels + 1, stride=1, padding=pixels)
    return grown.to(mask.dtype)


class ForegroundMask(PoseMap):
    """Base of the foreground masks, 0 to 255.

    Args:
        dilate: pixels of the image file by which the mask is grown.
    """

    def __init__(self, dilate: int = 0):
        if dilate < 0:
            raise ValueError(f'dilate is {dilate}; set 0 or more pixels')
        self.dilate = dilate


@POSE_MAPS.register_module()
class DatasetMask(ForegroundMask):
    """Masks provided by the data set; exact in SyntheticReID and ShapesReID."""

    def attach(self, dataset) -> None:
        if not hasattr(dataset, 'read_mask'):
            raise TypeError(
                f'{type(dataset).__name__} has no masks of its own (no method read_mask); set '
                f'pose_map=dict(type="MaskFolder", root=...) and make them with '
                f'`python projects/ptgan/segment.py`'
            )
        self.read = dataset.read_mask

    def load(self, record: Record, split: str, view: int | None, image: Tensor) -> Tensor:
        return dilated(self.read(record), self.dilate)


@POSE_MAPS.register_module()
class MaskFolder(ForegroundMask):
    """Masks in PNG files, 255 on the person, named as the images: 0002_c1s1_000451_03.png.

    Args:
        root: folder of the masks.
        subfolders: folders above the image file that the masks keep: 1 for MSMT17.
        on_missing: 'raise': as the data set's own `on_missing`, which by default raises with
            the count; 'ones': an image without a mask is person everywhere, with one warning.
    """

    def __init__(self, root: str, dilate: int = 0, subfolders: int = 0, on_missing: str = 'raise'):
        super().__init__(dilate)
        if on_missing not in ON_MISSING:
            raise ValueError(f"on_missing is '{on_missing}'; choose one of {', '.join(ON_MISSING)}")
        self.root, self.subfolders, self.on_missing = Path(root), subfolders, on_missing
        self._warned = False
        self._names = FolderNames()

    def load(self, record: Record, split: str, view: int | None, image: Tensor) -> Tensor:
        path = self._path(record)
        if self.on_missing == 'ones' and path.name not in self._names[path.parent]:
            return image.new_full((1, *image.shape[1:]), 255)
        return dilated(read_grey(path), self.dilate)

    def missing(self, record: Record, split: str) -> list[str]:
        path = self._path(record)
        if path.name in self._names[path.parent]:
            return []
        if self.on_missing == 'raise':
            return [str(path)]
        if not self._warned:
            self._warned = True
            print_log(
                f"no mask {path}, and perhaps others: on_missing='ones' holds the whole picture "
                f'of such an image still',
                'current',
                logging.WARNING,
            )
        return []

    def how_to_make(self) -> str:
        return (
            f'make them with `python projects/ptgan/segment.py`, or point pose_map.root (now '
            f'{self.root.absolute()}) at them'
        )

    def _path(self, record: Record) -> Path:
        name = Path(*Path(record.path).parts[-1 - self.subfolders :])
        return (self.root / name).with_suffix('.png')
