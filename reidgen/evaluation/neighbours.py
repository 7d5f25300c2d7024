"""Exact nearest neighbours in bounded memory.

Letters: Q queries, G gallery rows, N rows compared with themselves, D embedding.
"""

from typing import NamedTuple

from torch import Tensor

from reidgen.evaluation.knn_exact import knn_exact
from reidgen.evaluation.knn_self import knn_self

CHECKED = 16384  # rows looked at at a time


class Neighbours(NamedTuple):
    """K nearest gallery rows of each query, nearest first; equal distances by row number."""

    index: Tensor  # type: ignore[assignment]  # (Q, k) int64 gallery rows; hides tuple.index
    distance: Tensor  # (Q, k) float32 squared Euclidean, none below 0


def nearest_neighbours(query: Tensor, gallery: Tensor, k: int, block: int = 2048) -> Neighbours:
    """K nearest gallery rows of each query row under (squared) Euclidean distance.

    No neighbour is lost: a fast product proposes, all that its rounding could have hidden is looked
    at again, and where float32 cannot tell two distances apart float64 decides. So neither `block`
    nor the number of threads changes the result.

    Args:
        query: (Q, D) float32, finite.
        gallery: (G, D) float32, finite, on the same device; read in chunks, so it may be
            memory-mapped.
        block: queries at a time; arrays of (block, 8192) are the largest made.

    Raises:
        ValueError: shapes that do not fit, NaN or Inf, k not within 1..G.
    """
    query, gallery = _checked(query, gallery, k, block)
    return Neighbours(*knn_exact(query, gallery, k, block, among_themselves=False))


def neighbours_of_each(features: Tensor, k: int, block: int = 2048) -> Neighbours:
    """K nearest rows of each row among all rows, itself first; see `nearest_neighbours`.

    A row is its own first neighbour even where others equal it.

    Args:
        features: (N, D) float32, finite.
        k: neighbours, the row itself counted.
    """
    features, _ = _checked(features, features, k, block)
    found = knn_self(features, k)
    if found is None:
        found = knn_exact(features, features, k, block, among_themselves=True)
    return Neighbours(*found)


def _checked(query: Tensor, gallery: Tensor, k: int, block: int) -> tuple[Tensor, Tensor]:
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
