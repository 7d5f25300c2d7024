"""Cache of resized pictures and pose maps in memory that worker processes and loaders share."""

import math
import shutil
import weakref
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reidgen.datasets.log_once import log_once
from reidgen.datasets.transforms import Resize, Sample

SHARED = Path('/dev/shm')  # what shared memory is taken from, on Linux
GB = 10**9


class Store:
    """Rows of uint8 pictures (*shape), each there once it was put; shared between processes.

    Two processes may put a row at a time, as both put the same pixels.
    """

    def __init__(self, num_rows: int, shape: Sequence[int]):
        self.pixels = _shared(num_rows, *shape)
        self.there = _shared(num_rows)

    def get(self, row: int) -> Tensor | None:
        """A copy of a row; None if nobody has put it."""
        return self.pixels[row].clone() if self.there[row] else None

    def put(self, row: int, picture: Tensor) -> None:
        self.pixels[row] = picture
        self.there[row] = 1  # last: another process may read now


# stores of images and of maps by what is in them, as long as a data set uses them
_stores: 'weakref.WeakValueDictionary[Hashable, Store]' = weakref.WeakValueDictionary()


class ImageCache:
    """Resized images of a data set, and their maps from every view, as they have been read.

    Args:
        resize: the transform whose outcome is kept.
        images: (N, 3, H, W).
        maps: (N * V, M, H, W), the views of an image in a row; None: no maps.
        views: V views, None for the image's own first.
    """

    def __init__(
        self, resize: Resize, images: Store, maps: Store | None, views: Sequence[int | None]
    ):
        self.resize, self.images, self.maps = resize, images, maps
        self.columns = {view: column for column, view in enumerate(views)}

    def load(self, row: int, views: Sequence[int | None], read: Callable[[], Sample]) -> Sample:
        """Resized sample of an image with its maps from `views`; `read` only if one is missing."""
        img = self.images.get(row)
        found = [None if self.maps is None else self.maps.get(n) for n in self._rows(row, views)]
        maps = [each for each in found if each is not None]
        if img is not None and len(maps) == len(views):
            return Sample(img, torch.stack(maps) if maps else None)
        sample = self.resize(read())
        self.images.put(row, sample.img)
        if self.maps is not None and sample.maps is not None:
            for number, each in zip(self._rows(row, views), sample.maps):
                self.maps.put(number, each)
        return sample

    def _rows(self, row: int, views: Sequence[int | None]) -> list[int]:
        return [row * len(self.columns) + self.columns[view] for view in views]


def cache_of(dataset: Any, limit_gb: float, pose_map: object) -> ImageCache | None:
    """Cache of a ReIDDataset, shared with others that have its files and maps; the log tells it.

    Args:
        limit_gb: most that images and maps may take together, in 10^9 bytes; 0: no cache.
        pose_map: config of the maps; None where there is none by which others could have the same.

    Returns:
        None where there is no cache: the limit is 0, the transforms do not begin with Resize, or
        it takes more than the limit or the free shared memory. The log says which.

    Raises:
        ValueError: the limit is no number from 0 on.
    """
    number = isinstance(limit_gb, int | float) and not isinstance(limit_gb, bool)
    if not number or not 0 <= limit_gb < math.inf:
        raise ValueError(f'cache_gb is {limit_gb!r}; it must be a number of GB, 0 for no cache')
    if not limit_gb:
        return None
    what = f'{type(dataset).__name__} {dataset.split}'
    resize = dataset.transforms[0] if dataset.transforms else None
    if not isinstance(resize, Resize):
        log_once(f'{what}: no cache, as its transforms do not begin with Resize (cache_gb=0)')
        return None
    views = (None, *dataset.pose_map.novel_views) if dataset.pose_map else ()
    sizes = {_image_key(dataset, resize): (len(dataset), 3, *resize.size)}
    if views:
        key = (
            *next(iter(sizes)),
            dataset.root,
            dataset.split,
            repr(pose_map) if pose_map else object(),
        )
        sizes[key] = (len(dataset) * len(views), dataset.map_channels, *resize.size)
    told = f'{what}: {len(dataset)} images of {resize.size[0]} x {resize.size[1]}'
    told += f' with {len(views)} map{"s" * (len(views) > 1)} of each' if views else ''
    if not _fits(told, sizes, limit_gb):
        return None
    stores = [_store(key, *size) for key, size in sizes.items()]
    return ImageCache(resize, stores[0], stores[1] if views else None, views)


def _image_key(dataset: Any, resize: Resize) -> tuple[Hashable, ...]:
    # pictures that a class makes may depend on more than their paths
    from_files = type(dataset).read_image.__module__ == 'reidgen.datasets.reid_dataset'
    pictures = tuple(record.path for record in dataset.records) if from_files else object()
    return pictures, *resize.size, str(resize.mode)


def _fits(told: str, sizes: dict[tuple[Hashable, ...], tuple[int, ...]], limit_gb: float) -> bool:
    taken = sum(math.prod(size) for size in sizes.values()) / GB
    missing = sum(math.prod(size) for key, size in sizes.items() if key not in _stores) / GB
    free = shutil.disk_usage(SHARED).free / GB if SHARED.is_dir() else math.inf
    if taken > limit_gb or missing > free:
        reason = f'cache_gb is {limit_gb:g}' if taken > limit_gb else f'only {free:.3g} GB are free'
        log_once(f'{told} would take {taken:.3g} GB of shared memory, but {reason}; read each time')
        return False
    shared = f', {taken - missing:.3g} of them shared with another loader' * (missing < taken)
    log_once(f'{told} stay in shared memory once read: {taken:.3g} GB{shared}')
    return True


def _store(key: tuple[Hashable, ...], num_rows: int, *shape: int) -> Store:
    store = _stores.get(key)
    if store is None:
        store = _stores[key] = Store(num_rows, shape)
    return store


def _shared(*shape: int) -> Tensor:
    """Zeros (*shape) uint8 in shared memory, which torch reserves now.

    Raises:
        RuntimeError: there is not enough of it.
    """
    storage = torch.UntypedStorage._new_shared(math.prod(shape))
    return torch.empty(0, dtype=torch.uint8).set_(storage).view(shape)
