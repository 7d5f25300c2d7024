import pytest
import torch
from labelled_features import NAN, on_a_line, score

from reidgen.evaluation.identification import evaluate, evaluate_distances, ranked_lists
from reidgen.evaluation.labels import RetrievalLabels
from reidgen.evaluation.protocols import PROTOCOLS

# ---- lists worked out by hand ----

GALLERY = [(1, 0), (2, 1), (1, 1), (3, 0), (1, 2)]  # at 1, 2, 3, 4, 5; the first is junk


def test_five_image_gallery_scores_as_worked_out_on_paper():
    # kept: miss, match, miss, match, at ranks 2 and 4: AP = (1/2 + 2/4) / 2, INP = 2/4
    result = score(on_a_line([0]), on_a_line([1, 2, 3, 4, 5]), [(1, 0)], GALLERY, max_rank=7)
    assert result.mAP == pytest.approx(0.5)
    assert result.mINP == pytest.approx(0.5)
    assert result.cmc.tolist() == [0, 1, 1, 1, 1, 1, 1]
    assert (result.num_queries, result.num_skipped, result.protocol) == (1, 0, 'market1501')


def test_trapezoid_of_the_same_list_is_a_third():
    # ((0/1 + 1/2)/2 + (1/3 + 2/4)/2) / 2 = (1/4 + 5/12) / 2
    result = score(on_a_line([0]), on_a_line([1, 2, 3, 4, 5]), [(1, 0)], GALLERY, ap='trapezoid')
    assert result.mAP == pytest.approx(1 / 3)


def test_no_camera_counts_the_match_by_the_same_camera():
    # match, miss, match, miss, match: AP = (1/1 + 2/3 + 3/5) / 3
    result = score(
        on_a_line([0]), on_a_line([1, 2, 3, 4, 5]), [(1, 0)], GALLERY, protocol='no-camera'
    )
    assert result.mAP == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    assert result.cmc[0] == 1


def test_all_vs_all_leaves_out_only_the_item_itself_and_nobody():
    x = on_a_line([0, 1, 3, 7, 8])
    labels = [(1, 0), (2, 0), (1, 0), (-1, 0), (2, 0)]
    # pids in the list of each: 0 (pid 1) sees 2 1 2, 1 (pid 2) sees 1 1 2, 2 (pid 1) sees 2 1 2,
    # 4 (pid 2) sees 1 2 1, and the image of nobody has no match
    result = score(x, x, labels, labels, protocol='all-vs-all')
    assert result.ap == pytest.approx([1 / 2, 1 / 3, 1 / 2, NAN, 1 / 2], nan_ok=True)
    assert result.num_skipped == 1


def test_perfect_ranking_scores_one():
    result = score(
        on_a_line([0]), on_a_line([1, 2, 3, 4]), [(1, 0)], [(1, 1), (1, 2), (2, 0), (3, 0)]
    )
    assert (result.mAP, result.mINP) == (1, 1)
    assert (result.cmc == 1).all()


@pytest.mark.parametrize('num_good, num_gallery', [(1, 6), (3, 10)])
def test_worst_ranking_scores_the_closed_form(num_good, num_gallery):
    labels = [(2, 0)] * (num_gallery - num_good) + [(1, 1)] * num_good
    result = score(on_a_line([0]), on_a_line(range(1, num_gallery + 1)), [(1, 0)], labels)
    expected = sum(i / (num_gallery - num_good + i) for i in range(1, num_good + 1)) / num_good
    assert result.mAP == pytest.approx(expected)
    assert result.mINP == pytest.approx(num_good / num_gallery)


def test_random_distances_find_a_match_first_as_often_as_matches_are():
    distances = torch.rand(4000, 40, generator=torch.Generator().manual_seed(3))
    result = evaluate_distances(
        distances, RetrievalLabels([1] * 4000, [1] * 10 + [2] * 30, [0] * 4000, [1] * 40)
    )
    assert result.cmc[0] == pytest.approx(10 / 40, abs=0.03)  # over four standard deviations
    assert result.cmc[1] == pytest.approx(1 - 30 / 40 * 29 / 39, abs=0.03)


def test_equal_distances_keep_gallery_order():
    places = on_a_line([1, 1, 1, 1])
    last = score(on_a_line([0]), places, [(1, 0)], [(2, 1), (3, 1), (4, 1), (1, 1)])
    first = score(on_a_line([0]), places, [(1, 0)], [(1, 1), (2, 1), (3, 1), (4, 1)])
    assert (last.mAP, first.mAP) == (1 / 4, 1)


# ---- skipping and counting ----


def test_query_without_a_match_is_skipped_and_counted():
    # the second is seen by its own camera only, the third not at all
    result = score(
        on_a_line([0, 0, 0]), on_a_line([1, 2]), [(1, 0), (2, 1), (9, 0)], [(2, 1), (1, 1)]
    )
    assert (result.num_queries, result.num_skipped) == (1, 2)
    assert result.ap == pytest.approx([0.5, NAN, NAN], nan_ok=True)
    assert result.mAP == 0.5  # not 0.5 / 3
    assert result.cmc[:2].tolist() == [0, 1]


def test_summary_names_ranks_and_refuses_those_not_computed():
    result = score(on_a_line([0]), on_a_line([1, 2, 3, 4, 5]), [(1, 0)], GALLERY, max_rank=10)
    assert result.summary() == {'mAP': 0.5, 'rank1': 0, 'rank5': 1, 'rank10': 1, 'mINP': 0.5}
    assert list(result.summary(ranks=(2,))) == ['mAP', 'rank2', 'mINP']
    with pytest.raises(ValueError, match=r'\[11, 0\].*1\.\.10'):
        result.summary(ranks=(1, 11, 0))


