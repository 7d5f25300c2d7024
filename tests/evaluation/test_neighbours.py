"""neighbours.py: no neighbour is lost, whatever rounding does."""

import importlib.util

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf

from reidgen.evaluation import exact_search
from reidgen.evaluation.exact_search import pair_products
from reidgen.evaluation.neighbours import (
    expanded_reciprocal_neighbours,
    nearest_neighbours,
    neighbours_of_each,
    reciprocal_neighbours,
)


def random_features(num_rows: int, dim: int = 24, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return nnf.normalize(torch.randn(num_rows, dim, generator=generator))


def by_definition(query: torch.Tensor, gallery: torch.Tensor, k: int) -> np.ndarray:
    """All differences in float64, a full stable sort."""
    difference = query.double().numpy()[:, None] - gallery.double().numpy()[None]
    return np.square(difference).sum(2).argsort(axis=1, kind='stable')[:, :k]


@pytest.mark.parametrize('unit_length', [True, False])
def test_no_neighbour_is_lost(unit_length):
    query, gallery = random_features(40), random_features(900, seed=1)
    if not unit_length:
        gallery = gallery * torch.linspace(0.2, 3, 900)[:, None]
    expected = by_definition(query, gallery, 12)
    found = nearest_neighbours(query, gallery, 12)
    assert (found.index.numpy() == expected).all()
    distance = (query[:, None] - gallery[found.index]).square().sum(2)
    assert torch.allclose(found.distance, distance, atol=1e-5)


def test_neighbours_closer_than_float32_can_tell_are_in_float64_order():
    # products differ in the ninth digit: a float32 product sees noise, which changes with the block
    generator = torch.Generator().manual_seed(3)
    centre = torch.randn(64, generator=generator)
    gallery = (centre + 3e-5 * torch.randn(300, 64, generator=generator)).float()
    expected = by_definition(centre[None], gallery, 20)
    assert (nearest_neighbours(centre[None], gallery, 20).index.numpy() == expected).all()
    plain = (centre @ gallery.t() - gallery.square().sum(1) / 2).topk(20).indices
    assert (plain.numpy() != expected[0]).any()


def test_equal_rows_come_in_row_order_though_more_than_are_kept_are_equal():
    query, gallery = random_features(3), random_features(400, seed=1)
    gallery[100:200] = gallery[77]
    found = nearest_neighbours(gallery[77:78], gallery, 50).index[0]
    assert found.tolist() == [77, *range(100, 149)]
    assert (
        nearest_neighbours(query, gallery, 350).index.numpy() == by_definition(query, gallery, 350)
    ).all()


def test_the_result_depends_neither_on_the_block_nor_on_the_chunk_of_the_gallery(monkeypatch):
    features = random_features(700)
    features[::3] = nnf.normalize(features[0] + 1e-4 * features[::3])
    whole = neighbours_of_each(features, 9).index
    assert torch.equal(neighbours_of_each(features, 9, block=13).index, whole)
    monkeypatch.setattr(exact_search, 'GALLERY_CHUNK', 101)
    assert torch.equal(neighbours_of_each(features, 9, block=50).index, whole)


def test_a_row_is_its_own_first_neighbour_among_equal_rows():
    features = random_features(6).repeat_interleave(50, dim=0)
    found = neighbours_of_each(features, 4)
    own = torch.arange(300)
    assert torch.equal(found.index[:, 0], own)
    assert (found.distance[:, 0] == 0).all()
    first = own // 50 * 50
    for row in (0, 1, 4, 249):
        others = [each for each in range(first[row], first[row] + 5) if each != row][:3]
        assert found.index[row].tolist() == [row, *others]


@pytest.mark.parametrize('num_columns, k', [(200, 3), (333, 5), (160, 10), (40, 40)])
def test_the_way_over_groups_finds_the_largest(num_columns, k):
    values = torch.rand(17, num_columns, generator=torch.Generator().manual_seed(0))
    top, where = exact_search._largest(values, k)
    assert torch.equal(top, values.sort(dim=1, descending=True).values[:, :k])
    assert torch.equal(values.gather(1, where), top)


def test_low_precision_allowed_elsewhere_is_not_used_here_and_stays_allowed():
    query, gallery = random_features(20, 256), random_features(500, 256, seed=1)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision('medium')
    try:
        found = nearest_neighbours(query, gallery, 10).index.numpy()
        assert torch.get_float32_matmul_precision() == 'medium'
    finally:
        torch.set_float32_matmul_precision(before)
    assert (found == by_definition(query, gallery, 10)).all()


def test_products_of_pairs_are_those_of_the_two_rows():
    features = random_features(30)
    rows, columns = torch.arange(30).repeat(30), torch.arange(30).repeat_interleave(30)
    products = pair_products(features, features, rows, columns, torch.float64)
    assert torch.allclose(products.view(30, 30), features.double() @ features.double().t())
    assert pair_products(features, features, rows[:0], rows[:0]).shape == (0,)


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


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(k=0), 'k=0 neighbours are asked of 30 rows'),
        (dict(k=31), 'k=31 neighbours are asked of 30 rows'),
        (dict(method='annoy'), "unknown search method 'annoy'; known: exact, faiss, faiss-hnsw"),
        (dict(block=0), 'block=0'),
        (dict(query=torch.zeros(3, 7)), r'\(3, 7\) and gallery features \(30, 24\)'),
        (dict(query=torch.full((3, 24), torch.nan)), 'NaN or Inf in query row 0'),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = dict(query=random_features(3), gallery=random_features(30), k=2) | change
    with pytest.raises(ValueError, match=message):
        nearest_neighbours(**arguments)


def test_without_faiss_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'faiss', None)
    with pytest.raises(ImportError, match=r"pip install 'reidgen\[faiss\]', or use method='exact'"):
        nearest_neighbours(random_features(3), random_features(30), 2, method='faiss')


@pytest.mark.skipif(importlib.util.find_spec('faiss') is None, reason='faiss is not installed')
@pytest.mark.parametrize('method', ['faiss', 'faiss-hnsw'])
def test_faiss_finds_what_the_exact_search_finds_where_nothing_is_close(method):
    features = random_features(200)
    exact, found = neighbours_of_each(features, 6), neighbours_of_each(features, 6, method)
    assert torch.equal(found.index[:, 0], torch.arange(200))
    agreement = (found.index == exact.index).float().mean()
    assert agreement == 1 if method == 'faiss' else agreement > 0.95
    query = random_features(9, seed=4)
    assert torch.equal(
        nearest_neighbours(query, features, 6, 'faiss').index,
        nearest_neighbours(query, features, 6).index,
    )
