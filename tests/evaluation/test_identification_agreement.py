import math

import numpy as np
import pytest
import torch
from labelled_features import NAN, on_a_line, score

from reidgen.evaluation.distances import squared_distances
from reidgen.evaluation.identification import evaluate, evaluate_distances
from reidgen.evaluation.labels import RetrievalLabels


def random_set(seed=0, num_query=30, num_gallery=90, num_pids=8, num_cams=3, dim=5):
    """Labels with pid -1 and 0 among them, and unit features."""
    generator = torch.Generator().manual_seed(seed)

    def integers(low, high, count):
        return torch.randint(low, high, (count,), generator=generator)

    def units(count):
        x = torch.randn(count, dim, generator=generator)
        return x / x.norm(dim=1, keepdim=True)

    return (
        units(num_query),
        units(num_gallery),
        integers(1, num_pids, num_query),
        integers(-1, num_pids, num_gallery),
        integers(0, num_cams, num_query),
        integers(0, num_cams, num_gallery),
    )


def by_definition(
    distances,
    query_pids,
    gallery_pids,
    query_camids,
    gallery_camids,
    trapezoid=False,
    cameras=True,
    one_set=False,
):
    """Per query (AP, rank of the first match, INP), None without a match: slowly, in loops."""
    scores = []
    for q in range(len(query_pids)):
        listed = sorted(range(len(gallery_pids)), key=lambda g: (float(distances[q][g]), g))
        rank = found = 0
        area, first, last = 0.0, None, None
        for g in listed:
            same = int(gallery_pids[g]) == int(query_pids[q])
            if int(gallery_pids[g]) == -1 or (one_set and g == q):
                continue
            if cameras and same and int(gallery_camids[g]) == int(query_camids[q]):
                continue
            rank += 1
            if same:
                found += 1
                new = found / rank
                old = 1.0 if rank == 1 else (found - 1) / (rank - 1)
                area += (old + new) / 2 if trapezoid else new
                first, last = first or rank, rank
        scores.append((area / found, first, found / last) if found else None)
    return scores


def assert_equals_loops(result, scores):
    counted = [each for each in scores if each is not None]
    assert result.num_queries == len(counted)
    assert result.num_skipped == len(scores) - len(counted)
    assert result.ap == pytest.approx([NAN if s is None else s[0] for s in scores], nan_ok=True)
    assert result.mAP == pytest.approx(sum(s[0] for s in counted) / len(counted))
    assert result.mINP == pytest.approx(sum(s[2] for s in counted) / len(counted))
    for k in range(1, len(result.cmc) + 1):
        expected = sum(s[1] <= k for s in counted) / len(counted)
        assert result.cmc[k - 1] == pytest.approx(expected)


# ---- against other roads ----


@pytest.mark.parametrize(
    'protocol, cameras',
    [('market1501', True), ('msmt17', True), ('cuhk03-np', True), ('no-camera', False)],
)
@pytest.mark.parametrize('ap', ['standard', 'trapezoid'])
def test_scores_equal_slow_loops_with_many_ties(protocol, cameras, ap):
    _, _, *labels = random_set(seed=1)
    distances = torch.randint(0, 6, (30, 90), generator=torch.Generator().manual_seed(2)).float()
    result = evaluate_distances(
        distances, RetrievalLabels(*labels), protocol=protocol, ap=ap, block=7
    )
    assert_equals_loops(
        result, by_definition(distances, *labels, trapezoid=ap == 'trapezoid', cameras=cameras)
    )


def test_all_vs_all_equals_slow_loops():
    _, x, _, pids, _, camids = random_set(seed=4)
    result = evaluate(
        x, x, RetrievalLabels(pids, pids, camids, camids), protocol='all-vs-all', block=11
    )
    distances = (x[:, None].double() - x[None].double()).square().sum(2)
    assert_equals_loops(
        result, by_definition(distances, pids, pids, camids, camids, cameras=False, one_set=True)
    )


def test_features_equal_slow_loops_over_their_differences():
    query, gallery, *labels = random_set(seed=5)
    distances = (query[:, None].double() - gallery[None].double()).square().sum(2)
    assert_equals_loops(
        evaluate(query, gallery, RetrievalLabels(*labels)), by_definition(distances, *labels)
    )


