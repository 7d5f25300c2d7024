"""What a search found, and the distances that its order follows."""

from typing import NamedTuple

import torch
from torch import Tensor

PAIR_VALUES = 2**22  # of the pairs of rows that are held in float64 at a time


class Found(NamedTuple):
    """The k nearest gallery rows of each query, nearest first; equal distances in gallery order."""

    rows: Tensor  # (Q, k) int64; -1 behind the end of a gallery of fewer rows
    distances: Tensor  # (Q, k) float64 squared Euclidean, 2 - 2 cosine; infinite there


def padded(found: Found, top: int) -> Found:
    """(Q, top) of so many columns or fewer: -1 and infinity are added."""
    missing = top - found.rows.shape[1]
    if missing <= 0:
        return found
    shape = len(found.rows), missing
    return Found(
        torch.cat([found.rows, found.rows.new_full(shape, -1)], dim=1),
        torch.cat([found.distances, found.distances.new_full(shape, torch.inf)], dim=1),
    )


def without_own(found: Found, own: Tensor) -> Found:
    """One column less: the query's own row (Q,) where it was found, else the last."""
    others_first = (found.rows == own.to(found.rows.device)[:, None]).to(torch.int8)
    places = others_first.argsort(dim=1, stable=True)[:, :-1]
    return Found(found.rows.gather(1, places), found.distances.gather(1, places))


def squared_distances(query: Tensor, gallery: Tensor, index: Tensor) -> Tensor:
    """(Q, k) float64 squared distances of each query (Q, D) to its rows `index` (Q, k) of (G, D).

    A value depends on its two rows alone, so equal rows tie.
    """
    at_once = max(1, PAIR_VALUES // (index.shape[1] * query.shape[1]))
    parts = [
        (one.double()[:, None] - gallery[columns].double()).square().sum(2)
        for one, columns in zip(query.split(at_once), index.split(at_once))
    ]
    return torch.cat(parts)


def sorted_found(rows: Tensor, distances: Tensor, k: int) -> Found:
    """The k first of candidates (Q, m), by distance, then by row."""
    rows, order = rows.sort(dim=1)
    distances, second = distances.gather(1, order).sort(dim=1, stable=True)
    return Found(rows.gather(1, second)[:, :k], distances[:, :k])
