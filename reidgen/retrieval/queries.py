"""Queries of a search: an image, a folder of them, or another feature store."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from reidgen.datasets.records import Record

from .feature_extractor import FeatureExtractor
from .feature_store import FeatureStore
from .image_list import iterate_images
from .image_sources import open_images
from .manifest import MANIFEST


class Queries(NamedTuple):
    """Records and features of Q queries, in memory."""

    records: list[Record]  # paths absolute or as given
    features: Tensor  # (Q, D) float32
    own: Tensor | None  # (Q,) int64 gallery rows of the queries, where they are the gallery itself

    @property
    def camids(self) -> np.ndarray:
        return np.array([record.camid for record in self.records], np.int64)


def read_queries(
    path: str | Path,
    store: FeatureStore,
    config: str | None = None,
    checkpoint: str | None = None,
    cfg_options: dict[str, Any] | None = None,
    pattern: str | None = None,
    batch_size: int = 128,
    num_workers: int = 0,
    device: str | None = None,
    skip_corrupt: bool = False,
    camera: str | None = None,
) -> Queries:
    """Queries with features for a store.

    Args:
        path: an image, a folder of images, or the folder of a feature store.
        config: of the encoder of images, a Python file that is run; None: the settings in the
            store's manifest, which are data.
        checkpoint: None: the file that the store was made with.
        cfg_options: overrides of `config`.
        pattern: of labels in image names, see FolderReID.
        skip_corrupt: decode every image first and leave out the damaged ones with a warning.
        camera: name of the queries' camera, where batch-norm statistics are by camera.

    Raises:
        FileNotFoundError: no such path; config or checkpoint are not where they were.
        ValueError: the queries' encoder is not the store's.
    """
    if (Path(path) / MANIFEST).is_file():
        return _stored(FeatureStore(path), store)
    extractor = open_extractor(store, config, checkpoint, cfg_options, device)
    dataset = open_images(
        path, extractor.transforms, pattern, skip_corrupt, extractor.statistics, camera
    )
    rows = range(len(dataset))
    batches = [rows[at : at + batch_size] for at in range(0, len(rows), batch_size)]
    features = torch.cat(list(extractor.batches(dataset, batches, num_workers)))
    return Queries(dataset.records, features, None)


def open_extractor(
    store: FeatureStore,
    config: str | None = None,
    checkpoint: str | None = None,
    cfg_options: dict[str, Any] | None = None,
    device: str | None = None,
) -> FeatureExtractor:
    """Extractor with the encoder of a store; arguments as in `read_queries`."""
    made = store.manifest.encoder
    if checkpoint is None and not Path(made.checkpoint).is_file():
        raise FileNotFoundError(
            f'the features of {store.folder} were made with the checkpoint {made.checkpoint}, '
            f'which is not there any more; say where it is: --checkpoint PATH'
        )
    if config is not None:
        extractor = FeatureExtractor(
            config, checkpoint or made.checkpoint, cfg_options, made.amp, device
        )
    elif cfg_options:
        raise ValueError('cfg_options without a config; give --config too')
    else:
        try:
            extractor = FeatureExtractor.from_info(made, checkpoint, device)
        except ValueError as error:
            raise ValueError(
                f'the encoder of {store.folder} cannot be built from its manifest: {error}. If you '
                f'trust the config that it was made with, give --config {made.config}'
            ) from error
    difference = made.difference(extractor.info)
    if difference is not None:
        raise ValueError(
            f'the features of {store.folder} were made by another encoder than the queries would '
            f'be: {difference}. Give the config and checkpoint of the store, or extract its images '
            f'again with these, into another folder'
        )
    return extractor


def _stored(queries: FeatureStore, store: FeatureStore) -> Queries:
    difference = store.manifest.encoder.difference(queries.manifest.encoder)
    if difference is not None:
        raise ValueError(
            f'{store.folder} and {queries.folder} are features of different encoders: '
            f'{difference}. Extract one of them again with the checkpoint of the other'
        )
    root = Path(queries.manifest.root)
    same = queries.folder.resolve() == store.folder.resolve()
    return Queries(
        [one._replace(path=str(root / one.path)) for one in iterate_images(queries.folder)],
        queries.features(),
        torch.arange(len(store)) if same else None,
    )
