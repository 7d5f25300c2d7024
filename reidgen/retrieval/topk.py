"""Top-k lists of a search: rows and distances, with merging, padding and self removal."""

from typing import NamedTuple

import torch
from torch import Tensor

from reidgen.evaluation.distances import pair_distances


class TopK(NamedTuple):
    """K nearest gallery rows of each query, nearest first; equal distances in gallery order."""

    rows: Tensor  # (Q, k) int64; -1 behind the end of a gallery of fewer rows
    distances: Tensor  # (Q, k) float64 squared Euclidean, 2 - 2 cosine; infinite there


def padded(topk: TopK, top: int) -> TopK:
    """Lists (Q, top), padded by rows -1 at infinite distance."""
    missing = top - topk.rows.shape[1]
    if missing <= 0:
        return topk
    shape = len(topk.rows), missing
    return TopK(
        torch.cat([topk.rows, topk.rows.new_full(shape, -1)], dim=1),
        torch.cat([topk.distances, topk.distances.new_full(shape, torch.inf)], dim=1),
    )


def without_self(topk: TopK, own: Tensor) -> TopK:
    """Lists with a column less: the query's own row (Q,) if listed, else the last, removed."""
    others_first = (topk.rows == own.to(topk.rows.device)[:, None]).to(torch.int8)
    places = others_first.argsort(dim=1, stable=True)[:, :-1]
    return TopK(topk.rows.gather(1, places), topk.distances.gather(1, places))


def exact_distances(query: Tensor, gallery: Tensor, index: Tensor) -> Tensor:
    """Squared distances (Q, k) float64 of queries (Q, D) to rows `index` (Q, k) of (G, D).

    A value depends on its two rows alone, so equal rows tie.
    """
    rows = torch.arange(len(index), device=index.device).repeat_interleave(index.shape[1])
    distances = pair_distances(query, gallery, rows, index.flatten(), torch.float64)
    return distances.view(index.shape)


def smallest_k(rows: Tensor, distances: Tensor, k: int) -> TopK:
    """K smallest of candidates (Q, m), by distance, then by row."""
    rows, order = rows.sort(dim=1)
    distances, second = distances.gather(1, order).sort(dim=1, stable=True)
    return TopK(rows.gather(1, second)[:, :k], distances[:, :k])
