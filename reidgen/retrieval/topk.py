"""Top-k lists of a search: rows and distances, merged, padded, rid of the query itself."""

from typing import NamedTuple

import torch
from torch import Tensor

from reidgen.evaluation.distances import pair_distances


class TopK(NamedTuple):
    """The k nearest gallery rows of each query, nearest first; equal distances in gallery order."""

    rows: Tensor  # (Q, k) int64; -1 behind the end of a gallery of fewer rows
    distances: Tensor  # (Q, k) float64 squared Euclidean, 2 - 2 cosine; infinite there


def padded(topk: TopK, top: int) -> TopK:
    """(Q, top) of so many columns or fewer: -1 and infinity are added."""
    missing = top - topk.rows.shape[1]
    if missing <= 0:
        return topk
    shape = len(topk.rows), missing
    return TopK(
        torch.cat([topk.rows, topk.rows.new_full(shape, -1)], dim=1),
        torch.cat([topk.distances, topk.distances.new_full(shape, torch.inf)], dim=1),
    )


def without_self(topk: TopK, own: Tensor) -> TopK:
    """One column less: the query's own row (Q,) where it is listed, else the last."""
    others_first = (topk.rows == own.to(topk.rows.device)[:, None]).to(torch.int8)
    places = others_first.argsort(dim=1, stable=True)[:, :-1]
    return TopK(topk.rows.gather(1, places), topk.distances.gather(1, places))


def exact_distances(query: Tensor, gallery: Tensor, index: Tensor) -> Tensor:
    """(Q, k) float64 squared distances of each query (Q, D) to its rows `index` (Q, k) of (G, D).

    A value depends on its two rows alone, so equal rows tie.
    """
    rows = torch.arange(len(index), device=index.device).repeat_interleave(index.shape[1])
    distances = pair_distances(query, gallery, rows, index.flatten(), torch.float64)
    return distances.view(index.shape)


def smallest_k(rows: Tensor, distances: Tensor, k: int) -> TopK:
    """The k first of candidates (Q, m), by distance, then by row."""
    rows, order = rows.sort(dim=1)
    distances, second = distances.gather(1, order).sort(dim=1, stable=True)
    return TopK(rows.gather(1, second)[:, :k], distances[:, :k])