def test_cmc_counts_no_match_behind_its_last_rank():
    result = score(
        on_a_line([0]), on_a_line([1, 2, 3]), [(1, 0)], [(2, 1), (3, 1), (1, 1)], max_rank=2
    )
    assert result.cmc.tolist() == [0, 0]


# ---- lists for drawing ----


def test_ranked_lists_keep_junk_and_flag_it():
    lists = ranked_lists(
        on_a_line([9, 0]),
        on_a_line([5, 4, 3, 2, 1]),
        RetrievalLabels([3, 1], [1, 3, -1, 2, 1], [1, 0], [2, 0, 1, 1, 0]),
        top=4,
        rows=[1, 0],
    )
    assert [each.query for each in lists] == [1, 0]
    assert lists[0].gallery.tolist() == [4, 3, 2, 1]
    assert lists[0].flags == ('junk', 'miss', 'junk', 'miss')
    assert lists[0].distances.tolist() == [1, 4, 9, 16]
    assert lists[1].gallery.tolist() == [0, 1, 2, 3]
    assert lists[1].flags == ('miss', 'match', 'junk', 'miss')


def test_ranked_lists_take_all_queries_and_short_galleries():
    lists = ranked_lists(
        on_a_line([0, 3]), on_a_line([1, 2]), RetrievalLabels([1, 2], [1, 2], [0, 0], [1, 1])
    )
    assert [each.gallery.tolist() for each in lists] == [[0, 1], [1, 0]]
    with pytest.raises(ValueError, match=r'rows \[2\] are not among the 2 queries'):
        ranked_lists(
            on_a_line([0, 3]),
            on_a_line([1, 2]),
            RetrievalLabels([1, 2], [1, 2], [0, 0], [1, 1]),
            rows=[2],
        )


# ---- errors ----


def test_features_that_are_not_finite_are_named():
    query, gallery = on_a_line([0, NAN]), on_a_line([1, 2])
    labels = ([1, 1], [1, 1], [0, 0], [1, 1])
    with pytest.raises(ValueError, match='1 of 2 query rows: 1;'):
        evaluate(query, gallery, RetrievalLabels(*labels))
    with pytest.raises(ValueError, match=r'2 of 2 gallery rows: 0 \(c\), 1 \(d\);'):
        evaluate(gallery, gallery / 0, RetrievalLabels(*labels, ['a', 'b'], ['c', 'd']))


def test_sets_that_cannot_be_compared_are_refused_with_their_sizes():
    x, none = on_a_line([1, 2]), torch.empty(0, 1)
    two, zero = [1, 1], []
    with pytest.raises(ValueError, match='2 queries and 0 gallery images'):
        evaluate(x, none, RetrievalLabels(two, zero, two, zero))
    with pytest.raises(ValueError, match='0 queries and 2 gallery images'):
        evaluate(none, x, RetrievalLabels(zero, two, zero, two))
    with pytest.raises(ValueError, match=r'\(2, 1\).*\(2, 3\)'):
        evaluate(x, torch.ones(2, 3), RetrievalLabels(two, two, two, two))
    with pytest.raises(ValueError, match=r'gallery_pids has shape \(3,\), but there are 2 rows'):
        evaluate(x, x, RetrievalLabels(two, [1, 1, 1], two, [1, 1, 1]))
    with pytest.raises(ValueError, match=r'query values have shape \(2,\)'):
        evaluate(torch.ones(2), x, RetrievalLabels(two, two, two, two))
    with pytest.raises(ValueError, match='2 queries and the 2 gallery images differ'):
        evaluate(x, x, RetrievalLabels([1, 2], [2, 1], two, two), protocol='all-vs-all')


def test_no_match_at_all_tells_the_counts_and_a_way_out():
    x = on_a_line([1, 2])
    with pytest.raises(ValueError, match=r'none of 2 queries.*2 gallery.*2 share.*no-camera'):
        evaluate(x, x, RetrievalLabels([1, 2], [1, 2], [0, 0], [0, 0]))
    with pytest.raises(ValueError, match='0 share a pid with one; check that query and gallery'):
        evaluate(x, x, RetrievalLabels([1, 2], [3, 4], [0, 0], [1, 1]))
    with pytest.raises(ValueError, match='every person has a single image'):
        evaluate(x, x, RetrievalLabels([1, 2], [1, 2], [0, 0], [0, 0]), protocol='all-vs-all')


def test_unknown_names_list_the_known():
    x, ones = on_a_line([1, 2]), [1, 1]
    with pytest.raises(ValueError, match=f"'market'.*{', '.join(PROTOCOLS)}"):
        evaluate(x, x, RetrievalLabels(ones, ones, ones, ones), protocol='market')
    with pytest.raises(ValueError, match=r"'voc'.*standard, trapezoid"):
        evaluate(x, x, RetrievalLabels(ones, ones, ones, ones), protocol='no-camera', ap='voc')


def test_a_finite_row_whose_squared_length_overflows_is_no_nan():
    query, labels = torch.ones(2, 3), RetrievalLabels([0, 1], [0, 1], [0, 0], [1, 1])
    gallery = torch.tensor([[1.0, 0, 0], [3e20, 4e20, 0]])  # of length 5e20: 2.5e41 > 3.4e38
    with pytest.raises(
        ValueError, match=r'gallery row 1 is finite, but of length 5e\+20, .*float32'
    ):
        evaluate(query, gallery, labels)
    gallery[0, 0] = torch.nan
    with pytest.raises(ValueError, match='NaN or Inf in 1 of 2 gallery rows: 0;'):
        evaluate(query, gallery, labels)
