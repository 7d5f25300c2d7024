"""Nearest neighbours of all rows among themselves, in half the products."""

import numpy as np
import torch
from torch import Tensor

from reidgen.evaluation.distances import (
    centred_rows,
    full_precision,
    half_distances,
    pair_distances,
    product_dtype,
    product_error,
    shift,
)
from reidgen.evaluation.knn_exact import settle

TILE = (1024, 8192)  # rows and columns of the products held at a time
GROUP = 16  # rows that one minimum stands for in a first bound
SETTLED = 2048  # rows whose candidates are sorted at a time
PROPOSED = 40  # pairs kept, per row and neighbour: beyond it the rows are too crowded for this way


@torch.no_grad()
def knn_self(features: Tensor, k: int) -> tuple[Tensor, Tensor] | None:
    """Index (N, k) and distance (N, k) as of `knn_exact` of the rows among themselves.

    A pair is kept while its approximate distance is within the bound of one of its rows: the
    k-th smallest seen there so far, and what rounding may hide. Bounds only fall, so no neighbour
    is lost.

    Returns:
        None where bounds hold more pairs than memory is given for: too many rows are equal, or
        closer than the product can tell.
    """
    if k == 1:
        own = torch.arange(len(features), device=features.device)
        return own[:, None], torch.zeros(len(features), 1, device=features.device)
    with full_precision(features.device):
        found = _propose_pairs(features, k - 1)
    if found is None:
        return None
    first, second, distance, limit = found
    rows = torch.cat([first, second])
    columns = torch.cat([second, first])
    possible = (distance.repeat(2) <= limit[rows]).nonzero().flatten()
    exact = pair_distances(features, features, first, second).repeat(2)[possible]
    rows, order = rows[possible].sort(stable=True)
    columns, exact = columns[possible][order], exact[order]
    starts = torch.searchsorted(rows, torch.arange(len(features) + 1, device=rows.device))
    nearest = []
    for start in range(0, len(features), SETTLED):
        stop = min(start + SETTLED, len(features))
        one = slice(int(starts[start]), int(starts[stop]))
        own = torch.arange(start, stop, device=rows.device)
        # the row itself in front of its candidates
        candidates = _as_rectangle(rows[one] - start, columns[one], own[:, None], 0)
        distances = _as_rectangle(
            rows[one] - start, exact[one], exact.new_zeros(len(own), 1), torch.inf
        )
        nearest.append(settle(features[start:stop], features, candidates, distances, k, own))
    return torch.cat([part[0] for part in nearest]), torch.cat([part[1] for part in nearest])


def _propose_pairs(features: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor, Tensor] | None:
    """Candidate pairs (P,), first < second, in no order, and their half distances.

    Returns:
        Both rows (P,) and half the squared distance (P,), wrong by rounding; and the bound (N,)
        below which the neighbours of a row all are.
    """
    num_rows, gallery = len(features), centred_rows(features, product_dtype(features.device))
    shifted = torch.empty_like(features, dtype=gallery.dtype)
    error = torch.empty(num_rows, device=features.device)
    for start in range(0, num_rows, TILE[1]):
        part = slice(start, start + TILE[1])
        shifted[part], roughness = shift(features[part], gallery.centre, gallery.dtype)
        error[part] = product_error(shifted[part], roughness, gallery).float()
    smallest = torch.full((num_rows, k), torch.inf, device=features.device)  # seen so far, sorted
    size = (min(TILE[0], num_rows), min(TILE[1], num_rows))
    product, tile = shifted.new_empty(size), smallest.new_empty(size)
    kept, num_kept = [], 0
    for top in range(0, num_rows, TILE[0]):
        for left in range(top, num_rows, TILE[1]):
            rows = slice(top, min(top + TILE[0], num_rows))
            columns = slice(left, min(left + TILE[1], num_rows))
            half = _tile(shifted, gallery.half_norms, rows, columns, product, tile)
            pairs = _within(
                half,
                _bound(smallest[rows], half, k, 1) + 2 * error[rows],
                _bound(smallest[columns], half, k, 0) + 2 * error[columns],
            )
            row, column, value = *pairs, half[pairs]
            num_kept += len(value)
            if num_kept > PROPOSED * k * num_rows:
                return None
            smallest[rows] = _lower(smallest[rows], row, value)
            column, order = column.sort(stable=True)
            smallest[columns] = _lower(smallest[columns], column, value[order])
            kept.append(((row[order] + top).int(), (column + left).int(), value[order]))
    first, second, half = (torch.cat(each) for each in zip(*kept))
    limit = smallest[:, -1] + 2 * error
    near = (half <= torch.maximum(limit[first], limit[second])).nonzero().flatten()
    near = near[first[near].sort(stable=True).indices]  # by row: what is read twice is in the cache
    return first[near].long(), second[near].long(), half[near], limit