def test_standard_ap_equals_scikit_learn_without_ties(average_precision):
    query, gallery, *labels = random_set(seed=6)
    query_pids, gallery_pids, query_camids, gallery_camids = labels
    result = evaluate(query, gallery, RetrievalLabels(*labels))
    similarity = (query.double() @ gallery.double().t()).numpy()
    for q in range(len(query)):
        good = gallery_pids == query_pids[q]
        keep = ~((good & (gallery_camids == query_camids[q])) | (gallery_pids == -1))
        if (good & keep).any():
            expected = average_precision(good[keep].numpy(), similarity[q][keep.numpy()])
            assert result.ap[q] == pytest.approx(expected)
        else:
            assert math.isnan(result.ap[q])


def test_trapezoid_is_never_above_standard():
    query, gallery, *labels = random_set(seed=7)
    labels = RetrievalLabels(*labels)
    standard, trapezoid = (
        evaluate(query, gallery, labels, ap=ap).ap for ap in ('standard', 'trapezoid')
    )
    counted = ~np.isnan(standard)
    assert (trapezoid[counted] <= standard[counted]).all()
    assert (trapezoid[counted] < standard[counted]).any()


# ---- what must not matter ----


def same(first, second):
    return (
        np.array_equal(first.ap, second.ap, equal_nan=True)
        and first.mINP == second.mINP
        and np.array_equal(first.cmc, second.cmc)
        and first.mAP == second.mAP
    )


@pytest.mark.parametrize('block', [1, 4, 29, 30])
def test_block_size_changes_nothing(block):
    query, gallery, *labels = random_set(seed=8)
    gallery = torch.cat([gallery[:45], gallery[:45]])  # every image twice: ties everywhere
    assert same(
        evaluate(query, gallery, RetrievalLabels(*labels), block=block),
        evaluate(query, gallery, RetrievalLabels(*labels)),
    )


def test_distances_in_blocks_and_gallery_chunks_equal_the_whole(monkeypatch):
    query, gallery, *_ = random_set(seed=9, dim=64)
    whole = squared_distances(query, gallery)
    monkeypatch.setattr('reidgen.evaluation.distances.CHUNK', 13)
    parts = torch.cat([squared_distances(rows, gallery) for rows in query.split(7)])
    assert torch.equal(whole, parts)
    assert torch.allclose(whole, torch.cdist(query, gallery).square(), atol=1e-5)


def test_matrix_of_distances_and_numpy_arrays_give_the_same():
    query, gallery, *labels = random_set(seed=10)
    direct = evaluate(query, gallery, RetrievalLabels(*labels))
    assert same(
        direct, evaluate_distances(squared_distances(query, gallery), RetrievalLabels(*labels))
    )
    assert same(
        direct,
        evaluate(query.numpy(), gallery.numpy(), RetrievalLabels(*(x.numpy() for x in labels))),
    )


def test_order_of_the_gallery_changes_nothing_without_ties():
    query, gallery, query_pids, gallery_pids, query_camids, gallery_camids = random_set(seed=11)
    order = torch.randperm(len(gallery), generator=torch.Generator().manual_seed(0))
    shuffled = evaluate(
        query,
        gallery[order],
        RetrievalLabels(query_pids, gallery_pids[order], query_camids, gallery_camids[order]),
    )
    assert same(
        shuffled,
        evaluate(
            query, gallery, RetrievalLabels(query_pids, gallery_pids, query_camids, gallery_camids)
        ),
    )


@pytest.mark.parametrize('junk', [(-1, 1), (5, 0)])
def test_junk_anywhere_in_the_gallery_changes_nothing(junk):
    query, gallery, _, gallery_pids, _, gallery_camids = random_set(seed=12)
    query_labels = [(5, 0)] * len(query)
    labels = list(zip(gallery_pids.tolist(), gallery_camids.tolist()))
    without = score(query, gallery, query_labels, labels)
    # on top of the queries themselves, hence before every match; at both ends and in the middle
    more = torch.cat([query[:9], gallery[:40], query[9:20], gallery[40:], query[20:]])
    more_labels = [junk] * 9 + labels[:40] + [junk] * 11 + labels[40:] + [junk] * 10
    assert same(without, score(query, more, query_labels, more_labels))


def test_pid_zero_is_a_distractor_like_any_other():
    near, far = on_a_line([1, 2]), [(0, 1), (1, 1)]
    assert score(on_a_line([0]), near, [(1, 0)], far).mAP == 0.5
