"""Ranks by counting: the order of float64 distances, whatever the blocks and tiles."""

import numpy as np
import pytest
import torch
from labelled_features import normal, random_labels
from torch.nn import functional as nnf

from reidgen.evaluation import ranking
from reidgen.evaluation.distances import TILE
from reidgen.evaluation.identification import evaluate, evaluate_blocks, evaluate_distances
from reidgen.evaluation.labels import RetrievalLabels


def slow_ranks(distances, labels, cameras=True):
    """For each query the ranks of its matches in a stable sort: slowly, in loops."""
    query_pids, gallery_pids, query_camids, gallery_camids = (x.tolist() for x in labels)
    ranks = []
    for q, row in enumerate(np.asarray(distances).tolist()):
        rank, found = 0, []
        for g in sorted(range(len(row)), key=lambda g, row=row: (row[g], g)):
            same = gallery_pids[g] == query_pids[q]
            if gallery_pids[g] == -1 or (cameras and same and gallery_camids[g] == query_camids[q]):
                continue
            rank += 1
            if same:
                found.append(rank)
        ranks.append(found)
    return ranks


def assert_ranks(result, ranks):
    """AP, first match and INP follow from the ranks alone, so equal ones mean equal ranks."""
    for q, each in enumerate(ranks):
        if not each:
            assert np.isnan(result.ap[q])
            continue
        assert result.first_match[q] == each[0]
        expected = sum((i + 1) / rank for i, rank in enumerate(each)) / len(each)
        assert result.ap[q] == pytest.approx(expected, abs=1e-12)
    counted = [each for each in ranks if each]
    assert result.mINP == pytest.approx(
        sum(len(each) / each[-1] for each in counted) / len(counted), abs=1e-12
    )


def assert_same_bits(first, second):
    assert np.array_equal(first.ap, second.ap, equal_nan=True)
    assert np.array_equal(first.first_match, second.first_match, equal_nan=True)
    assert np.array_equal(first.cmc, second.cmc)
    assert (first.mAP, first.mINP) == (second.mAP, second.mINP)


# ---- order and ties ----


@pytest.mark.parametrize('levels', [1, 2, 7, 1000])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_distances_with_ties_rank_as_in_slow_loops(levels, dtype):
    generator = torch.Generator().manual_seed(levels)
    distances = torch.randint(-levels, levels, (25, 300), generator=generator).to(dtype) / 3
    labels = random_labels(25, 300, 6, seed=levels)
    ranks = slow_ranks(distances, labels)
    for block in (1, 7, 256):
        assert_ranks(evaluate_distances(distances, RetrievalLabels(*labels), block=block), ranks)


@pytest.mark.parametrize('spread', [0.0, 1e-30, 1e-6, 1e30])
def test_distances_of_any_range_rank_as_in_slow_loops(spread):
    distances = 1 + spread * normal(20, 200, 3)
    labels = random_labels(20, 200, 5, seed=3)
    assert_ranks(
        evaluate_distances(distances, RetrievalLabels(*labels)), slow_ranks(distances, labels)
    )


@pytest.mark.parametrize(
    'name', ['units', 'duplicates', 'near duplicates', 'one point', 'collapsed', 'integers', 'zero']
)
def test_features_rank_as_their_float64_distances_in_every_block(name, monkeypatch):
    monkeypatch.setitem(TILE, 'cpu', 37)
    gallery = nnf.normalize(normal(100, 24, 4))
    query = nnf.normalize(normal(12, 24, 5))
    if name == 'duplicates':  # each eight times, far apart in the gallery
        gallery = gallery[torch.arange(100) % 13]
    elif name == 'near duplicates':  # by a unit in the last place or so: float32 sees no order
        gallery = gallery[torch.arange(100) % 13] * (1 + 6e-8 * torch.arange(100)[:, None])
    elif name == 'one point':
        gallery = gallery[:1].expand(100, -1)
    elif name == 'collapsed':  # an untrained or diverged network: all distances almost equal
        gallery, query = (nnf.normalize(1 + 1e-5 * x) for x in (gallery, query))
    elif name == 'integers':
        gallery, query = ((3 * x).round() for x in (gallery, query))
    elif name == 'zero':
        gallery, query = torch.zeros(100, 24), torch.zeros(12, 24)
    labels = random_labels(12, 100, 5, seed=6)
    distances = (query.double()[:, None] - gallery.double()[None]).square().sum(2)
    if name == 'duplicates':  # the sum above may depend on the place; here it must not
        assert (distances == distances[:, torch.arange(100) % 13]).all()
    ranks = slow_ranks(distances, labels)
    results = [
        evaluate(query, gallery, RetrievalLabels(*labels), block=block) for block in (1, 7, 256)
    ]
    for result in results:
        assert_ranks(result, ranks)
        assert_same_bits(result, results[0])


