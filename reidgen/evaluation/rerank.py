"""k-reciprocal re-ranking (Zhong et al., CVPR 2017), sparse, by blocks of queries.

Letters: Q queries, G gallery images, M = Q + G, D embedding.
"""

from collections.abc import Iterator

import numpy as np
import torch
from scipy.sparse import csc_array, csr_array
from torch import Tensor

from reidgen.evaluation.distances import full_precision, half_distances, pair_distances
from reidgen.evaluation.features import same_space
from reidgen.evaluation.labels import Array
from reidgen.evaluation.neighbours import neighbours_of_each
from reidgen.evaluation.reciprocal import reciprocal_weights, shared_weights

BLOCK, COLUMNS = 1024, 8192  # rows and columns of the distances held at a time


def rerank_distances(
    query: Array, gallery: Array, k1: int = 20, k2: int = 6, weight: float = 0.3
) -> 'RerankedDistances':
    """Distances of queries to a gallery after k-reciprocal re-ranking, computed on demand.

    Both sets are searched together. O is the squared Euclidean distance, divided by the largest in
    its row; a neighbour weighs exp(-O) over the expanded k-reciprocal set (eq. 5 and 7), weights
    are averaged over k2 neighbours (eq. 11), and the result is (1 - weight) Jaccard + weight O
    (eq. 12). Neither an M x M nor a Q x G matrix is made; memory is that of M rows of a few dozen
    weights, and of one block.

    Args:
        query: (Q, D), finite.
        gallery: (G, D), finite, on the same device. Searches and distances are computed there, sets
            and what they share on the CPU.
        k1: neighbours that may be reciprocal, the image itself not counted; below M.
        k2: neighbours averaged over, the image itself among them; 1 switches expansion off.
        weight: lambda, share of the original distance, from 0 to 1; 1 keeps its ranking.

    Raises:
        ValueError: an empty set, different dimensions, k1 or k2 or weight out of range, NaN or Inf,
            or images that are all equal.
    """
    query, gallery = same_space(query, gallery)
    if not len(query) or not len(gallery):
        raise ValueError(
            f'{len(query)} queries and {len(gallery)} gallery images: neither may be empty'
        )
    total = len(query) + len(gallery)
    if not 1 <= k1 < total:
        raise ValueError(
            f'k1={k1} must be at least 1 and below the number of query and gallery images, {total}'
        )
    if not 1 <= k2 <= k1 + 1:
        raise ValueError(f'k2={k2} must be within 1..{k1 + 1}, k1 and the image itself')
    if not 0 <= weight <= 1:
        raise ValueError(f'weight={weight} must be the share of the distance, from 0 to 1')
    features = torch.cat([query, gallery]).detach().float()
    found = neighbours_of_each(features, k1 + 1)
    scale = farthest_distances(features)
    if not (scale > 0).all():
        raise ValueError(
            f'all {total} query and gallery features are equal; go back to an earlier checkpoint'
        )
    scale = scale.cpu().numpy()
    weights = reciprocal_weights(features, found, k1, k2, scale)
    return RerankedDistances(features, len(query), weights, scale[: len(query)], weight)


class RerankedDistances:
    """Re-ranked distances (Q, G) of `rerank_distances`, by blocks of queries.

    Attributes:
        shape: Q and G.
    """

    def __init__(
        self,
        features: Tensor,
        num_query: int,
        weights: csr_array,
        scale: np.ndarray,
        weight: float,
    ):
        self.shape = (num_query, len(features) - num_query)
        self._query, self._gallery = features[:num_query], features[num_query:]
        self.device = self._gallery.device
        self._query_weights: csr_array = weights[:num_query]
        self._gallery_weights: csc_array = weights[num_query:].tocsc()
        self._scale = torch.from_numpy(scale).to(features)
        self._weight = weight

    def __call__(self, rows: Tensor) -> Tensor:
        """Distances (b, G) float32 of the queries `rows` (b,) int64, on the features' device."""
        jaccard = np.ones((len(rows), self.shape[1]), np.float32)
        weights = self._query_weights[rows.cpu().numpy()]
        for first, shared in shared_weights(weights, self._gallery_weights):
            row = np.repeat(np.arange(first, first + shared.shape[0]), np.diff(shared.indptr))
            jaccard[row, shared.indices] = 1 - shared.data / (2 - shared.data)
        distances = torch.from_numpy(jaccard).to(self._gallery.device).clamp_(min=0)
        if self._weight == 0:
            return distances
        rows = rows.to(self._gallery.device)
        original = _squared_distances(self._query[rows], self._gallery)
        original /= self._scale[rows, None]
        return distances.mul_(1 - self._weight).add_(original, alpha=self._weight)

    def blocks(self, size: int = 256) -> Iterator[tuple[Tensor, Tensor]]:
        """Rows (b,) and their distances (b, G), all queries in order."""
        for rows in torch.arange(self.shape[0], device=self._gallery.device).split(size):
            yield rows, self(rows)


@torch.no_grad()
def _squared_distances(query: Tensor, gallery: Tensor) -> Tensor:
    """Squared distances (b, G) float32, centred at the gallery's mean against rounding."""
    centre = gallery.mean(dim=0)
    query = query - centre
    half = query.new_empty(len(query), len(gallery))
    with full_precision(query.device):
        for start in range(0, len(gallery), COLUMNS):
            part = gallery[start : start + COLUMNS] - centre
            half_distances(query, part, part.square().sum(1) / 2, half[:, start : start + COLUMNS])
    return half.mul_(2).add_(query.square().sum(1, keepdim=True)).clamp_(min=0)


@torch.no_grad()
def farthest_distances(features: Tensor) -> Tensor:
    """Squared Euclidean distance (M,) float64 of each row to its farthest row."""
    farthest = []
    for part in features.split(BLOCK):
        farthest.append(_squared_distances(part, features).argmax(dim=1))
    rows = torch.arange(len(features), device=features.device)
    return pair_distances(features, features, rows, torch.cat(farthest)).double()