def _tile(
    shifted: Tensor,
    half_norms: Tensor,
    rows: slice,
    columns: slice,
    product: Tensor,
    tile: Tensor,
) -> Tensor:
    """Half squared distances (b, c) in the buffers; infinite on and below the diagonal."""
    left, right = shifted[rows], shifted[columns]
    half = tile.flatten()[: len(left) * len(right)].view(len(left), len(right))
    product = product.flatten()[: half.numel()].view(half.shape)
    half_distances(left, right, half_norms[columns], half, product).add_(half_norms[rows, None])
    if columns.start < rows.stop:
        corner = half[:, : rows.stop - columns.start]
        offset = rows.start - columns.start
        below = torch.ones_like(corner, dtype=torch.bool).tril(offset)
        corner.masked_fill_(below, torch.inf)
    return half


def _bound(smallest: Tensor, half: Tensor, k: int, dim: int) -> Tensor:
    """Upper bound on the k-th smallest half distance of each row (`dim` 1) or column (`dim` 0).

    Where none has been seen before, the k-th smallest of minima over groups is one: there are k
    groups, hence k pairs, not above it.
    """
    bound = smallest[:, -1]
    size = max(1, min(GROUP, half.shape[dim] // (2 * k)))
    num_groups = half.shape[dim] // size
    if num_groups < k or bound.isfinite().all():
        return bound
    minima = half.narrow(dim, 0, num_groups * size).unflatten(dim, (num_groups, size)).amin(dim + 1)
    kth = minima.movedim(dim, 1).topk(k, dim=1, largest=False).values[:, -1]
    return torch.minimum(bound, kth)


def _within(half: Tensor, row_limit: Tensor, column_limit: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of the half distances within the limit of their row or of their column."""
    if half.device.type != 'cpu':
        near = (half <= row_limit[:, None]) | (half <= column_limit)
        row, column = near.nonzero(as_tuple=True)
        return row, column
    values = half.numpy()  # several times as fast as torch in both comparison and search
    near = values <= row_limit[:, None].numpy()
    near |= values <= column_limit.numpy()
    row, column = np.divmod(np.flatnonzero(near), near.shape[1])
    return torch.from_numpy(row), torch.from_numpy(column)


def _lower(smallest: Tensor, row: Tensor, value: Tensor) -> Tensor:
    """K smallest values of each row (n, k), updated by values (P,) sorted by `row` (P,)."""
    if not len(row):
        return smallest
    touched, place = row.unique_consecutive(return_inverse=True)
    before = smallest[touched]
    more = _as_rectangle(place, value, before, torch.inf)
    smallest = smallest.clone()
    smallest[touched] = more.topk(smallest.shape[1], dim=1, largest=False).values
    return smallest


def _as_rectangle(row: Tensor, value: Tensor, before: Tensor, fill: float) -> Tensor:
    """Matrix (n, m): rows of `before` (n, l) extended by their values (P,), sorted by `row`."""
    counts = row.bincount(minlength=len(before))
    place = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
    width = before.shape[1]
    filled = value.new_full((len(before), width + int(counts.max())), fill)
    filled[:, :width] = before
    filled[row, width + place] = value
    return filled