def test_duplicates_tie_in_high_dimensions_where_products_round(monkeypatch):
    gallery = nnf.normalize(normal(40, 512, 7))[torch.arange(400) % 40]
    query = nnf.normalize(normal(20, 512, 8))
    labels = random_labels(20, 400, 8, seed=9)
    distances = (query.double()[:, None] - gallery[:40].double()[None]).square().sum(2)
    ranks = slow_ranks(distances[:, torch.arange(400) % 40], labels)
    first = evaluate(query, gallery, RetrievalLabels(*labels))
    assert_ranks(first, ranks)
    for block, tile in ((1, 1024), (7, 64), (256, 100)):
        monkeypatch.setitem(TILE, 'cpu', tile)
        assert_same_bits(first, evaluate(query, gallery, RetrievalLabels(*labels), block=block))


def test_rounding_that_is_made_ten_thousand_times_as_large_changes_no_rank(monkeypatch):
    """As TF32 would: what is measured widens what is looked at again."""
    query, gallery = nnf.normalize(normal(20, 64, 10)), nnf.normalize(normal(300, 64, 11))
    labels = random_labels(20, 300, 6, seed=12)
    expected = evaluate(query, gallery, RetrievalLabels(*labels))
    product, matmul, calls = torch.mm, torch.Tensor.__matmul__, []

    def coarse(values):
        calls.append(len(values))
        return (values * 2**11).round() / 2**11

    def mm(left, right, out):
        return out.copy_(coarse(product(left, right)))

    def at(left, right):
        values = matmul(left, right)
        return coarse(values) if values.dtype == torch.float32 else values

    monkeypatch.setattr(torch, 'mm', mm)
    monkeypatch.setattr(torch.Tensor, '__matmul__', at)
    assert_same_bits(expected, evaluate(query, gallery, RetrievalLabels(*labels)))
    assert len(calls) > 2


@pytest.mark.parametrize('bins', [4, 16, 4096])
def test_number_of_bins_changes_nothing(bins, monkeypatch):
    query, gallery = normal(20, 8, 13), normal(300, 8, 14)
    labels = random_labels(20, 300, 4, seed=15)
    expected = evaluate(query, gallery, RetrievalLabels(*labels))
    monkeypatch.setattr(ranking, 'BINS', bins)
    assert_same_bits(expected, evaluate(query, gallery, RetrievalLabels(*labels)))


def test_many_matches_of_few_persons_are_split_and_rank_the_same(monkeypatch):
    query, gallery = normal(40, 8, 16), normal(500, 8, 17)
    labels = random_labels(40, 500, 2, seed=18)
    distances = (query.double()[:, None] - gallery.double()[None]).square().sum(2)
    expected = evaluate(query, gallery, RetrievalLabels(*labels))
    assert_ranks(expected, slow_ranks(distances, labels))
    monkeypatch.setattr('reidgen.evaluation.ranking_blocks.MAX_PAIRS', 300)
    assert_same_bits(expected, evaluate(query, gallery, RetrievalLabels(*labels)))


@pytest.mark.parametrize('dtype', [torch.float64, torch.float16])
def test_features_of_other_precision_rank_by_what_they_hold(dtype):
    query, gallery = normal(15, 16, 19).to(dtype), normal(200, 16, 20).to(dtype)
    labels = random_labels(15, 200, 4, seed=21)
    distances = (query.double()[:, None] - gallery.double()[None]).square().sum(2)
    assert_ranks(evaluate(query, gallery, RetrievalLabels(*labels)), slow_ranks(distances, labels))


