"""nearest_neighbours: the result of a full float64 sort, whatever the rounding."""

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf

from reidgen.evaluation import knn_exact, knn_self
from reidgen.evaluation.neighbours import nearest_neighbours, neighbours_of_each
from tests.forks import in_child


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


@pytest.fixture(params=['bfloat16', 'float32'])
def product_dtype(request, monkeypatch):
    """Of the products that propose candidates, whatever this processor is best at."""
    for module in (knn_exact, knn_self):
        monkeypatch.setattr(module, 'product_dtype', lambda device: getattr(torch, request.param))


def half_crowded(num_rows: int) -> torch.Tensor:
    """Every third row is within a hair of the first one."""
    features = random_features(num_rows)
    features[::3] = nnf.normalize(features[0] + 1e-4 * features[::3])
    return features


@pytest.mark.slow
def test_the_result_depends_neither_on_blocks_nor_on_the_precision(product_dtype, monkeypatch):
    features = half_crowded(700)
    expected = by_definition(features, features, 9)
    found = nearest_neighbours(features, features, 9)
    assert (found.index.numpy() == expected).all()
    monkeypatch.setattr(knn_exact, 'COLUMNS', 101)
    monkeypatch.setattr(knn_exact, 'CHUNK', 40)
    again = nearest_neighbours(features, features, 9, block=13)
    assert torch.equal(again.index, found.index)
    assert torch.equal(again.distance, found.distance)


@pytest.mark.parametrize('tile', [(1024, 8192), (64, 150), (50, 20)])
def test_rows_among_themselves_find_what_a_search_of_any_query_finds(
    tile, product_dtype, monkeypatch
):
    features = half_crowded(420)
    monkeypatch.setattr(knn_self, 'TILE', tile)
    monkeypatch.setattr(knn_self, 'SETTLED', 100)
    index, distance = knn_self.knn_self(features, 12)
    expected = knn_exact.knn_exact(features, features, 12, 64, among_themselves=True)
    assert torch.equal(index, expected[0])
    assert torch.equal(distance, expected[1])
    # the definition has no row but the row itself in front
    assert (index.numpy() == by_definition(features, features, 12)).all()


def test_rows_too_crowded_for_the_fast_way_take_the_other(monkeypatch):
    features = random_features(1).repeat(300, 1)
    monkeypatch.setattr(knn_self, 'PROPOSED', 10)
    assert knn_self.knn_self(features, 5) is None
    assert neighbours_of_each(features, 5).index[9].tolist() == [9, 0, 1, 2, 3]


@pytest.mark.parametrize('spread', [1.0, 1e-3])
def test_products_are_wrong_by_less_than_their_bound(spread, product_dtype):
    query, rows = random_features(50, 512), random_features(300, 512, seed=1)
    query, rows = 3 + spread * query, 3 + spread * rows
    gallery = knn_exact.centred_rows(rows, knn_exact.product_dtype(rows.device))
    shifted, roughness = knn_exact.shift(query, gallery.centre, gallery.dtype)
    half = knn_exact._half_distances(shifted, gallery, 0, None).double()
    centre = gallery.centre.double()
    q, g = query.double() - centre, rows.double() - centre
    wrong = (half - (g.square().sum(1) / 2 - q @ g.t())).abs()
    bound = knn_exact.product_error(shifted, roughness, gallery)[:, None]
    assert (wrong <= bound).all()
    if gallery.dtype == torch.bfloat16:  # float32's is for the worst order of summation
        assert wrong.max() > bound.min() / 100


def test_distances_of_pairs_are_within_their_relative_error():
    for dim in (24, 96, 2048):
        left, right = random_features(30, dim), random_features(30, dim, seed=1)
        rows, columns = torch.arange(30).repeat(30), torch.arange(30).repeat_interleave(30)
        found = knn_exact.pair_distances(left, right, rows, columns)
        exact = (left[rows].double() - right[columns].double()).square().sum(1)
        assert ((found - exact).abs() / exact).max() < knn_exact.relative_error(dim) < 1e-5
        one = knn_exact.pair_distances(left, right, rows[77:78], columns[77:78])
        assert one == found[77]
    assert knn_exact.pair_distances(left, right, rows[:0], columns[:0]).shape == (0,)


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


def test_low_precision_allowed_elsewhere_is_not_used_here_and_stays_allowed(monkeypatch):
    monkeypatch.setattr(knn_exact, 'product_dtype', lambda device: torch.float32)
    query, gallery = random_features(20, 256), random_features(500, 256, seed=1)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision('medium')
    try:
        with torch.autocast('cpu', torch.bfloat16):
            found = nearest_neighbours(query, gallery, 10).index.numpy()
            assert (query @ gallery.t()).dtype == torch.bfloat16
        assert torch.get_float32_matmul_precision() == 'medium'
    finally:
        torch.set_float32_matmul_precision(before)
    assert (found == by_definition(query, gallery, 10)).all()


def test_a_tile_without_any_neighbour_changes_nothing(monkeypatch):
    monkeypatch.setattr(knn_self, 'TILE', (30, 30))
    centres = torch.eye(24)[:2].repeat_interleave(30, dim=0)  # two crowds, far apart
    features = nnf.normalize(centres + 0.1 * random_features(60))
    index, _ = knn_self.knn_self(features, 5)
    assert (index.numpy() == by_definition(features, features, 5)).all()
    assert ((index < 30) == (torch.arange(60) < 30)[:, None]).all()


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(k=0), 'k=0 neighbours are asked of 30 rows'),
        (dict(k=31), 'k=31 neighbours are asked of 30 rows'),
        (dict(block=0), 'block=0'),
        (dict(query=torch.zeros(3, 7)), r'\(3, 7\) and gallery features \(30, 24\)'),
        (dict(query=torch.full((3, 24), torch.nan)), 'NaN or Inf in query row 0'),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = dict(query=random_features(3), gallery=random_features(30), k=2) | change
    with pytest.raises(ValueError, match=message):
        nearest_neighbours(**arguments)


@pytest.mark.slow
def test_precision_set_by_the_newer_switches_is_kept_too(tmp_path):
    # in a process of its own: torch refuses the older functions from then on
    def work() -> None:
        torch.backends.cuda.matmul.fp32_precision = 'tf32'
        with knn_exact.full_precision(torch.device('cpu')):
            print(torch.backends.cuda.matmul.fp32_precision)
        print(torch.backends.cuda.matmul.fp32_precision)

    log = tmp_path / 'log'
    assert in_child(work, log) == 0, log.read_text()
    assert log.read_text().split() == ['ieee', 'tf32']
