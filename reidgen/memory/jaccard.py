"""k-reciprocal Jaccard distance of one set of features, as a sparse matrix."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from reidgen.evaluation.exact_search import pair_distances
from reidgen.evaluation.neighbours import (
    Neighbours,
    expanded_reciprocal_neighbours,
    neighbour_sets,
    neighbours_of_each,
)

NORM_TOLERANCE = 1e-3
SUMMANDS = 2**17  # minima held at a time in `shared_weights`, but for a single row's
ACCUMULATED = 2**22  # cells of its dense block


def jaccard_distance(
    features: Tensor, k1: int = 30, k2: int = 6, method: str = 'exact', block: int = 2048
) -> csr_array:
    """Distance by shared k-reciprocal neighbours (Zhong et al., CVPR 2017, eq. 10).

    The variant of clustering methods (SpCL, GCL): k1 neighbours are searched, the image itself
    included, where re-ranking searches k1 + 1; a neighbour weighs exp(-squared Euclidean distance),
    normalised over the expanded set; the original distance plays no part.

    Args:
        features: (N, D), rows L2-normalised.
        k1: neighbours searched, the image itself among them.
        k2: neighbours averaged over in local query expansion, the image itself among them; 1
            switches it off.
        method: of the neighbour search, see `nearest_neighbours`.
        block: rows searched at a time.

    Returns:
        (N, N) sparse float32 in [0, 1], symmetric, sorted by column, explicit zeros on the
        diagonal; a pair not stored has distance 1. Pairs of equal weights (eq. 7) are at 0 exactly.
        Equal features may be farther apart where more than k1 are equal: ties go by row number.

    Raises:
        ValueError: k1 is not below N, k2 is not within 1..k1, rows are not finite or not of unit
            length.
    """
    weights = neighbour_weights(features, k1, k2, method, block)
    # room for all that may come: memory is taken as it is written, and never moved
    most = num_summands(weights)
    columns, distances = np.empty(most, np.int32), np.empty(most, np.float32)
    counts, num_stored = [], 0
    for part in distance_blocks(weights):
        written = slice(num_stored, num_stored + part.nnz)
        columns[written], distances[written] = part.indices, part.data
        counts.append(np.diff(part.indptr))
        num_stored += part.nnz
    starts = np.concatenate([[0], np.concatenate(counts).cumsum()])
    if num_stored < 2**31:
        starts = starts.astype(np.int32)  # scipy would copy all columns to the wider type of both
    matrix = csr_array((distances[:num_stored], columns[:num_stored], starts), shape=weights.shape)
    matrix.has_sorted_indices = True
    return matrix


def distance_blocks(weights: csr_array, upper: bool = False) -> Iterator[csr_array]:
    """Jaccard distances (b, N) of a block of rows at a time, as stored by `jaccard_distance`.

    Args:
        weights: of `neighbour_weights`.
        upper: each pair once, above the diagonal.
    """
    totals = row_totals(weights)
    for first, shared in shared_weights(weights, upper):
        yield _as_distances(first, shared, totals)


def neighbour_weights(
    features: Tensor, k1: int, k2: int, method: str = 'exact', block: int = 2048
) -> csr_array:
    """V of eq. 7 after local query expansion: (N, N) sparse float32, rows sum to 1.

    Arguments and errors as in `jaccard_distance`.
    """
    check_features(features)
    _check_neighbourhoods(len(features), k1, k2)
    features = features.detach().float()
    found = neighbours_of_each(features, k1, method, block)
    index = found.index.cpu().numpy()
    weights = _neighbour_weights(features, expanded_reciprocal_neighbours(index, k1), found)
    total = np.add.reduceat(weights.data, weights.indptr[:-1])  # no row is empty: it holds itself
    weights.data /= np.repeat(total, np.diff(weights.indptr))
    weights = weights.astype(np.float32)
    if k2 == 1:
        return weights
    return expand_queries(weights, index[:, :k2])


def _neighbour_weights(features: Tensor, members: csr_array, found: Neighbours) -> csr_array:
    """exp(-squared distance) of the pairs in `members` (N, N), float64, sorted by column."""
    index, distance = (each.cpu().numpy() for each in found)
    known = neighbour_sets(index, np.exp(-distance.astype(np.float64))).multiply(members).tocsr()
    rest = (members - known.astype(bool).astype(members.dtype)).tocoo()
    squared = pair_distances(
        features,
        features,
        torch.from_numpy(rest.row).long().to(features.device),
        torch.from_numpy(rest.col).long().to(features.device),
    )
    weight = np.exp(-squared.double().cpu().numpy())
    weights = known + csr_array((weight, (rest.row, rest.col)), shape=members.shape)
    weights.sort_indices()
    return weights


def expand_queries(weights: csr_array, index: np.ndarray) -> csr_array:
    """Local query expansion (eq. 11): each row becomes the mean over the rows `index` (N, k2)."""
    index = np.sort(index, axis=1)  # equal sets are summed in one order, and give equal rows
    mean = neighbour_sets(index, np.full(index.shape, 1 / index.shape[1], np.float32))
    expanded = mean @ weights
    expanded.sort_indices()
    return expanded


def shared_weights(weights: csr_array, upper: bool = False) -> Iterator[tuple[int, csr_array]]:
    """m(i, g) = sum over j of min(V_ij, V_gj) (eq. 10), for a block of rows i at a time.

    Args:
        weights: V, (N, N) sparse, sorted by column.
        upper: g > i only, where m is symmetric.

    Yields:
        The first row of a block and its m (b, N), sparse float64, sorted by column; only pairs that
        share a j are stored.
    """
    num_rows = weights.shape[0]
    lists = _inverted(weights, upper)
    before = np.concatenate([[0], lists.sizes.cumsum(dtype=np.int64)])[weights.indptr]
    first = 0
    while first < num_rows:
        last = int(np.searchsorted(before, before[first] + SUMMANDS, side='right')) - 1
        last = min(max(last, first + 1), first + ACCUMULATED // num_rows + 1, num_rows)
        yield first, _shared_by(weights, lists, first, last)
        first = last


def num_summands(weights: csr_array) -> int:
    """Minima that `shared_weights` adds up: at least as many as there are pairs."""
    return int(np.bincount(weights.indices).astype(np.int64) @ np.bincount(weights.indices))


class _Inverted(NamedTuple):
    """Of each entry (i, j) of V, the rows g that weigh j too: a part of one long list."""

    row: np.ndarray  # (nnz,) int32 g, ascending within a part
    weight: np.ndarray  # (nnz,) float32 V_gj
    starts: np.ndarray  # (nnz,) of each entry's part in the two above
    sizes: np.ndarray  # (nnz,)


def _inverted(weights: csr_array, upper: bool) -> _Inverted:
    entry = np.arange(weights.nnz, dtype=np.int32)
    by_column = csr_array((entry, weights.indices, weights.indptr), shape=weights.shape).tocsc()
    if upper:  # what comes after the entry itself
        starts = np.empty_like(entry)
        starts[by_column.data] = entry + 1
    else:
        starts = by_column.indptr[weights.indices]
    sizes = by_column.indptr[weights.indices + 1] - starts
    return _Inverted(by_column.indices, weights.data[by_column.data], starts, sizes)


def _shared_by(weights: csr_array, lists: _Inverted, first: int, last: int) -> csr_array:
    """The rows first..last-1 of m."""
    num_rows, num_block = weights.shape[0], last - first
    entries = slice(weights.indptr[first], weights.indptr[last])
    sizes = lists.sizes[entries]
    ends = sizes.cumsum()
    where = np.repeat((lists.starts[entries] - ends + sizes).astype(np.int32), sizes)
    where += np.arange(ends[-1], dtype=np.int32)  # all (g, j) of each entry, one after another
    minima = lists.weight.take(where)
    np.minimum(minima, np.repeat(weights.data[entries], sizes), out=minima)
    offset = np.arange(num_block + 1) * num_rows
    cell = np.repeat(np.repeat(offset[:-1], np.diff(weights.indptr[first : last + 1])), sizes)
    cell += lists.row.take(where)
    total = np.bincount(cell, minima, num_block * num_rows)
    stored = np.flatnonzero(total)
    starts = np.searchsorted(stored, offset)
    columns = stored - np.repeat(offset[:-1], np.diff(starts))
    return csr_array((total[stored], columns.astype(np.int32), starts), shape=(num_block, num_rows))


def row_totals(weights: csr_array) -> np.ndarray:
    """(N,) float64 sums of the rows, 1 but for rounding, added in the order of `shared_weights`."""
    row = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    return np.bincount(row, weights.data, weights.shape[0])


def _as_distances(first: int, shared: csr_array, totals: np.ndarray) -> csr_array:
    """1 - m / (2 - m), where the 2 is the sum of both rows: so equal rows are at 0 exactly."""
    row = np.repeat(np.arange(first, first + shared.shape[0]), np.diff(shared.indptr))
    union = totals[row] + totals[shared.indices] - shared.data
    distance = (1 - shared.data / union).astype(np.float32)
    return csr_array((distance, shared.indices, shared.indptr), shape=shared.shape)


def check_features(features: Tensor) -> None:
    """Raises ValueError unless features are (N, D), finite, with rows of unit length."""
    if features.ndim != 2:
        raise ValueError(f'features have shape {tuple(features.shape)}; give a matrix (N, D)')
    norms = features.detach().norm(dim=1)
    bad = (~torch.isfinite(norms)).nonzero().flatten()
    if len(bad):
        raise ValueError(
            f'NaN or Inf in {len(bad)} of {len(features)} feature rows, first {int(bad[0])}; look '
            f'at these images, or go back to a checkpoint from before training diverged'
        )
    off = ((norms - 1).abs() > NORM_TOLERANCE).nonzero().flatten()
    if len(off):
        raise ValueError(
            f'feature row {int(off[0])} has length {norms[off[0]]:.4g}; give L2-normalised rows '
            f'(torch.nn.functional.normalize)'
        )


def _check_neighbourhoods(num_rows: int, k1: int, k2: int) -> None:
    if not 1 <= k1 < num_rows:
        raise ValueError(
            f'k1={k1} must be at least 1 and below the number of images, {num_rows}; lower k1 or '
            f'cluster more images'
        )
    if not 1 <= k2 <= k1:
        raise ValueError(f'k2={k2} must be within 1..k1={k1}; 1 switches query expansion off')