# ---- distances made when needed ----


def test_blocks_are_asked_for_ascending_rows_and_only_of_persons_in_the_gallery():
    distances = torch.rand(9, 30, generator=torch.Generator().manual_seed(26))
    query_pids, *others = random_labels(9, 30, 3, seed=27)
    query_pids[4] = 77
    rows_seen = []

    def distances_of(rows):
        rows_seen.extend(rows.tolist())
        return distances[rows]

    blocks = evaluate_blocks(distances_of, RetrievalLabels(query_pids, *others), block=2)
    assert rows_seen == [0, 1, 2, 3, 5, 6, 7, 8]
    assert_same_bits(blocks, evaluate_distances(distances, RetrievalLabels(query_pids, *others)))
    assert blocks.num_skipped == 1


def test_blocks_leave_the_callers_distances_alone():
    distances = torch.rand(6, 30, generator=torch.Generator().manual_seed(28))
    before = distances.clone()
    evaluate_blocks(
        lambda rows: distances, RetrievalLabels(*random_labels(6, 30, 3, seed=29)), block=6
    )
    assert torch.equal(distances, before)


def test_blocks_of_the_wrong_shape_or_not_finite_are_refused():
    labels = random_labels(6, 30, 3, seed=30)
    with pytest.raises(ValueError, match=r'6 queries to 30 gallery images have shape \(6, 29\)'):
        evaluate_blocks(lambda rows: torch.zeros(len(rows), 29), RetrievalLabels(*labels))

    def broken(rows):
        return torch.zeros(len(rows), 30).masked_fill((rows == 4)[:, None], torch.nan)

    with pytest.raises(ValueError, match=r'1 of 2 distance rows: 4;'):
        evaluate_blocks(broken, RetrievalLabels(*labels), block=2)


# ---- what it says, and what it refuses ----


def test_result_prints_its_protocol_and_kind_of_ap():
    text = str(
        evaluate(
            normal(9, 4, 31),
            normal(60, 4, 32),
            RetrievalLabels(*random_labels(9, 60, 3)),
            ap='threshold',
        )
    )
    assert text.startswith('mAP ')
    assert "protocol 'market1501': junk are the query's person by its own camera" in text
    assert text.endswith("AP 'threshold'")


def test_one_identity_everywhere_is_found_at_once():
    ones = torch.ones(5, dtype=torch.int64)
    result = evaluate(
        normal(5, 4, 33), normal(5, 4, 34), RetrievalLabels(ones, ones, ones, 2 * ones)
    )
    assert (result.mAP, result.cmc[0], result.mINP) == (1, 1, 1)


def test_features_of_mixed_precision_or_dimension_are_refused():
    labels = random_labels(5, 20, 2)
    with pytest.raises(ValueError, match=r'\(5, 4\) torch.float32.*\(20, 4\) torch.float64'):
        evaluate(normal(5, 4, 35), normal(20, 4, 36).double(), RetrievalLabels(*labels))
    with pytest.raises(ValueError, match=r'\(5, 4\).*\(20, 3\).*same encoder'):
        evaluate(normal(5, 4, 35), normal(20, 3, 36), RetrievalLabels(*labels))


def test_no_product_is_larger_than_a_tile():
    query, gallery = normal(600, 4, 37), normal(9000, 4, 38)
    labels = random_labels(600, 9000, 300, seed=39)
    sizes, product = [], torch.mm

    def mm(left, right, out):
        sizes.append(out.numel())
        return product(left, right, out=out)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, 'mm', mm)
        evaluate(query, gallery, RetrievalLabels(*labels))
    assert max(sizes) == 256 * TILE['cpu'] < 600 * 9000 / 10
    # each pair is in one of them, and few queries again with the images of their identities
    assert sum(sizes) <= 1.05 * 600 * 9000


def test_values_with_slack_need_exact_distances():
    place, column = torch.tensor([0]), torch.tensor([0])
    counter = ranking.MatchCounter(place, column, torch.tensor([1.0]), 1, slack=torch.tensor([0.1]))
    with pytest.raises(TypeError, match=r'MatchCounter\(slack=...\) needs exact='):
        counter.settle(torch.tensor([True]))
