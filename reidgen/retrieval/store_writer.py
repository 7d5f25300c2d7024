"""StoreWriter: resumable writing of a feature store by shards."""

import io
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from reidgen.datasets.records import Record
from reidgen.files import write_bytes

from .feature_store import shard_digest, shard_fault
from .image_list import IMAGES, images_bytes
from .manifest import (
    DTYPES,
    MANIFEST,
    SHARDS,
    Manifest,
    manifest_text,
    read_manifest,
)

FIX = 'make room or give another folder, then run the same command again: what is written is kept'


class StoreWriter:
    """Writer of a feature store, new or begun before.

    `todo` and `prepare` are called by one process; `write` by any number of them, each with
    shards of its own.

    Args:
        folder: of the store.
        manifest: what will be in it; `images_sha256` and `num_images` are filled in.
        records: of each row; paths start from `manifest.root`.

    Raises:
        ValueError: no image, or a shard size or dtype that cannot be.
    """

    def __init__(self, folder: str | Path, manifest: Manifest, records: Sequence[Record]):
        if not records or manifest.shard_size < 1:
            raise ValueError(
                f'{len(records)} images in shards of {manifest.shard_size}: both must be at least 1'
            )
        if manifest.dtype not in DTYPES:
            raise ValueError(f'dtype is {manifest.dtype!r}; it must be one of {", ".join(DTYPES)}')
        self.folder = Path(folder)
        self._images = images_bytes(records)
        self.manifest = replace(
            manifest,
            images_sha256=sha256(self._images).hexdigest(),
            num_images=len(records),
        )

    def prepare(self) -> None:
        """Writes list and manifest, or checks that existing ones are of the same extraction.

        Where no shard was written there is nothing to go on with, and nothing to be lost.

        Raises:
            ValueError: the folder holds features of another checkpoint, model, list of images,
                shard size or dtype.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / MANIFEST).is_file() and any(self.folder.glob(SHARDS)):
            found = read_manifest(self.folder)
            difference = _difference(found, self.manifest)
            if difference is not None:
                raise ValueError(
                    f'{self.folder} holds other features: {difference}. Give another --out, '
                    f'what it was begun with, or delete {self.folder} first'
                )
        write_bytes(self.folder / IMAGES, self._images, FIX)
        write_bytes(self.folder / MANIFEST, manifest_text(self.manifest).encode(), FIX)

    def todo(self) -> list[int]:
        """Numbers of the shards that are missing, cut short or otherwise faulty."""
        return [
            number
            for number in range(self.manifest.num_shards)
            if shard_fault(self.folder, self.manifest, number) is not None
        ]

    def write(self, number: int, features: np.ndarray) -> None:
        """Writes a shard atomically.

        Args:
            features: (S, D) of its rows, finite and of unit length.

        Raises:
            ValueError: another shape than that of the shard.
            OSError: it could not be written.
        """
        shape = (len(self.manifest.rows(number)), self.manifest.dims)
        if features.shape != shape:
            raise ValueError(
                f'shard {number} has {shape[0]} rows of {shape[1]} dimensions; features of shape '
                f'{features.shape} were given'
            )
        data = io.BytesIO()
        np.save(data, features.astype(self.manifest.dtype, copy=False))
        data.write(shard_digest(data.getvalue(), number))
        with data.getbuffer() as content:  # released, also where writing fails
            write_bytes(self.manifest.shard_path(self.folder, number), content, FIX)


def _difference(there: Manifest, new: Manifest) -> str | None:
    """Difference that prevents continuing the existing store; None without one."""
    encoder = there.encoder.difference(new.encoder)
    if encoder is not None:
        return f'there and now {encoder}'
    for key in ('num_images', 'images_sha256', 'shard_size', 'dtype', 'dims'):
        old, now = getattr(there, key), getattr(new, key)
        if old != now:
            return f'{key} there {str(old)[:12]}, now {str(now)[:12]}'
    return None
