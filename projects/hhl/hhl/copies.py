"""CameraCopies: images together with their camera-styled copies."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from reidgen.datasets import FolderReID
from reidgen.registry import DATASETS, build
from reidgen.rng import seed_of
from reidgen.structures import SeededIndex

NUM_NAMED = 3  # files that an error lists
FIX = 'write them with a trained StarGAN (projects/stargan_camstyle/write_copies.py)'


class CopiesBatch(NamedTuple):
    """Batch of images, each followed by its camera-styled copies."""

    img: Tensor  # (B, 1 + copies, 3, H, W) float32, ImageNet-normalised
    camid: Tensor  # (B,) int64 camera of the image, from 0
    index: Tensor  # (B,) int64 row in the sorted list of the images


@DATASETS.register_module()
class CameraCopies(Dataset):
    """Training images with their camera-styled copies (Zhong et al., ECCV 2018).

    Copies are files `<stem>_fake_<camera>.jpg`, cameras from 1; each is augmented on its own.

    Args:
        dataset: config of the images, with the transforms of images and copies.
        num_cameras: C.
        copies: folder of the files; relative to the data set's root, or absolute.
        own_camera: whether the copy in the image's own camera is among them, as published.
        jitter: instead of files: transforms that make each copy of the image before it is
            augmented. A baseline for camera-styled copies, and for tests.

    Attributes:
        num_images: of an item, the image itself counted.

    Raises:
        FileNotFoundError: a copy is missing; the first are named.
        ValueError: neither `copies` nor `jitter` is given, or both.
    """

    def __init__(
        self,
        dataset: dict,
        num_cameras: int,
        copies: str | None = None,
        own_camera: bool = True,
        jitter: Sequence[dict] | None = None,
    ):
        if (copies is None) == (jitter is None):
            raise ValueError(
                f'copies is {copies!r} and jitter {jitter!r}; give one of them: the folder of the '
                f'copies, or transforms that stand in for it'
            )
        cfg = dict(dataset)
        self.images = build(cfg, DATASETS)
        self.num_cameras, self.own_camera = num_cameras, own_camera
        self.num_images = 1 + num_cameras - (not own_camera)
        transforms = list(cfg.get('transforms', ()))
        if jitter is not None:
            cfg['transforms'] = [*jitter, *transforms]
            self.copies, self._row_of = build(cfg, DATASETS), None
        else:
            folder = Path(self.images.root, copies)
            if not folder.is_dir():
                raise FileNotFoundError(f'no copies of {self.images.name} in {folder}; {FIX}')
            self.copies = FolderReID(
                str(folder),
                pattern=None,
                transforms=transforms,
                labelled=False,
                check_images=cfg.get('check_images', True),
                name=f'copies of {self.images.name}',
            )
            self._row_of = {
                Path(record.path).stem: row for row, record in enumerate(self.copies.records)
            }
            self._check_complete(folder)

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
        copies = [
            self.copies[SeededIndex(self._copy(row, camera), seed_of(seed, camera))].img
            for camera in self._cameras(row)
        ]
        return CopiesBatch(torch.stack([real.img, *copies]), real.camid, row)

    def _cameras(self, row: int) -> list[int]:
        """Cameras of an image's copies, from 1."""
        own = int(self.images.camids[row]) + 1
        return [k for k in range(1, self.num_cameras + 1) if self.own_camera or k != own]

    def _copy(self, row: int, camera: int) -> int:
        """Row of a copy in the data set of copies."""
        return row if self._row_of is None else self._row_of[self._stem(row, camera)]

    def _stem(self, row: int, camera: int) -> str:
        return f'{Path(self.images.records[row].path).stem}_fake_{camera}'

    def _check_complete(self, folder: Path) -> None:
        stems = [self._stem(row, k) for row in range(len(self)) for k in self._cameras(row)]
        missing = [f'{stem}.jpg' for stem in stems if stem not in self._row_of]
        if missing:
            raise FileNotFoundError(
                f'{folder} lacks {len(missing)} of {len(stems)} copies, the first: '
                f'{", ".join(missing[:NUM_NAMED])}; {FIX}, or set num_cameras to theirs'
            )
