"""reciprocal.py beside sets and loops."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf

from reidgen.evaluation import reciprocal
from reidgen.evaluation.neighbours import neighbours_of_each
from reidgen.evaluation.reciprocal import (
    expanded_reciprocal_neighbours,
    num_summands,
    reciprocal_neighbours,
    reciprocal_weights,
    shared_weights,
)


def random_features(num_rows: int, dim: int) -> torch.Tensor:
    return nnf.normalize(torch.randn(num_rows, dim, generator=torch.Generator().manual_seed(0)))


def test_reciprocal_sets_equal_the_definition():
    index = neighbours_of_each(random_features(60, 5), 8).index.numpy()
    found = reciprocal_neighbours(index).toarray()
    for i in range(60):
        expected = {j for j in index[i] if i in index[j]}
        assert set(found[i].nonzero()[0]) == expected
    assert set(np.unique(found)) == {0, 1}


@pytest.mark.parametrize('k1', [7, 10, 11])
def test_a_set_is_expanded_by_those_that_it_shares_more_than_two_thirds_of(k1):
    index = neighbours_of_each(random_features(80, 4), 12).index.numpy()

    def reciprocal(i, k):
        return {j for j in index[i, : k + 1] if i in index[j, : k + 1]}

    found = expanded_reciprocal_neighbours(index, k1)
    grown = 0
    for i in range(80):
        members = reciprocal(i, k1)
        expected = set(members)
        for j in members:
            candidates = reciprocal(j, int(np.around(k1 / 2)))
            if len(candidates & members) > 2 / 3 * len(candidates):
                expected |= candidates
        grown += len(expected) > len(members)
        assert found.indices[found.indptr[i] : found.indptr[i + 1]].tolist() == sorted(expected)
    assert grown > 10
    assert (found.data == 1).all()


def some_weights() -> tuple:
    features = random_features(70, 5)
    return reciprocal_weights(features, neighbours_of_each(features, 9), 8, 3)


@pytest.mark.parametrize('summands', [1, 300, 10**6])
def test_shared_weights_are_sums_of_minima_whatever_the_block(summands, monkeypatch):
    monkeypatch.setattr(reciprocal, 'SUMMANDS', summands)
    weights = some_weights()
    dense = weights.toarray().astype(np.float64)
    expected = np.minimum(dense[:, None], dense).sum(2)
    whole = np.concatenate([block.toarray() for _, block in shared_weights(weights)])
    assert whole == pytest.approx(expected, abs=1e-12)
    upper = np.concatenate([block.toarray() for _, block in shared_weights(weights, upper=True)])
    assert upper == pytest.approx(np.triu(expected, 1), abs=1e-12)
    others = weights[20:].tocsc()
    part = np.concatenate([block.toarray() for _, block in shared_weights(weights[5:9], others)])
    assert part == pytest.approx(expected[5:9, 20:], abs=1e-12)
    stored = sum(block.nnz for _, block in shared_weights(weights))
    assert stored == (expected > 0).sum() <= num_summands(weights)


def test_blocks_tell_their_first_row():
    firsts = [(first, block.shape[0]) for first, block in shared_weights(some_weights())]
    assert firsts[0][0] == 0
    assert sum(size for _, size in firsts) == 70
    assert all(first + size == after for (first, size), (after, _) in pairwise(firsts))


def test_a_scale_divides_the_distances_of_its_row():
    features = random_features(40, 4)
    found = neighbours_of_each(features, 7)
    scale = np.linspace(0.5, 4, 40)
    weights = reciprocal_weights(features, found, 6, 1, scale).toarray()
    squared = (features[:, None] - features).square().sum(2).double().numpy()
    members = expanded_reciprocal_neighbours(found.index.numpy(), 6).toarray()
    expected = np.exp(-squared / scale[:, None]) * members
    assert weights == pytest.approx(expected / expected.sum(1, keepdims=True), abs=1e-6)
