"""rerank.py beside the authors' definition, dense, in NumPy."""

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf

from reidgen.evaluation import rerank
from reidgen.evaluation.rerank import farthest_distances, rerank_distances


def people(num_rows: int, num_people: int, dim: int = 16, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(num_people, dim, generator=torch.Generator().manual_seed(9))
    noise = 0.8 * torch.randn(num_rows, dim, generator=generator)
    return nnf.normalize(centres[torch.arange(num_rows) % num_people] + noise)


def by_definition(query, gallery, k1, k2, weight) -> np.ndarray:
    """Steps 1 to 6 of the paper on M x M matrices in float64."""
    features = torch.cat([query, gallery]).double().numpy()
    squared = np.square(features[:, None] - features).sum(2)
    original = (squared / squared.max(axis=0)).T
    ranked = original.argsort(axis=1, kind='stable')

    def reciprocal(i: int, k: int) -> np.ndarray:
        forward = ranked[i, : k + 1]
        return np.array([j for j in forward if i in ranked[j, : k + 1]])

    weights = np.zeros_like(original)
    for i in range(len(features)):
        members = reciprocal(i, k1)
        expanded = members
        for j in members:
            candidates = reciprocal(j, int(np.around(k1 / 2)))
            if len(np.intersect1d(candidates, members)) > 2 / 3 * len(candidates):
                expanded = np.append(expanded, candidates)
        expanded = np.unique(expanded)
        weights[i, expanded] = np.exp(-original[i, expanded])
        weights[i] /= weights[i].sum()
    if k2 != 1:
        weights = np.stack([weights[ranked[i, :k2]].mean(0) for i in range(len(features))])
    shared = np.stack([np.minimum(row, weights).sum(1) for row in weights[: len(query)]])
    final = (1 - weight) * (1 - shared / (2 - shared)) + weight * original[: len(query)]
    return final[:, len(query) :]


def dense_matrix(reranked, size: int = 256) -> np.ndarray:
    return torch.cat([block for _, block in reranked.blocks(size)]).numpy()


@pytest.mark.parametrize('unit_length', [True, False])
@pytest.mark.parametrize(
    'k1, k2, weight', [(20, 6, 0.3), (7, 1, 0.3), (5, 3, 0.0), (11, 6, 1.0), (2, 3, 0.5)]
)
def test_distances_equal_the_dense_definition(k1, k2, weight, unit_length):
    query, gallery = people(40, 12), people(130, 12, seed=1)
    if not unit_length:
        query, gallery = 3 * query, gallery * torch.linspace(0.5, 4, 130)[:, None]
    found = rerank_distances(query, gallery, k1, k2, weight)
    assert found.shape == (40, 130)
    expected = by_definition(query, gallery, k1, k2, weight)
    assert np.abs(dense_matrix(found) - expected).max() < 1e-6


def test_rows_may_be_asked_for_in_any_order_and_any_blocks():
    found = rerank_distances(people(40, 12), people(130, 12, seed=1), 9, 3)
    dense = dense_matrix(found)
    rows = torch.tensor([7, 3, 39, 3])
    assert found(rows).numpy() == pytest.approx(dense[rows], abs=1e-6)
    assert dense_matrix(found, 7) == pytest.approx(dense, abs=1e-6)
    assert found(rows).dtype == torch.float32


def test_weight_one_keeps_the_original_ranking():
    query, gallery = people(10, 5), people(60, 5, seed=1)
    found = dense_matrix(rerank_distances(query, gallery, 5, 2, weight=1.0))
    assert (found.argsort(1) == torch.cdist(query, gallery).numpy().argsort(1)).all()


def test_reranking_puts_more_of_the_same_person_in_front():
    query, gallery = people(120, 40, dim=12), people(400, 40, dim=12, seed=1)
    same = (torch.arange(120)[:, None] % 40 == torch.arange(400) % 40).numpy()

    def precision_at_ten(distances):
        return np.take_along_axis(same, distances.argsort(1)[:, :10], 1).mean()

    before = precision_at_ten(torch.cdist(query, gallery).numpy())
    after = precision_at_ten(dense_matrix(rerank_distances(query, gallery)))
    assert after > before + 0.05


def test_the_farthest_row_is_found_whatever_the_block(monkeypatch):
    features = 3 * people(90, 9)
    expected = np.square(features.double().numpy()[:, None] - features.double().numpy()).sum(2)
    for block, chunk in ((1024, 8192), (13, 7)):
        monkeypatch.setattr(rerank, 'BLOCK', block)
        monkeypatch.setattr(rerank, 'COLUMNS', chunk)
        assert farthest_distances(features).numpy() == pytest.approx(expected.max(1), rel=1e-6)


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(k1=40), 'k1=40 must be at least 1 and below the number .* images, 40'),
        (dict(k1=0), 'k1=0'),
        (dict(k2=0), r'k2=0 must be within 1\.\.6'),
        (dict(k2=7), r'k2=7 must be within 1\.\.6'),
        (dict(weight=1.5), r'weight=1\.5 must be the share'),
        (dict(query=torch.zeros(0, 16)), '0 queries and 30 gallery images'),
        (dict(gallery=torch.zeros(3, 8)), r'\(10, 16\) .*gallery features \(3, 8\) .*same encoder'),
        (dict(query=torch.full((3, 16), torch.nan)), 'NaN or Inf in query row 0'),
        (dict(query=torch.ones(9, 16), gallery=torch.ones(9, 16)), 'all 18 .* features are equal'),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = dict(query=people(10, 5), gallery=people(30, 5), k1=5, k2=2) | change
    with pytest.raises(ValueError, match=message):
        rerank_distances(**arguments)
