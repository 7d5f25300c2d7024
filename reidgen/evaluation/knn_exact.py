"""Exact nearest neighbours of queries in a gallery: fast candidates, exact distances.

Half distances in low precision propose candidates, with a bound on their rounding; distances of
the candidates are summed again in float32 with a far tighter bound; the few that are still too
close to tell apart are summed in float64. See `distances`.
"""

import torch
from torch import Tensor

from reidgen.evaluation.distances import (
    CHUNK,
    CentredRows,
    centred_rows,
    full_precision,
    half_distances,
    pair_distances,
    product_dtype,
    product_error,
    relative_error,
    shift,
)

COLUMNS = 8192  # gallery rows whose half distances are held at a time
CROWD = 2**22  # candidates of crowded rows held at a time


@torch.no_grad()
def knn_exact(
    query: Tensor, gallery: Tensor, k: int, block: int, among_themselves: bool
) -> tuple[Tensor, Tensor]:
    """Index and distance as of `neighbours.Neighbours`, from checked arguments.

    Args:
        among_themselves: query and gallery are the same rows, and each is its own first neighbour.
    """
    index, distance = [], []
    with full_precision(gallery.device):
        prepared = centred_rows(gallery, product_dtype(gallery.device))
        for rows in torch.arange(len(query), device=query.device).split(block):
            found = _search(
                query[rows], prepared, k, 2 * k + 16, rows if among_themselves else None
            )
            index.append(found[0])
            distance.append(found[1])
    return torch.cat(index), torch.cat(distance)


def _search(
    query: Tensor, gallery: CentredRows, k: int, keep: int, own: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Columns (b, k) and distances (b, k) float32 of each query's k nearest rows.

    Args:
        keep: candidates proposed, above k; rows that need more are searched again with more.
        own: (b,) column that a query itself stands in, its first neighbour.
    """
    keep = min(keep, len(gallery.rows))
    half, columns, error = _propose(query, gallery, keep, own)  # (b, keep) ascending, (b, 1)
    # the k-th true value is at most half[k - 1] + error; a neighbour may seem one error farther
    possible = half <= half[:, k - 1 : k] + 2 * error
    rows, places = possible.nonzero(as_tuple=True)
    distances = query.new_full(columns.shape, torch.inf)
    distances[rows, places] = pair_distances(query, gallery.rows, rows, columns[rows, places])
    index, distance = settle(query, gallery.rows, columns, distances, k, own)
    if keep < len(gallery.rows):
        crowded = possible[:, -1].nonzero().flatten()
        at_once = max(1, CROWD // (4 * keep))
        for start in range(0, len(crowded), at_once):
            part = crowded[start : start + at_once]
            index[part], distance[part] = _search(
                query[part], gallery, k, 4 * keep, None if own is None else own[part]
            )
    return index, distance


def _propose(
    query: Tensor, gallery: CentredRows, keep: int, own: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Candidates: the `keep` least half distances of each query.

    Returns:
        Half distances (b, keep) float64, ascending, that of `own` -infinite; their columns; and
        (b, 1) what any other may be wrong by.
    """
    shifted, roughness = shift(query, gallery.centre, gallery.dtype)
    least = columns = shifted.new_empty(0)  # nothing seen yet
    for start in range(0, len(gallery.rows), COLUMNS):
        some = _half_distances(shifted, gallery, start, own)
        some, where = some.topk(min(keep, some.shape[1]), largest=False)
        where += start
        if start:
            some, where = torch.cat([least, some], dim=1), torch.cat([columns, where], dim=1)
            some, best = some.topk(min(keep, some.shape[1]), largest=False)
            where = where.gather(1, best)
        least, columns = some, where
    return least.double(), columns, product_error(shifted, roughness, gallery)[:, None]


def _half_distances(
    shifted: Tensor, gallery: CentredRows, start: int, own: Tensor | None
) -> Tensor:
    """Half distances (b, g) float32 of the gallery rows from `start`."""
    chunk = gallery.rows[start : start + COLUMNS]
    half = torch.empty(len(shifted), len(chunk), device=chunk.device)
    for first in range(0, len(chunk), CHUNK):
        part = (chunk[first : first + CHUNK] - gallery.centre).to(gallery.dtype)
        norms = gallery.half_norms[start + first : start + first + len(part)]
        half_distances(shifted, part, norms, half[:, first : first + len(part)])
    if own is not None:
        inside = ((own >= start) & (own < start + len(chunk))).nonzero().flatten()
        half[inside, own[inside] - start] = -torch.inf
    return half


def settle(
    query: Tensor,
    gallery: Tensor,
    columns: Tensor,
    distances: Tensor,
    k: int,
    own: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Exact k nearest of each query's candidates, equal ones by column.

    Args:
        columns: (b, m) of the gallery, none twice among the possible ones.
        distances: (b, m) float32 by `pair_distances`, infinite where it is no candidate.
        own: as of `_search`.

    Returns:
        Columns (b, k) and distances (b, k) float32, as given: where only float64 tells two apart,
        they may seem out of order.
    """
    distances, order = distances.sort(dim=1)
    columns = columns.gather(1, order)
    gap = distances[:, 1:] - distances[:, :-1]  # nan behind the last candidate: not close
    close = gap <= 2 * relative_error(query.shape[1]) * distances[:, 1:]
    unsure = torch.zeros_like(distances, dtype=torch.bool)
    unsure[:, 1:] |= close
    unsure[:, :-1] |= close
    unsure &= distances.isfinite() & (distances > 0)  # 0 is exact: the rows are equal
    rows, places = unsure.nonzero(as_tuple=True)
    settled = distances.double()
    settled[rows, places] = pair_distances(
        query, gallery, rows, columns[rows, places], torch.float64
    )
    if own is not None:
        settled[(columns == own[:, None]) & distances.isfinite()] = -1
    by_column = columns.argsort(dim=1)
    order = settled.gather(1, by_column).argsort(dim=1, stable=True)[:, :k]
    order = by_column.gather(1, order)
    return columns.gather(1, order), distances.gather(1, order)
