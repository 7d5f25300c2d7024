import numpy as np
import pytest
import torch

from reidgen.evaluation.cameras import evaluate_camera_pairs
from reidgen.evaluation.labels import RetrievalLabels
from reidgen.evaluation.verification import verify, verify_distances


def labels_of(num_query, num_gallery, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def integers(low, high, count):
        return torch.randint(low, high, (count,), generator=generator)

    return (
        integers(0, 4, num_query),
        integers(-1, 4, num_gallery),
        integers(0, 3, num_query),
        integers(0, 3, num_gallery),
    )


def slow_rates(distances, labels, threshold, cameras=True, one_set=False):
    """FMR and FNMR by looking at every pair."""
    query_pids, gallery_pids, query_camids, gallery_camids = (x.tolist() for x in labels)
    genuine, impostor = [], []
    for q, row in enumerate(distances.tolist()):
        for g, distance in enumerate(row):
            same = query_pids[q] == gallery_pids[g]
            if gallery_pids[g] == -1 or (one_set and q == g):
                continue
            if cameras and same and query_camids[q] == gallery_camids[g]:
                continue
            (genuine if same else impostor).append(distance)
    return (
        sum(d <= threshold for d in impostor) / len(impostor),
        sum(d > threshold for d in genuine) / len(genuine),
        len(genuine),
        len(impostor),
    )


@pytest.mark.parametrize('protocol, cameras', [('market1501', True), ('no-camera', False)])
def test_rates_at_every_threshold_asked_for_equal_a_look_at_every_pair(protocol, cameras):
    # multiples of 1/8 are thresholds, so that nothing is lost between two of them
    generator = torch.Generator().manual_seed(1)
    distances = torch.randint(0, 40, (30, 70), generator=generator).double() / 8
    labels = labels_of(30, 70)
    result = verify_distances(distances, RetrievalLabels(*labels), protocol=protocol, block=7)
    for threshold in (0, 0.125, 1, 2.5, 4.875, 100):
        fmr, fnmr, num_genuine, num_impostor = slow_rates(distances, labels, threshold, cameras)
        assert result.at(threshold) == pytest.approx((fmr, fnmr))
        assert (result.num_genuine, result.num_impostor) == (num_genuine, num_impostor)


def test_features_give_the_rates_of_their_squared_distances():
    generator = torch.Generator().manual_seed(2)
    query, gallery = (
        torch.randn(20, 6, generator=generator),
        torch.randn(50, 6, generator=generator),
    )
    labels = labels_of(20, 50, seed=3)
    distances = (query.double()[:, None] - gallery.double()[None]).square().sum(2)
    result = verify(query, gallery, RetrievalLabels(*labels), block=6)
    for place in range(0, len(result.thresholds), 3000):
        fmr, fnmr, *_ = slow_rates(distances, labels, result.thresholds[place])
        assert (result.fmr[place], result.fnmr[place]) == pytest.approx((fmr, fnmr))
    assert (result.fmr[-1], result.fnmr[-1]) == (1, 0)


def test_one_set_against_itself_leaves_out_each_image_itself():
    generator = torch.Generator().manual_seed(4)
    x, pids = torch.randn(25, 3, generator=generator), torch.arange(25) % 5
    result = verify(x, x, RetrievalLabels(pids, pids, pids, pids), protocol='all-vs-all')
    assert (result.num_genuine, result.num_impostor) == (25 * 4, 25 * 20)
    assert result.at(0) == (0, 1)  # no image matches itself


def test_fnmr_at_a_given_fmr_takes_the_largest_threshold_that_keeps_it():
    # impostors at 1 2 3 4, genuine pairs at 0 2 2 5
    distances = torch.tensor([[0.0, 2, 2, 5, 1, 2, 3, 4]])
    labels = ([1], [1, 1, 1, 1, 2, 2, 2, 2], [0], [1] * 8)
    result = verify_distances(distances, RetrievalLabels(*labels))
    assert result.fnmr_at(0) == 3 / 4  # just below 1: the pair at 0 is found
    assert result.fnmr_at(0.25) == 3 / 4
    assert result.fnmr_at(0.49) == 3 / 4
    assert result.fnmr_at(0.5) == 1 / 4  # below 3
    assert result.fnmr_at(1) == 0
    false, true = result.roc()
    assert np.array_equal(true, 1 - result.fnmr)
    assert false is result.fmr
    assert result.eer == pytest.approx(3 / 8)  # at 2: 0.5 and 0.25; no threshold is nearer
    assert 'FNMR at FMR: 0.7500 at 0.01' in str(result)


def test_block_changes_nothing():
    generator = torch.Generator().manual_seed(5)
    distances = torch.rand(30, 70, generator=generator)
    labels = labels_of(30, 70, seed=6)
    first, second = (
        verify_distances(distances, RetrievalLabels(*labels), block=block) for block in (1, 256)
    )
    assert np.array_equal(first.fmr, second.fmr)
    assert np.array_equal(first.fnmr, second.fnmr)


def test_what_has_no_rates_is_refused():
    one = ([1], [1, 1], [0], [1, 1])
    with pytest.raises(ValueError, match='no impostor pair'):
        verify_distances(torch.rand(1, 2), RetrievalLabels(*one))
    with pytest.raises(ValueError, match='none of 1 queries has a match'):
        verify_distances(torch.rand(1, 2), RetrievalLabels([1], [2, 2], [0], [1, 1]))
    with pytest.raises(ValueError, match='smallest distance is -1'):
        verify_distances(torch.tensor([[-1.0, 2]]), RetrievalLabels(*one))
    with pytest.raises(ValueError, match=r'1 of 2 gallery rows: 1;'):
        verify(torch.ones(1, 2), torch.tensor([[1.0, 1], [1, torch.nan]]), RetrievalLabels(*one))
    with pytest.raises(ValueError, match='0 gallery images'):
        verify_distances(torch.rand(1, 0), RetrievalLabels([1], [], [0], []))
    result = verify_distances(torch.rand(1, 2), RetrievalLabels([1], [1, 2], [0], [1, 1]))
    with pytest.raises(ValueError, match='fmr=2 is no share'):
        result.fnmr_at(2)
    with pytest.raises(ValueError, match='threshold=-1'):
        result.at(-1)


@pytest.mark.parametrize(
    'query, gallery, fix',
    [
        (torch.ones(3, 4), torch.ones(5, 6), 'embed both with the same encoder'),
        (torch.ones(3, 4), torch.ones(5, 4).double(), r'give both in one precision, .*float'),
        (torch.ones(0, 4), torch.ones(5, 4), '0 queries and 5 gallery images: neither may be'),
    ],
)
@pytest.mark.parametrize('scores', [verify, evaluate_camera_pairs])
def test_features_of_two_spaces_and_empty_sets_are_refused(scores, query, gallery, fix):
    labels = RetrievalLabels(*labels_of(len(query), len(gallery)))
    with pytest.raises(ValueError, match=fix):
        scores(query, gallery, labels)
