"""Exact nearest neighbours in bounded memory.

Letters: Q queries, G gallery rows, N rows compared with themselves, D embedding.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from reidgen.evaluation.knn_exact import knn_exact
from reidgen.evaluation.knn_self import knn_self

METHODS = ('exact', 'faiss', 'faiss-hnsw')
CHECKED = 16384  # rows looked at at a time
HNSW_LINKS, HNSW_SEARCHED = 32, 128  # links of a node; nodes looked at in a search, at least


class Neighbours(NamedTuple):
    """K nearest gallery rows of each query, nearest first; equal distances by row number."""

    index: Tensor  # (Q, k) int64 rows of the gallery
    distance: Tensor  # (Q, k) float32 squared Euclidean, none below 0


def nearest_neighbours(
    query: Tensor, gallery: Tensor, k: int, method: str = 'exact', block: int = 2048
) -> Neighbours:
    """K nearest gallery rows of each query row under (squared) Euclidean distance.

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
        ImportError: the method is faiss, which is not installed.
    """
    query, gallery = _checked(query, gallery, k, method, block)
    if method != 'exact':
        return _faiss_search(query, gallery, k, method)
    return Neighbours(*knn_exact(query, gallery, k, block, among_themselves=False))


def neighbours_of_each(
    features: Tensor, k: int, method: str = 'exact', block: int = 2048
) -> Neighbours:
    """K nearest rows of each row among all rows, itself first; see `nearest_neighbours`.

    A row is its own first neighbour even where others equal it.

    Args:
        features: (N, D) float32, finite.
        k: neighbours, the row itself counted.
    """
    features, _ = _checked(features, features, k, method, block)
    if method == 'exact':
        found = knn_self(features, k)
        if found is None:
            found = knn_exact(features, features, k, block, among_themselves=True)
        return Neighbours(*found)
    found = _faiss_search(features, features, k, method)
    own = torch.arange(len(features), device=features.device)[:, None]
    # itself to the front, the others one place back; where it was not found the last one goes
    others_first = (found.index == own).to(torch.int8).argsort(dim=1, stable=True)[:, : k - 1]
    others = found.distance.gather(1, others_first)
    return Neighbours(
        torch.cat([own, found.index.gather(1, others_first)], dim=1),
        torch.cat([others.new_zeros(len(own), 1), others], dim=1),
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
