"""jaccard.py beside the published definition, dense and in slow loops."""

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf
from dense_jaccard import as_dense, dense_distance, dense_weights

from reidgen.evaluation import reciprocal
from reidgen.evaluation.neighbours import neighbours_of_each
from reidgen.memory.jaccard import jaccard_distance, neighbour_weights


def people(num_rows: int, num_people: int, dim: int = 32, seed: int = 0) -> torch.Tensor:
    """Unit features around a centre for each person."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(num_people, dim, generator=generator)
    noise = 0.7 * torch.randn(num_rows, dim, generator=generator)
    return nnf.normalize(centres[torch.arange(num_rows) % num_people] + noise)


@pytest.mark.parametrize(
    'num_rows, num_people, k1, k2',
    [(150, 10, 30, 6), (200, 40, 20, 6), (100, 30, 5, 1), (40, 2, 39, 6), (60, 20, 1, 1)],
)
def test_distances_equal_the_dense_definition(num_rows, num_people, k1, k2):
    features = people(num_rows, num_people)
    expected = dense_distance(dense_weights(features, k1, k2))
    found = jaccard_distance(features, k1, k2)
    assert np.abs(as_dense(found) - expected).max() < 1e-6
    assert found.nnz == (expected < 1).sum()
    assert found.data.dtype == np.float32


def test_stored_distances_are_symmetric_and_sorted():
    found = jaccard_distance(people(300, 60), 12, 4)
    assert 300 < found.nnz < 300 * 300
    assert (found != found.T).nnz == 0
    for row in range(300):
        columns = found.indices[found.indptr[row] : found.indptr[row + 1]]
        assert (np.diff(columns) > 0).all()
        assert row in columns
    assert found.data.min() == 0
    assert found.data.max() < 1


def test_distances_are_zero_exactly_where_the_weights_are_equal():
    features = people(300, 60)
    weights = neighbour_weights(features, 12, 4).toarray()
    equal = (weights[:, None] == weights).all(2)
    assert equal.sum() > 300
    assert ((as_dense(jaccard_distance(features, 12, 4)) == 0) == equal).all()


def test_the_result_does_not_depend_on_the_block(monkeypatch):
    features = people(180, 30)
    whole = jaccard_distance(features, 15, 6)
    monkeypatch.setattr(reciprocal, 'SUMMANDS', 500)
    small = jaccard_distance(features, 15, 6, block=7)
    assert (small.indices == whole.indices).all()
    assert np.abs(small.data - whole.data).max() < 1e-6


def test_rows_of_weights_sum_to_one():
    assert neighbour_weights(people(90, 9), 10, 6).sum(axis=1) == pytest.approx(np.ones(90))


def test_as_many_equal_rows_as_neighbours_are_at_distance_zero():
    features = people(12, 12).repeat_interleave(5, dim=0)
    found = jaccard_distance(features, k1=5, k2=5)
    same = np.arange(60)[:, None] // 5 == np.arange(60) // 5
    assert (as_dense(found)[same] < 1e-6).all()
    assert (as_dense(found)[~same] == 1).all()


def test_all_rows_equal_still_give_a_finite_distance():
    found = jaccard_distance(people(1, 1).repeat(50, 1), k1=10, k2=3)
    assert np.isfinite(found.data).all()
    # the first ten rows know each other; a later row knows them, but only itself is reciprocal
    index = neighbours_of_each(people(1, 1).repeat(50, 1), 10).index
    assert index[30].tolist() == [30, *range(9)]
    assert as_dense(found)[0, 1] < 1e-6


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(k1=50), 'k1=50 must be at least 1 and below the number of images, 50'),
        (dict(k1=0), 'k1=0 must be at least 1'),
        (dict(k2=0), 'k2=0 must be within 1..k1=20'),
        (dict(k2=21), 'k2=21 must be within 1..k1=20'),
        (dict(features=torch.ones(50)), r'features have shape \(50,\)'),
        (dict(features=torch.ones(50, 4)), 'feature row 0 has length 2; give L2-normalised rows'),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = dict(features=people(50, 10), k1=20, k2=6) | change
    with pytest.raises(ValueError, match=message):
        jaccard_distance(**arguments)


def test_rows_that_are_not_finite_are_named():
    features = people(50, 10)
    features[[7, 9]] = torch.nan
    with pytest.raises(ValueError, match='NaN or Inf in 2 of 50 feature rows, first 7'):
        jaccard_distance(features, 20, 6)
