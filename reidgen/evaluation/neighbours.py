"""Nearest neighbours, exact and in bounded memory, and the k-reciprocal sets made of them.

Letters: Q queries, G gallery rows, N rows compared with themselves, D embedding.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from reidgen.evaluation.exact_search import exact_search
from reidgen.evaluation.mutual_search import mutual_search

METHODS = ('exact', 'faiss', 'faiss-hnsw')
CHECKED = 16384  # rows looked at at a time
HNSW_LINKS, HNSW_SEARCHED = 32, 128  # links of a node; nodes looked at in a search, at least


class Neighbours(NamedTuple):
    """The k nearest gallery rows of each query, nearest first; equal distances by row number."""

    index: Tensor  # (Q, k) int64 rows of the gallery
    distance: Tensor  # (Q, k) float32 squared Euclidean, none below 0


def nearest_neighbours(
    query: Tensor, gallery: Tensor, k: int, method: str = 'exact', block: int = 2048
) -> Neighbours:
    """The k nearest gallery rows of every query row under (squared) Euclidean distance.

    'exact' loses no neighbour: a fast product proposes, all that its rounding could have hidden is
    looked at again, and where float32 cannot tell two distances apart float64 decides. So neither
    `block` nor the number of threads changes the result.

    Args:
        query: (Q, D) float32, finite.
        gallery: (G, D) float32, finite, on the same device; read in chunks, so it may be
            memory-mapped.
        method: 'exact'; 'faiss', its flat index: exhaustive in plain float32, on the CPU;
            'faiss-hnsw', approximate: neighbours may be lost. The last two need faiss.
        block: queries at a time; arrays of (block, 8192) are the largest made.

    Raises:
        ValueError: an unknown method, shapes that do not fit, NaN or Inf, k not within 1..G.
        ImportError: faiss is asked for and not installed.
    """
    query, gallery = _checked(query, gallery, k, method, block)
    if method != 'exact':
        return _faiss_search(query, gallery, k, method)
    return Neighbours(*exact_search(query, gallery, k, block, among_themselves=False))


def neighbours_of_each(
    features: Tensor, k: int, method: str = 'exact', block: int = 2048
) -> Neighbours:
    """The k nearest rows of every row among all rows, itself the first; see `nearest_neighbours`.

    A row is its own first neighbour even where others equal it.

    Args:
        features: (N, D) float32, finite.
        k: neighbours, the row itself counted.
    """
    features, _ = _checked(features, features, k, method, block)
    if method == 'exact':
        found = mutual_search(features, k)
        if found is None:
            found = exact_search(features, features, k, block, among_themselves=True)
        return Neighbours(*found)
    found = _faiss_search(features, features, k, method)
    own = torch.arange(len(features))[:, None]
    # itself to the front, the others one place back; where it was not found the last one goes
    others_first = (found.index == own).to(torch.int8).argsort(dim=1, stable=True)[:, : k - 1]
    return Neighbours(
        torch.cat([own, found.index.gather(1, others_first)], dim=1),
        torch.cat([torch.zeros(len(own), 1), found.distance.gather(1, others_first)], dim=1),
    )


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
    to the even number. As in the authors' code, R(., k) looks at k neighbours and the row itself,
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
    """Neighbours (N, k) as a (N, N) matrix with their values (N, k) or int32 ones in it."""
    num_rows, k = index.shape
    values = np.ones(index.shape, np.int32) if values is None else values
    return csr_array(
        (
            values.ravel(),
            np.ascontiguousarray(index, np.int32).ravel(),
            np.arange(0, index.size + 1, k),
        ),
        shape=(num_rows, num_rows),
    )


def _checked(
    query: Tensor, gallery: Tensor, k: int, method: str, block: int
) -> tuple[Tensor, Tensor]:
    if method not in METHODS:
        raise ValueError(f'unknown search method {method!r}; known: {", ".join(METHODS)}')
    if block < 1:
        raise ValueError(f'block={block} must be at least 1')
    if query.ndim != 2 or gallery.ndim != 2 or query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f'query features are {tuple(query.shape)} and gallery features '
            f'{tuple(gallery.shape)}: give two matrices of one encoder'
        )
    if not 1 <= k <= len(gallery):
        raise ValueError(
            f'k={k} neighbours are asked of {len(gallery)} rows; lower k or give more images'
        )
    for what, matrix in (('query', query), ('gallery', gallery)):
        if what == 'gallery' and gallery is query:
            continue
        for start in range(0, len(matrix), CHECKED):
            total = matrix[start : start + CHECKED].sum(dim=1)
            for row in (~total.isfinite()).nonzero().flatten().tolist():  # or it has overflown
                if not matrix[start + row].isfinite().all():
                    raise ValueError(
                        f'NaN or Inf in {what} row {start + row}, the first of them; look at that '
                        f'image, or go back to a checkpoint from before training diverged'
                    )
    return query.detach().float(), gallery.detach().float()


def _faiss_search(query: Tensor, gallery: Tensor, k: int, method: str) -> Neighbours:
    try:
        import faiss
    except ImportError as error:
        raise ImportError(
            f"neighbour search by '{method}' needs faiss: pip install 'reidgen[faiss]', "
            f"or use method='exact'"
        ) from error
    dim = gallery.shape[1]
    if method == 'faiss-hnsw':
        index = faiss.IndexHNSWFlat(dim, HNSW_LINKS)
        index.hnsw.efSearch = max(HNSW_SEARCHED, 2 * k)
    else:
        index = faiss.IndexFlatL2(dim)
    index.add(gallery.cpu().numpy())
    distance, found = index.search(query.cpu().numpy(), k)
    if (found < 0).any():
        raise RuntimeError(
            f"'{method}' reached fewer than k={k} rows for some query; use method='exact'"
        )
    return Neighbours(
        torch.from_numpy(found).to(query.device),
        torch.from_numpy(distance).clamp(min=0).to(query.device),
    )
