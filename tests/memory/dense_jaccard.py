"""The Jaccard distance from its published definition: dense, in float64, set by set."""

import numpy as np
import torch


def dense_weights(features: torch.Tensor, k1: int, k2: int) -> np.ndarray:
    """V (N, N) in float64, set by set."""
    features = features.double().numpy()
    squared = 2 - 2 * features @ features.T
    np.fill_diagonal(squared, -1)
    ranked = squared.argsort(axis=1, kind='stable')[:, :k1]

    def reciprocal(i: int, k: int) -> set[int]:
        return {int(j) for j in ranked[i, : k + 1] if i in ranked[j, : k + 1]}

    halves = [reciprocal(j, int(np.around(k1 / 2))) for j in range(len(features))]
    weights = np.zeros_like(squared)
    for i in range(len(features)):
        members = reciprocal(i, k1)
        expanded = set(members)
        for candidates in (halves[j] for j in members):
            if len(candidates & members) > 2 / 3 * len(candidates):
                expanded |= candidates
        columns = sorted(expanded)
        weight = np.exp(-np.where(np.array(columns) == i, 0, squared[i, columns]))
        weights[i, columns] = weight / weight.sum()
    return np.stack([weights[ranked[i, :k2]].mean(0) for i in range(len(features))])


def dense_distance(weights: np.ndarray) -> np.ndarray:
    """(N, N) Jaccard distances of all pairs, row by row."""
    by_column = np.ascontiguousarray(weights.T)
    shared = []
    for row in weights:
        members = row.nonzero()[0]  # a minimum with zero adds nothing
        shared.append(np.minimum(row[members, None], by_column[members]).sum(0))
    shared = np.stack(shared)
    return np.maximum(1 - shared / (2 - shared), 0)


def as_dense(sparse) -> np.ndarray:
    """A pair not stored is at distance 1."""
    dense = np.ones(sparse.shape, np.float32)
    pairs = sparse.tocoo()
    dense[pairs.row, pairs.col] = pairs.data
    return dense
