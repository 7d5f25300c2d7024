"""Exact search of a feature store, shard by shard, in bounded memory.

Letters: Q queries, N gallery rows, D embedding, k results of each query.
"""

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from reidgen.evaluation.labels import check_finite
from reidgen.evaluation.neighbours import nearest_neighbours

from .feature_store import FeatureStore
from .topk import TopK, exact_distances, padded, smallest_k, without_self


def search(
    query: Tensor,
    store: FeatureStore,
    top: int = 10,
    keep: np.ndarray | None = None,
    own: Tensor | None = None,
) -> TopK:
    """Exact `top` nearest rows of a store, without loss to rounding.

    Each shard's nearest are found by `nearest_neighbours`, their distances summed in float64 and
    merged with the best so far, so the result does not depend on the size of the shards. A bar is
    shown on a terminal.

    Args:
        query: (Q, D) float32 features of the store's encoder; the search runs on its device.
        keep: (N,) bool, the gallery rows to search; None: all.
        own: (Q,) int64 gallery row that a query may not find, itself; -1: none.

    Raises:
        ValueError: top below 1, other dimensions than the store's, `keep` of another length or
            empty, NaN or Inf among the queries, a damaged shard.
    """
    _check(query, store, top, keep)
    k = top if own is None else top + 1
    best = _nothing(query)
    count = store.manifest.num_shards
    for first, shard in tqdm(store.shards(), 'search', count, unit='shard', disable=None):
        rows = torch.arange(first, first + len(shard))
        if keep is not None:
            kept = torch.from_numpy(keep[first : first + len(shard)])
            rows, shard = rows[kept], shard[kept]
        if not len(rows):
            continue
        new = _nearest(query, shard.to(query.device), rows, k)
        candidates = torch.cat([best.rows, new.rows], dim=1)
        distances = torch.cat([best.distances, new.distances], dim=1)
        best = smallest_k(candidates, distances, k)
    best = padded(best, k)
    return best if own is None else without_self(best, own)


def search_other_cameras(
    query: Tensor,
    query_camids: np.ndarray,
    store: FeatureStore,
    top: int = 10,
    keep: np.ndarray | None = None,
) -> TopK:
    """Search as `search` without images of the query's camera; one pass a query camera.

    Args:
        query_camids: (Q,) int64, numbered as in the store.

    Raises:
        ValueError: as `search`, the camera of a query is not known (-1), or all images are of it.
    """
    if (query_camids == -1).any():
        raise ValueError(
            'the cameras of the queries are not known, so their own images cannot be left out; '
            'give a pattern with the group camid for their names'
        )
    topk = padded(_nothing(query), top)
    camids, name = store.labels()[1], store.manifest.encoder.camera_name
    for camera in np.unique(query_camids):
        rows = torch.from_numpy(np.flatnonzero(query_camids == camera))
        others = camids != camera
        kept = others if keep is None else others & keep
        if not kept.any():
            chosen, option = ('all', '') if keep is None else ('all chosen', ' or --cameras')
            raise ValueError(
                f'nothing is left to search for queries of camera {name(camera)}: {chosen} images '
                f'of {store.folder} are of that camera, which other-cameras leaves out; search '
                f'without --other-cameras{option}, or choose other cameras'
            )
        part = search(query[rows], store, top, kept)
        topk.rows[rows], topk.distances[rows] = part
    return topk


def _nothing(query: Tensor) -> TopK:
    empty = query.new_empty(len(query), 0)
    return TopK(empty.long(), empty.double())


def _nearest(query: Tensor, shard: Tensor, rows: Tensor, k: int) -> TopK:
    """K nearest rows of a shard (S, D) with the gallery rows `rows` (S,)."""
    index = nearest_neighbours(query, shard, min(k, len(shard))).index
    return TopK(rows.to(index.device)[index], exact_distances(query, shard, index))


def _check(query: Tensor, store: FeatureStore, top: int, keep: np.ndarray | None) -> None:
    if top < 1:
        raise ValueError(f'top={top} must be at least 1')
    if query.ndim != 2 or query.shape[1] != store.dims:
        raise ValueError(
            f'query features have shape {tuple(query.shape)}, those of {store.folder} '
            f'{store.dims} dimensions: embed the queries with the encoder of the store'
        )
    check_finite(query, 'query', None)
    if keep is not None and (keep.shape != (len(store),) or not keep.any()):
        raise ValueError(
            f'keep has shape {keep.shape} and keeps {int(keep.sum())} of the {len(store)} rows of '
            f'{store.folder}; it must have one value a row and leave something to search'
        )
