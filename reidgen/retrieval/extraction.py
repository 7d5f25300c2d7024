"""Extraction of a feature store from images, in one process or several."""

import os
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import barrier, broadcast_object_list, get_dist_info
from tqdm import tqdm

from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.engine.ddp import join_over_gloo

from .feature_extractor import FeatureExtractor
from .manifest import Manifest
from .store_writer import StoreWriter

LONGEST = timedelta(days=30)  # that one process may wait for another


@dataclass(frozen=True)
class Extraction:
    """Summary of an extraction."""

    num_images: int  # in the store
    num_made: int  # of them now, by all processes
    seconds: float
    num_bytes: int  # of the shards

    def __str__(self) -> str:
        there = self.num_images - self.num_made
        return (
            f'{self.num_images} images{f" ({there} were there)" if there else ""}, '
            f'{self.seconds:.1f} s, {self.num_made / self.seconds:.1f} images/s, '
            f'{self.num_bytes / 1e6:.1f} MB'
        )


def join_processes() -> None:
    """Joins torchrun's process group over gloo, as no tensor is exchanged."""
    if torch.distributed.is_torchelastic_launched() and not torch.distributed.is_initialized():
        join_over_gloo(LONGEST)
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ['LOCAL_RANK']))


def extract(
    extractor: FeatureExtractor,
    dataset: ReIDDataset,
    out: str | Path,
    batch_size: int = 128,
    num_workers: int = 0,
    shard_size: int = 4096,
    dtype: str = 'float32',
) -> Extraction:
    """Writes the features of a data set, continuing an interrupted call.

    A batch never crosses a shard, so the features depend neither on where an earlier call stopped
    nor on the number of processes. A bar with the time left is shown on a terminal.

    Args:
        out: folder of the store; see `FeatureStore`.
        shard_size: images; a kill costs each process at most so many.
        dtype: 'float32' or 'float16'.

    Raises:
        ValueError, OSError: as `StoreWriter` and `FeatureExtractor.batches`.
    """
    start, (rank, world_size) = time.perf_counter(), get_dist_info()
    if batch_size < 1:
        raise ValueError(f'batch_size={batch_size} must be at least 1')
    first = next(extractor.batches(dataset, [[0]]))
    writer = StoreWriter(
        out,
        Manifest(
            encoder=extractor.info,
            dataset=f'{dataset.name} {dataset.split}',
            root=str(dataset.root.absolute()),
            images_sha256='',
            num_images=0,
            dims=first.shape[1],
            shard_size=shard_size,
            dtype=dtype,
        ),
        [_below(record, dataset.root) for record in dataset.records],
    )
    todo: list[list[int]] = [[]]
    if rank == 0:
        writer.prepare()
        todo = [writer.todo()]
    broadcast_object_list(todo)
    _make(extractor, dataset, writer, todo[0][rank::world_size], batch_size, num_workers)
    barrier()
    manifest = writer.manifest
    return Extraction(
        num_images=len(dataset),
        num_made=sum(len(manifest.rows(shard)) for shard in todo[0]),
        seconds=time.perf_counter() - start,
        num_bytes=len(dataset) * manifest.dims * np.dtype(dtype).itemsize,
    )


def _make(
    extractor: FeatureExtractor,
    dataset: ReIDDataset,
    writer: StoreWriter,
    shards: list[int],
    batch_size: int,
    num_workers: int,
) -> None:
    """Embeds the images of some shards and writes these."""
    parts = {
        shard: [rows[at : at + batch_size] for at in range(0, len(rows), batch_size)]
        for shard in shards
        for rows in [writer.manifest.rows(shard)]
    }
    if not parts:
        return
    made = extractor.batches(
        dataset, [part for each in parts.values() for part in each], num_workers
    )
    total = sum(len(writer.manifest.rows(shard)) for shard in shards)
    # disable=None: no bar where the output is no terminal
    hidden = None if get_dist_info()[0] == 0 else True
    with tqdm(total=total, desc='extract', unit='image', disable=hidden) as bar:
        for shard, batches in parts.items():
            features = []
            for rows in batches:
                features.append(next(made).numpy())
                bar.update(len(rows))
            writer.write(shard, np.concatenate(features))


def _below(record: Record, root: Path) -> Record:
    """Record with its path relative to the root if below it."""
    path = Path(record.path)
    return record._replace(path=str(path.relative_to(root) if path.is_relative_to(root) else path))
