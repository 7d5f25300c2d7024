"""DBSCAN on sparse distances, and its radius by GCL's rule from blocks of distances."""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

TIES = ('excluded', 'counted')
SPARE_PAIRS = 2**20  # held beyond the nearest ones before the others are dropped


class Pairs(NamedTuple):
    """Distinct pairs of N rows with their distances."""

    row: np.ndarray  # (P,) int
    column: np.ndarray  # (P,) int, above the row
    distance: np.ndarray  # (P,) in [0, 1]

    def as_matrix(self, num_rows: int) -> csr_array:
        """Sparse symmetric matrix (N, N), explicit zeros on the diagonal."""
        itself = np.arange(num_rows)
        rows = np.concatenate([self.row, self.column, itself])
        columns = np.concatenate([self.column, self.row, itself])
        distances = np.concatenate([self.distance, self.distance, np.zeros_like(itself, float)])
        return csr_array((distances, (rows, columns)), shape=(num_rows, num_rows))


def dbscan(distances: csr_array, eps: float, min_samples: int) -> np.ndarray:
    """DBSCAN (Ester et al., KDD 1996) on sparse distances, by connected components of core rows.

    Args:
        distances: (N, N) symmetric, explicit zeros on the diagonal; a pair not stored is farther
            than eps.
        eps: radius, inclusive.
        min_samples: rows within eps that make a core, itself among them.

    Returns:
        (N,) int64 labels, -1 for outliers: those of scikit-learn's DBSCAN on the dense matrix.
    """
    within = np.flatnonzero(distances.data <= np.float64(eps))
    starts = np.searchsorted(within, distances.indptr)
    columns = distances.indices[within]
    near = csr_array((np.ones(len(within), np.int8), columns, starts), shape=distances.shape)
    is_core = np.diff(starts) >= min_samples
    cores = np.flatnonzero(is_core)
    labels = np.full(near.shape[0], -1, np.int64)
    if not len(cores):
        return labels
    _, component = connected_components(near[cores][:, cores], directed=False)
    labels[cores] = by_first_row(component)
    # a border row is taken by the first cluster that reaches it, and clusters grow one by one
    num_clusters = labels.max() + 1
    reached_by = np.where(is_core, labels, num_clusters)[columns]
    first = np.minimum.reduceat(reached_by, starts[:-1])  # no row is empty: it holds itself
    border = ~is_core & (first < num_clusters)
    labels[border] = first[border]
    return labels


def pairs_within(blocks: Iterable[csr_array], eps: float) -> Pairs:
    """Pairs within `eps`, of blocks (b, N) of rows that hold each pair once."""
    kept, first = [], 0
    for block in blocks:
        kept.append(_within(block, first, eps))
        first += block.shape[0]
    return _joined(kept)


def nearest_pairs(blocks: Iterable[csr_array], count: int) -> Pairs:
    """Nearest pairs: `count` at distances above 0, ties of the last, and all at 0.

    No more than about three times as many are held at any time, and the matrix never is.

    Args:
        blocks: (b, N) of rows, each pair once.
        count: at least 1; if there are fewer pairs, all are taken.
    """
    kept, first, farthest, num_kept = [], 0, np.inf, 0
    for block in blocks:
        kept.append(_within(block, first, farthest))
        first += block.shape[0]
        num_kept += len(kept[-1].distance)
        if num_kept > 2 * count + SPARE_PAIRS:
            pairs, farthest = _nearest(_joined(kept), count)
            # equal distances may all be needed: wait for as many new ones before the next try
            kept, num_kept = [pairs], 0
    return _nearest(_joined(kept), count)[0]


def core_distances(blocks: Iterable[csr_array], min_samples: int) -> np.ndarray:
    """(N,) distance of each row to its `min_samples`-th nearest, itself the first (Ester et al.).

    Args:
        blocks: (b, N) of rows, explicit zeros on the diagonal; a pair not stored is at distance 1.
    """
    cores = []
    for block in blocks:
        core = np.ones(block.shape[0])
        for row, (start, stop) in enumerate(pairwise(block.indptr)):
            if stop - start >= min_samples:
                core[row] = np.partition(block.data[start:stop], min_samples - 1)[min_samples - 1]
        cores.append(core)
    return np.concatenate(cores)


