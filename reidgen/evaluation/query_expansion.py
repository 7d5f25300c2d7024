"""Query expansion and database augmentation: weighted sums with the nearest features.

Blockwise, on whatever device the features are; the result is for `evaluate`.
"""

import torch
from torch import Tensor
from torch.nn import functional as nnf

from reidgen.evaluation.features import same_space
from reidgen.evaluation.labels import Array, as_matrix, check_finite

COLUMNS = 8192  # gallery rows whose similarities are held at a time


def alpha_query_expansion(
    query_features: Array,
    gallery_features: Array,
    k: int = 10,
    alpha: float = 3.0,
    block: int = 256,
) -> Tensor:
    """Expanded queries (Q, D): sums with the k nearest features, weighed by similarity ** alpha.

    Alpha-weighted query expansion (Radenovic et al., TPAMI 2019, section 3.4); the query's own
    weight is its similarity to itself, 1. alpha=0 is average query expansion (Chum et al., ICCV
    2007). No label is read.

    Args:
        query_features, gallery_features: (Q, D) and (G, D), L2-normalised.
        k: gallery features added to each; 0 adds none.
        alpha: at least 0. Features whose similarity is not positive add nothing.

    Returns:
        (Q, D) in the features' dtype, L2-normalised.

    Raises:
        ValueError: shapes that do not fit, NaN or Inf, k not within 0..G, a negative alpha.
    """
    query, gallery = same_space(query_features, gallery_features)
    check_finite(query, 'query')
    check_finite(gallery, 'gallery')
    if not 0 <= k <= len(gallery):
        raise ValueError(f'k={k} must be within 0..{len(gallery)}, the size of the gallery')
    if not alpha >= 0:
        raise ValueError(f'alpha={alpha} must not be negative')
    expanded = []
    for rows in query.split(block):
        similarity, index = _nearest(rows, gallery, k)
        weight = similarity.clamp(min=0).pow(alpha) * (similarity > 0)
        expanded.append(nnf.normalize(rows + _weighted(weight, gallery, index), dim=1))
    return torch.cat(expanded)


def database_augmentation(
    gallery_features: Array, k: int = 10, weights: str = 'rank', block: int = 256
) -> Tensor:
    """Augmented gallery (G, D): weighted sums of each feature and its neighbours.

    Database-side augmentation (Arandjelovic and Zisserman, CVPR 2012), here with the nearest
    features for neighbours.

    Args:
        gallery_features: (G, D), L2-normalised.
        k: features summed, the feature itself, of rank 0, among them; 1 changes nothing.
        weights: 'rank', (k - rank) / k (Gordo et al., IJCV 2017); 'mean', all equal.

    Returns:
        (G, D) in the features' dtype, L2-normalised.

    Raises:
        ValueError: NaN or Inf, k not within 1..G, unknown weights.
    """
    gallery = as_matrix(gallery_features, 'gallery')
    check_finite(gallery, 'gallery')
    if not 1 <= k <= len(gallery):
        raise ValueError(f'k={k} must be within 1..{len(gallery)}, the size of the gallery')
    if weights not in ('rank', 'mean'):
        raise ValueError(f'unknown weights {weights!r}; known: rank, mean')
    weight = torch.ones(k, dtype=gallery.dtype, device=gallery.device)
    if weights == 'rank':
        weight = 1 - torch.arange(k, dtype=gallery.dtype, device=gallery.device) / k
    augmented = []
    for rows in torch.arange(len(gallery), device=gallery.device).split(block):
        _, index = _nearest(gallery[rows], gallery, k - 1, own=rows)
        others = _weighted(weight[1:].expand(len(rows), -1), gallery, index)
        augmented.append(nnf.normalize(weight[0] * gallery[rows] + others, dim=1))
    return torch.cat(augmented)


def _nearest(
    query: Tensor, gallery: Tensor, k: int, own: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Cosine similarities (b, k), descending, and gallery rows (b, k); never the row `own` (b,)."""
    best = query.new_empty(len(query), 0)
    index = torch.empty(len(query), 0, dtype=torch.int64, device=query.device)
    for start in range(0, len(gallery), COLUMNS):
        similarity = query @ gallery[start : start + COLUMNS].t()
        if own is not None:
            inside = ((own >= start) & (own < start + similarity.shape[1])).nonzero().flatten()
            similarity[inside, own[inside] - start] = -torch.inf
        some, where = similarity.topk(min(k, similarity.shape[1]), dim=1)
        best, index = torch.cat([best, some], dim=1), torch.cat([index, where + start], dim=1)
        best, order = best.topk(min(k, best.shape[1]), dim=1)
        index = index.gather(1, order)
    return best, index


def _weighted(weight: Tensor, gallery: Tensor, index: Tensor) -> Tensor:
    """Sums (b, D) over k of weight (b, k) times the gallery rows `index` (b, k)."""
    total = gallery.new_zeros(len(index), gallery.shape[1])
    for rank in range(index.shape[1]):  # (b, k, D) would be the largest array by far
        total.addcmul_(weight[:, rank, None], gallery[index[:, rank]])
    return total
