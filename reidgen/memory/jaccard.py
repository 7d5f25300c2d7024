"""k-reciprocal Jaccard distance of one set of features, as a sparse matrix."""

from collections.abc import Iterator

import numpy as np
import torch
from scipy.sparse import csr_array, vstack
from torch import Tensor

from reidgen.evaluation.exact_search import pair_products
from reidgen.evaluation.neighbours import expanded_reciprocal_neighbours, neighbours_of_each

NORM_TOLERANCE = 1e-3
SUMMANDS = 2**20  # minima held at a time in `shared_weights`, but for a single row's
ACCUMULATED = 2**22  # cells of its dense block


def jaccard_distance(
    features: Tensor, k1: int = 30, k2: int = 6, method: str = 'exact', block: int = 1024
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
    parts = []
    totals = row_totals(weights)
    for first, shared in shared_weights(weights):
        parts.append(_as_distances(first, shared, totals))
    matrix = vstack(parts, format='csr')
    matrix.has_sorted_indices = True
    return matrix


def neighbour_weights(
    features: Tensor, k1: int, k2: int, method: str = 'exact', block: int = 1024
) -> csr_array:
    """V of eq. 7 after local query expansion: (N, N) sparse float32, rows sum to 1.

    Arguments and errors as in `jaccard_distance`.
    """
    check_features(features)
    _check_neighbourhoods(len(features), k1, k2)
    features = features.detach().float()
    index = neighbours_of_each(features, k1, method, block).index.cpu().numpy()
    weights = expanded_reciprocal_neighbours(index, k1)
    rows = np.repeat(np.arange(len(index)), np.diff(weights.indptr))
    cosine = pair_products(
        features,
        features,
        torch.from_numpy(rows).to(features.device),
        torch.from_numpy(weights.indices).long().to(features.device),
    )
    # a constant 1 instead of the row's maximum: no cosine is above it
    weight = torch.exp(2 * cosine.double() - 2).cpu().numpy()
    total = np.add.reduceat(weight, weights.indptr[:-1])  # no row is empty: it holds itself
    weights = csr_array(
        ((weight / total[rows]).astype(np.float32), weights.indices, weights.indptr),
        shape=weights.shape,
    )
    if k2 == 1:
        return weights
    return expand_queries(weights, index[:, :k2])


def expand_queries(weights: csr_array, index: np.ndarray) -> csr_array:
    """Local query expansion (eq. 11): each row becomes the mean over the rows `index` (N, k2)."""
    num_rows, k2 = index.shape
    index = np.sort(index, axis=1)  # equal sets are summed in one order, and give equal rows
    mean = csr_array(
        (
            np.full(index.size, 1 / k2, np.float32),
            np.ascontiguousarray(index, np.int32).ravel(),
            np.arange(0, index.size + 1, k2, dtype=np.int32),
        ),
        shape=(num_rows, num_rows),
    )
    expanded = mean @ weights
    expanded.sort_indices()
    return expanded


def shared_weights(weights: csr_array) -> Iterator[tuple[int, csr_array]]:
    """m(i, g) = sum over j of min(V_ij, V_gj) (eq. 10), for a block of rows i at a time.

    Args:
        weights: V, (N, N) sparse, sorted by column.

    Yields:
        The first row of a block and its m (b, N), sparse float64, sorted by column; only pairs that
        share a j are stored.
    """
    num_rows = len(weights.indptr) - 1
    by_column = weights.tocsc()  # of each j, the rows that weigh it, ascending
    column_sizes = np.diff(by_column.indptr)
    summands = np.concatenate([[0], column_sizes[weights.indices].cumsum(dtype=np.int64)])
    summands = summands[weights.indptr]  # before each row
    first = 0
    while first < num_rows:
        last = np.searchsorted(summands, summands[first] + SUMMANDS, side='right') - 1
        last = min(max(int(last), first + 1), first + ACCUMULATED // num_rows + 1, num_rows)
        yield first, _shared_by(weights, by_column, column_sizes, first, last)
        first = last


def _shared_by(
    weights: csr_array, by_column, column_sizes: np.ndarray, first: int, last: int
) -> csr_array:
    """The rows first..last-1 of m."""
    num_rows, num_block = len(weights.indptr) - 1, last - first
    entries = slice(weights.indptr[first], weights.indptr[last])
    members = weights.indices[entries]  # j of each entry (i, j) of the block
    sizes = column_sizes[members]
    ends = sizes.cumsum()
    # all (g, j) with the j of each entry, one entry after another
    where = np.repeat(by_column.indptr[members] - (ends - sizes), sizes) + np.arange(ends[-1])
    minima = np.minimum(np.repeat(weights.data[entries], sizes), by_column.data[where])
    row = np.repeat(np.arange(num_block), np.diff(weights.indptr[first : last + 1]))
    cell = np.repeat(row * num_rows, sizes) + by_column.indices[where]
    total = np.bincount(cell, minima, num_block * num_rows)
    stored = np.flatnonzero(total)
    starts = np.searchsorted(stored, np.arange(num_block + 1) * num_rows)
    return csr_array(
        (total[stored], (stored % num_rows).astype(np.int32), starts), shape=(num_block, num_rows)
    )


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
