"""FeatureStore: features on disk, read through memory maps."""

import mmap
from collections.abc import Collection, Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reidgen.datasets.records import Record
from reidgen.files import sha256_of

from .image_list import IMAGES, iterate_images
from .manifest import MANIFEST, Manifest, read_manifest

DIGEST = sha256().digest_size  # bytes after the array
UNIT_WITHIN = 2e-3  # of length 1: float16 of rows that are within 1e-3
AGAIN = 'run the same `reidgen extract` again: it keeps whole shards and makes the others'


class FeatureStore:
    """Store of N feature rows in shards of S, one mapped at a time, so memory is bounded.

    The folder holds manifest.json (see `Manifest`), images.csv and `shard_<number>_<key>.npy`, each
    (S, D), the last one shorter, and after the array the SHA-256 of all before it and the shard's
    number. Opening a store checks every shard's size and the list of images; the first reading of a
    shard its hash and that every row has unit length.

    Args:
        folder: what `reidgen extract` wrote.

    Raises:
        FileNotFoundError: no manifest or no list, or shards are missing.
        ValueError: a shard is cut short, has other dimensions, or is another checkpoint's; the list
            is not that of the manifest. When it is read: a shard was changed, or has rows that are
            not of unit length.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.manifest = read_manifest(self.folder)
        self._verified: set[int] = set()  # numbers of shards
        check_images(self.folder, self.manifest)
        check_shards(self.folder, self.manifest)

    def __len__(self) -> int:
        return self.manifest.num_images

    @property
    def dims(self) -> int:
        """Feature dimension D."""
        return self.manifest.dims

    def shards(self) -> Iterator[tuple[int, Tensor]]:
        """First row and features (S, D) float32 of each shard, in order, read-only.

        A float32 shard is the mapped file: what is not kept takes no memory afterwards.
        """
        for number in range(self.manifest.num_shards):
            yield self.manifest.rows(number).start, self._shard(number)

    def features(self, rows: Collection[int] | None = None) -> Tensor:
        """Features (len(rows), D) float32 of these rows in their order; None: all."""
        if rows is None:
            rows = range(len(self))
        rows = np.asarray(rows, dtype=np.int64)
        found = torch.empty(len(rows), self.dims)
        numbers = rows // self.manifest.shard_size
        for number in np.unique(numbers):
            places = np.flatnonzero(numbers == number)
            inside = torch.from_numpy(rows[places] - self.manifest.rows(int(number)).start)
            found[places] = self._shard(int(number))[inside]
        return found

    def records(self, rows: Collection[int]) -> dict[int, Record]:
        """Records of these rows, with paths as in images.csv, in one pass over the list."""
        wanted = set(rows)
        return {
            row: record for row, record in enumerate(iterate_images(self.folder)) if row in wanted
        }

    def labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Identities and cameras (from 0), (N,) int64 each, -1 where unknown."""
        pids, camids = np.empty((2, len(self)), np.int64)
        for row, record in enumerate(iterate_images(self.folder)):
            pids[row], camids[row] = record.pid, record.camid
        return pids, camids

    def _shard(self, number: int) -> Tensor:
        path = self.manifest.shard_path(self.folder, number)
        # 'c': writable in memory alone, as torch warns of arrays that are not
        shard = torch.from_numpy(np.load(path, mmap_mode='c', allow_pickle=False)).float()
        if number not in self._verified:
            self._verify(number, path, shard)
            self._verified.add(number)
        return shard

    def _verify(self, number: int, path: Path, shard: Tensor) -> None:
        with open(path, 'rb') as file:
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            if shard_digest(content[:-DIGEST], number) != bytes(content[-DIGEST:]):
                raise ValueError(
                    f'{path} was changed since it was written, or is another shard by this name: '
                    f'its SHA-256 is another; delete it and {AGAIN}'
                )
        off = (shard.norm(dim=1) - 1).abs()
        if not (off < UNIT_WITHIN).all():  # NaN is not
            row = int((~(off < UNIT_WITHIN)).nonzero()[0])
            raise ValueError(
                f'row {row} of {path} has length {float(shard[row].norm()):.4f}, features of a '
                f'store have length 1; delete it and {AGAIN}'
            )


def shard_digest(content: bytes | memoryview, number: int) -> bytes:
    """SHA-256 of a shard's file and its number: of two shards that changed places, neither fits."""
    found = sha256(content)
    found.update(f'shard {number}'.encode())
    return found.digest()


def check_images(folder: Path, manifest: Manifest) -> None:
    """Raises an error where images.csv is missing, damaged or not the list of the manifest."""
    path = folder / IMAGES
    if not path.is_file():
        raise FileNotFoundError(f'{path} is missing; {AGAIN}')
    if sha256_of(path) != manifest.images_sha256:
        raise ValueError(
            f'{path} is not the list of images that {MANIFEST} was written with: it was changed or '
            f'is of another store; restore it, or extract again into another folder'
        )
    count = sum(1 for _ in iterate_images(folder))
    if count != manifest.num_images:
        raise ValueError(
            f'{path} lists {count} images, but num_images of {MANIFEST} is '
            f'{manifest.num_images}; restore the two, or extract again into another folder'
        )


def check_shards(folder: Path, manifest: Manifest) -> None:
    """Raises an error for the first incomplete shard; for missing ones, with their number."""
    faults = {
        number: fault
        for number in range(manifest.num_shards)
        if (fault := shard_fault(folder, manifest, number)) is not None
    }
    for number, fault in faults.items():
        if fault != 'is missing':
            path = manifest.shard_path(folder, number)
            raise ValueError(f'{path} {fault}; {AGAIN}')
    if not faults:
        return
    path = manifest.shard_path(folder, next(iter(faults)))
    foreign = sorted(folder.glob(f'{path.name.rpartition("_")[0]}_*.npy'))
    if foreign:
        raise ValueError(
            f'{foreign[0]} is of another checkpoint, model or list of images than {MANIFEST} '
            f'(key {foreign[0].stem.rpartition("_")[2]}, not {manifest.key}), and {path.name} is '
            f'missing; move it back to its own store, then {AGAIN}'
        )
    raise FileNotFoundError(
        f'{folder} lacks {len(faults)} of {manifest.num_shards} shards, the first {path}: '
        f'extraction was stopped, or files were removed; {AGAIN}'
    )


def shard_fault(folder: Path, manifest: Manifest, number: int) -> str | None:
    """Fault of a shard, 'is missing', 'is cut short (...)', ...; None for a complete one.

    Only the head of the file is read.
    """
    path = manifest.shard_path(folder, number)
    if not path.is_file():
        return 'is missing'
    try:
        array = np.load(path, mmap_mode='r', allow_pickle=False)
    except PermissionError:
        raise
    except Exception as error:  # which, depends on what is damaged in its head
        return f'is cut short or damaged ({error})'
    shape, dtype = (len(manifest.rows(number)), manifest.dims), np.dtype(manifest.dtype)
    if array.ndim != 2 or array.shape[1] != manifest.dims:
        return f'has shape {array.shape}, but the features of this store have {shape[1]} dimensions'
    if array.shape != shape or array.dtype != dtype:
        return f'holds {array.shape} {array.dtype}, {MANIFEST} says {shape} {dtype}'
    if array.nbytes + array.offset + DIGEST != path.stat().st_size:
        return 'is cut short or damaged (its size is not that of rows and hash)'
    return None
