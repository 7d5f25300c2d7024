"""Generated images as training images: alone, and in one list with real ones."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch.utils.data import Dataset

from reidgen.choices import check_count
from reidgen.datasets import FolderReID, ReIDDataset
from reidgen.datasets.transforms import build_transforms
from reidgen.registry import DATASETS, build
from reidgen.structures import ImageBatch, SeededIndex

FIX = 'write more with `reidgen generate CONFIG CHECKPOINT --out FOLDER --count K`, or lower count'


@DATASETS.register_module()
class GeneratedImages(Dataset):
    """Generated images; identity and camera are -1.

    Args:
        count: images, the first of the folder in sorted order.
        folder: where they lie; None: in the folder that GenerateImagesHook writes in this run.
        transforms: configs, as of a ReIDDataset.

    Raises:
        FileNotFoundError: there is no such folder, or no image in it.
        ValueError: the folder has fewer images, or one cannot be decoded.
    """

    num_identities = 0
    name = 'generated images'

    def __init__(self, count: int, folder: str | None = None, transforms: Sequence[dict] = ()):
        check_count('count', count)
        self.count, self.awaited, self.transforms = count, folder is None, list(transforms)
        build_transforms(transforms)  # their faults show before the images are there
        self.pids = self.camids = torch.full((count,), -1)
        self._images: FolderReID | None = None
        if folder is not None:
            self.read_from(folder)

    def read_from(self, folder: str | Path) -> None:
        """Takes the images from a folder."""
        images = FolderReID(
            str(folder), pattern=None, labelled=False, name=self.name, transforms=self.transforms
        )
        if len(images) < self.count:
            raise ValueError(f'{folder} has {len(images)} images, count is {self.count}; {FIX}')
        self._images = images

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, item: int | SeededIndex) -> ImageBatch:
        """Image without batch dimension, augmented by the SeededIndex's seed.

        Raises:
            RuntimeError: the images have not been generated yet.
        """
        if self._images is None:
            raise RuntimeError(
                f'the {self.count} images have not been generated yet; add '
                f"dict(type='GenerateImagesHook') to the hooks, or set folder"
            )
        return self._images[item]._replace(camid=-1)


@DATASETS.register_module()
class RealAndGenerated(Dataset):
    """The list of real training images, and generated ones behind it, to be shuffled together.

    Of the generated ones identity and camera are -1, so that no sampler of identities takes them:
    IdentitySampler refuses the list.

    Args:
        dataset: config of the labelled real training images; its transforms are those of the
            generated ones too.
        count, folder: of the generated ones, as GeneratedImages.

    Raises:
        TypeError: `dataset` is no ReIDDataset, or has pose maps.
        ValueError: `dataset` is no labelled training split; or as GeneratedImages.
    """

    def __init__(self, dataset: dict, count: int, folder: str | None = None):
        real = build(dataset, DATASETS, 'dataset')
        if not isinstance(real, ReIDDataset) or real.pose_map is not None:
            raise TypeError(
                f'RealAndGenerated lists plain images, but its dataset is {dataset}; give a '
                f'ReIDDataset without pose_map'
            )
        if real.split != 'train' or not real.labelled:
            raise ValueError(
                f'RealAndGenerated is for training, but its dataset {real.name} has split '
                f"'{real.split}' and labelled={real.labelled}; set split='train' and labelled=True"
            )
        self.real = real
        self.generated = GeneratedImages(count, folder, dataset.get('transforms', ()))
        self.pids = torch.cat([real.pids, self.generated.pids])
        self.camids = torch.cat([real.camids, self.generated.camids])

    @property
    def name(self) -> str:
        return f'{self.real.name} and {len(self.generated)} generated images'

    @property
    def num_identities(self) -> int:
        """Identities of the real images."""
        return self.real.num_identities

    def __len__(self) -> int:
        return len(self.real) + len(self.generated)

    def __getitem__(self, item: int | SeededIndex) -> ImageBatch:
        """Image without batch dimension, augmented by the SeededIndex's seed."""
        row, seed = item if isinstance(item, SeededIndex) else (int(item), int(item))
        if row < len(self.real):
            return self.real[SeededIndex(row, seed)]
        return self.generated[SeededIndex(row - len(self.real), seed)]._replace(index=row)


def awaited_images(dataset: Dataset) -> GeneratedImages | None:
    """Generated images of a data set that the run is yet to write; None: it has none."""
    found = dataset.generated if isinstance(dataset, RealAndGenerated) else dataset
    return found if isinstance(found, GeneratedImages) and found.awaited else None
