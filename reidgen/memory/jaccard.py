"""k-reciprocal Jaccard distance of one set of features, as a sparse matrix."""

from collections.abc import Iterator

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from reidgen.evaluation.neighbours import neighbours_of_each
from reidgen.evaluation.reciprocal import num_summands, reciprocal_weights, shared_weights

NORM_TOLERANCE = 1e-3


def jaccard_distance(features: Tensor, k1: int = 30, k2: int = 6, block: int = 2048) -> csr_array:
    """Jaccard distance of k-reciprocal neighbours (Zhong et al., CVPR 2017, eq. 10).

    The variant of clustering methods (SpCL, GCL): k1 neighbours are searched, the image itself
    included, where re-ranking searches k1 + 1; a neighbour weighs exp(-squared Euclidean distance),
    normalised over the expanded set; the original distance plays no part.

    Args:
        features: (N, D), rows L2-normalised.
        k1: neighbours searched, the image itself among them.
        k2: neighbours averaged over in local query expansion, the image itself among them; 1
            switches it off.
        block: rows searched at a time.

    Returns:
        (N, N) sparse float32 in [0, 1], symmetric, sorted by column, explicit zeros on the
        diagonal; a pair not stored has distance 1. Pairs of equal weights (eq. 7) are at 0 exactly.
        Equal features may be farther apart where more than k1 are equal: ties go by row number.

    Raises:
        ValueError: k1 is not below N, k2 is not within 1..k1, rows are not finite or not of unit
            length.
    """
    weights = neighbour_weights(features, k1, k2, block)
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
    """Jaccard distances (b, N) by blocks of rows, as stored by `jaccard_distance`.

    Args:
        weights: of `neighbour_weights`.
        upper: each pair once, above the diagonal.
    """
    totals = row_totals(weights)
    for first, shared in shared_weights(weights, upper=upper):
        yield _as_distances(first, shared, totals)


def neighbour_weights(features: Tensor, k1: int, k2: int, block: int = 2048) -> csr_array:
    """Weights V of eq. 7 after local query expansion, (N, N) sparse float32, rows sum to 1.

    Arguments and errors as in `jaccard_distance`.
    """
    check_features(features)
    _check_neighbourhoods(len(features), k1, k2)
    features = features.detach().float()
    found = neighbours_of_each(features, k1, block)
    return reciprocal_weights(features, found, k1, k2)


def row_totals(weights: csr_array) -> np.ndarray:
    """Row sums (N,) float64, 1 but for rounding, added in the order of `shared_weights`."""
    row = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
    return np.bincount(row, weights.data, weights.shape[0])


def _as_distances(first: int, shared: csr_array, totals: np.ndarray) -> csr_array:
    """Distances 1 - m / (2 - m), with both rows' sums for 2, so equal rows are at exactly 0."""
    union = np.repeat(totals[first : first + shared.shape[0]], np.diff(shared.indptr))
    union += totals.take(shared.indices, mode='clip')
    union -= shared.data
    share = np.divide(shared.data, union, out=union)
    distance = np.subtract(1, share, out=share).astype(np.float32)
    return csr_array((distance, shared.indices, shared.indptr), shape=shared.shape)


def check_features(features: Tensor) -> None:
    """Raises ValueError unless features are (N, D) and finite, with rows of unit length."""
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