def share_of_pairs(rho: float, num_rows: int, num_zero: int = 0) -> int:
    """Number of pairs in the share `rho` of those above distance 0, halves rounded to even."""
    return round(rho * (num_rows * (num_rows - 1) // 2 - num_zero))


def mean_of_smallest(
    distances: np.ndarray, num_rows: int, rho: float, ties: str = 'excluded'
) -> float:
    """GCL's radius: the mean of the smallest `rho` of all non-zero distances of pairs.

    Two images whose neighbourhoods weigh the same, a tie, are at distance 0 here and, by the rule
    as written, count for nothing. GCL's and SpCL's code sums the weights in float32, which leaves
    many a tie at about 1e-7: not zero, so counted, as nearly 0. That makes their radius smaller.

    Args:
        distances: (P,) in [0, 1] of pairs, each once: all at 0 and, of the others, at least the
            nearest ones that make up the share; if fewer, all other pairs are at distance 1.
        num_rows: N.
        rho: share, see `share_of_pairs`.
        ties: pairs at distance 0 are 'excluded', as the rule says, or 'counted', all of them, as
            0; their code counts those that rounding leaves above 0, so its radius lies between.

    Returns:
        The mean, above 0 and below 1.

    Raises:
        ValueError: rho of the pairs is less than half a pair, no distance is within 0 and 1, or
            the share is of ties alone.
    """
    positive = distances[distances > 0]
    num_zero = len(distances) - len(positive)
    if ties == 'counted':
        counted = share_of_pairs(rho, num_rows)
        if 0 < counted <= num_zero:
            raise ValueError(
                f'the nearest {counted} pairs of {num_rows} images, rho={rho} of all, are at '
                f"distance 0 and make no radius; raise rho, or take ties='excluded'"
            )
        positive, num_zero = distances, 0
    count = share_of_pairs(rho, num_rows, num_zero)
    if count == 0:
        raise ValueError(
            f'rho={rho} of the pairs of {num_rows} images ({num_zero} of them at distance 0) is no '
            f'pair at all; raise rho, or give a fixed eps'
        )
    if not len(positive):
        raise ValueError(
            'no two different images share a neighbour, so all distances but zeros are 1 and make '
            'no radius; raise k1, or give a fixed eps'
        )
    num_ones = max(count - len(positive), 0)
    if not num_ones:
        positive = np.partition(positive, count - 1)[:count]
    return float((positive.sum(dtype=np.float64) + num_ones) / count)


def by_first_row(labels: np.ndarray) -> np.ndarray:
    """Cluster labels renumbered from 0 by their first row; negative labels become -1."""
    known, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    number = np.full(len(known), -1, np.int64)
    order = first.argsort()
    number[order[known[order] >= 0]] = np.arange((known >= 0).sum())
    return number[inverse]


def _within(block: csr_array, first: int, farthest: float) -> Pairs:
    near = np.flatnonzero(block.data <= np.float64(farthest))
    row = np.searchsorted(block.indptr, near, side='right') - 1 + first
    return Pairs(row.astype(np.int32), block.indices[near], block.data[near])


def _nearest(pairs: Pairs, count: int) -> tuple[Pairs, float]:
    """Pairs not farther than the `count`-th above 0, and its distance."""
    positive = pairs.distance[pairs.distance > 0]
    if len(positive) <= count:
        return pairs, np.inf
    farthest = np.partition(positive, count - 1)[count - 1]
    near = pairs.distance <= farthest
    return Pairs(*(each[near] for each in pairs)), float(farthest)


def _joined(parts: list[Pairs]) -> Pairs:
    return Pairs(*(np.concatenate(each) for each in zip(*parts)))
