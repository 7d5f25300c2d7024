"""k-reciprocal sets, their weights and overlaps (Zhong et al., CVPR 2017); sparse.

Letters: N rows, V their weights, m what two rows share.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csc_array, csr_array
from torch import Tensor

from reidgen.evaluation.distances import pair_distances
from reidgen.evaluation.neighbours import Neighbours

SUMMANDS = 2**17  # minima held at a time in `shared_weights`, but for a single row's
ACCUMULATED = 2**22  # cells of its dense block


def reciprocal_neighbours(index: np.ndarray) -> csr_array:
    """R(i) = {j among the neighbours of i : i among those of j} (Zhong et al., CVPR 2017, eq. 2).

    Args:
        index: (N, k) neighbours of each row, itself included, no row twice.

    Returns:
        (N, N) int32 ones, symmetric.
    """
    neighbours = neighbour_sets(index)
    return neighbours.multiply(neighbours.T).tocsr()


def expanded_reciprocal_neighbours(index: np.ndarray, k1: int) -> csr_array:
    """R*(i): R(i, k1) and, of its members j, the R(j, k1 / 2) that it shares (eq. 5 there).

    R(j, h) is taken in if more than two thirds of it lie in R(i, k1); h is k1 / 2 rounded, halves
    to the even number. As in the authors' code, R(., k) covers k neighbours and the row itself,
    so far as `index` goes.

    Args:
        index: (N, >= k1) neighbours of each row, itself first.

    Returns:
        (N, N) int32 ones, sorted by column in each row.
    """
    reciprocal = reciprocal_neighbours(index[:, : k1 + 1])
    half = reciprocal_neighbours(index[:, : round(k1 / 2) + 1])
    shared = (reciprocal @ half.T).multiply(reciprocal).tocoo()  # |R(i, k1) & R(j, h)|, j in R(i)
    half_sizes = np.diff(half.indptr)
    joins = 3 * shared.data > 2 * half_sizes[shared.col]
    joined = csr_array(
        (shared.data[joins], (shared.row[joins], shared.col[joins])), shape=shared.shape
    )
    expanded = (reciprocal + joined @ half).tocsr()
    expanded.sort_indices()
    expanded.data[:] = 1
    return expanded


def neighbour_sets(index: np.ndarray, values: np.ndarray | None = None) -> csr_array:
    """Sparse matrix (N, N) of neighbours (N, k), with their values (N, k) or int32 ones."""
    num_rows, k = index.shape
    values = np.ones(index.shape, np.int32) if values is None else values
    return csr_array(
        (
            values.ravel(),
            np.ascontiguousarray(index, np.int32).ravel(),
            np.arange(0, index.size + 1, k, dtype=np.int32),
        ),
        shape=(num_rows, num_rows),
    )


def reciprocal_weights(
    features: Tensor, found: Neighbours, k1: int, k2: int, scale: np.ndarray | None = None
) -> csr_array:
    """V (eq. 7) after local query expansion (eq. 11).

    A member j of R*(i) weighs exp(-squared distance / scale_i), normalised over R*(i).

    Args:
        features: (N, D) float32.
        found: (N, k) neighbours among these rows, each its own first.
        k1: of the sets, see `expanded_reciprocal_neighbours`.
        k2: neighbours averaged over, the row itself among them; 1 switches expansion off.
        scale: (N,) of each row's squared distances; None takes 1.

    Returns:
        (N, N) sparse float32, sorted by column, rows sum to 1.
    """
    index = found.index.cpu().numpy()
    members = expanded_reciprocal_neighbours(index, k1)
    scale = np.ones(len(index)) if scale is None else scale
    searched = np.exp(-found.distance.double().cpu().numpy() / scale[:, None])
    known = neighbour_sets(index, searched).multiply(members).tocsr()
    rest = (members - known.astype(bool).astype(members.dtype)).tocoo()
    squared = pair_distances(
        features,
        features,
        torch.from_numpy(rest.row).long().to(features.device),
        torch.from_numpy(rest.col).long().to(features.device),
    )
    weight = np.exp(-squared.double().cpu().numpy() / scale[rest.row])
    weights = known + csr_array((weight, (rest.row, rest.col)), shape=members.shape)
    weights.sort_indices()
    total = np.add.reduceat(weights.data, weights.indptr[:-1])  # no row is empty: it holds itself
    weights.data /= np.repeat(total, np.diff(weights.indptr))
    return expand_queries(weights.astype(np.float32), index[:, :k2])


def expand_queries(weights: csr_array, index: np.ndarray) -> csr_array:
    """Local query expansion (eq. 11): each row becomes the mean over the rows `index` (N, k2)."""
    if index.shape[1] == 1:
        return weights
    index = np.sort(index, axis=1)  # equal sets are summed in one order, and give equal rows
    mean = neighbour_sets(index, np.full(index.shape, 1 / index.shape[1], np.float32))
    expanded = mean @ weights
    expanded.sort_indices()
    return expanded


def shared_weights(
    weights: csr_array, by_column: csc_array | None = None, upper: bool = False
) -> Iterator[tuple[int, csr_array]]:
    """m(i, g) = sum over j of min(V_ij, V_gj) (eq. 10), for a block of rows i at a time.

    Args:
        weights: (A, N) rows i of V, sorted by column.
        by_column: (G, N) rows g of V, sorted by row in each column; None takes `weights`.
        upper: g > i only; not together with `by_column`.

    Yields:
        The first row of a block and its m (b, G), sparse float64, sorted by column; only pairs that
        share a j are stored.
    """
    lists = _inverted(weights, upper) if by_column is None else _lists_of(weights, by_column)
    before = np.concatenate([[0], lists.sizes.cumsum(dtype=np.int64)])[weights.indptr]
    first = 0
    while first < weights.shape[0]:
        last = int(np.searchsorted(before, before[first] + SUMMANDS, side='right')) - 1
        last = min(max(last, first + 1), first + ACCUMULATED // lists.num_rows + 1, len(before) - 1)
        yield first, _shared_by(weights, lists, first, last, first if upper else 0)
        first = last


def num_summands(weights: csr_array) -> int:
    """Number of minima that `shared_weights` sums for all rows."""
    return int((np.bincount(weights.indices).astype(np.int64) ** 2).sum())


class _Lists(NamedTuple):
    """Rows g with weight on j for each entry (i, j), as parts of one long list."""

    row: np.ndarray  # int32 g, ascending within a part
    weight: np.ndarray  # float32 V_gj
    starts: np.ndarray  # (nnz,) of each entry's part in the two above
    sizes: np.ndarray  # (nnz,)
    num_rows: int  # G


def _lists_of(weights: csr_array, by_column: csc_array) -> _Lists:
    starts = by_column.indptr[weights.indices]
    sizes = by_column.indptr[weights.indices + 1] - starts
    return _Lists(by_column.indices, by_column.data, starts, sizes, by_column.shape[0])


def _inverted(weights: csr_array, upper: bool) -> _Lists:
    lists = _lists_of(weights, weights.tocsc())
    if not upper:
        return lists
    entry = np.arange(weights.nnz, dtype=np.int32)
    order = csr_array((entry, weights.indices, weights.indptr), shape=weights.shape).tocsc().data
    after = np.empty_like(entry)
    after[order] = entry + 1  # what comes after the entry itself
    return lists._replace(starts=after, sizes=lists.starts + lists.sizes - after)


def _shared_by(weights: csr_array, lists: _Lists, first: int, last: int, lowest: int) -> csr_array:
    """Rows first..last-1 of m, none of which shares anything with a row below `lowest`."""
    num_block, width = last - first, lists.num_rows - lowest
    entries = slice(weights.indptr[first], weights.indptr[last])
    sizes = lists.sizes[entries]
    ends = sizes.cumsum()
    where = np.repeat(lists.starts[entries] - ends + sizes, sizes)
    where += np.arange(len(where))  # all (g, j), one entry after another
    minima = lists.weight.take(where, mode='clip')  # none is out of range: clip is the fast mode
    np.minimum(minima, np.repeat(weights.data[entries], sizes), out=minima)
    offset = np.arange(num_block + 1) * width - lowest
    cell = np.repeat(np.repeat(offset[:-1], np.diff(weights.indptr[first : last + 1])), sizes)
    cell += lists.row.take(where, mode='clip')
    total = np.bincount(cell, minima, num_block * width)
    stored = np.flatnonzero(total != 0)  # of booleans it is several times as fast
    starts = np.searchsorted(stored, offset + lowest)
    columns = stored - np.repeat(offset[:-1], np.diff(starts))
    return csr_array(
        (total[stored], columns.astype(np.int32), starts.astype(np.int32)),
        shape=(num_block, lists.num_rows),
    )
