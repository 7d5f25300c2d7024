import pytest
import torch
from labelled_features import random_labels

from reidgen.evaluation.labels import RetrievalLabels
from reidgen.evaluation.matches import (
    check_matches,
    fitting_protocols,
    match_and_junk_masks,
    queries_with_match,
)
from reidgen.evaluation.protocols import PROTOCOLS, Protocol


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('one_set', [False, True])
@pytest.mark.parametrize('cameras', [False, True])
def test_queries_with_a_match_are_those_of_the_masks(seed, one_set, cameras):
    labels = RetrievalLabels(*random_labels(40, 60, 40, seed, num_cams=2))
    if one_set:
        labels = RetrievalLabels.of_one_set(labels.gallery_pids, labels.gallery_camids)
    protocol = Protocol('own', same_camera_is_junk=cameras, one_set=one_set)
    good, _ = match_and_junk_masks(torch.arange(labels.num_query), labels, protocol)
    expected = good.any(dim=1)
    assert expected.any()
    assert not expected.all()
    assert torch.equal(queries_with_match(labels, protocol), expected)


TWO_CAMERAS = RetrievalLabels([1, 2], [2, 1], [0, 0], [1, 1])
ONE_CAMERA = RetrievalLabels([1, 2], [2, 1], [0, 0], [0, 0])
NO_CAMERAS = RetrievalLabels([1, 2], [2, 1])
APART = RetrievalLabels([1, 2], [3, 3, 4], [0, 0], [1, 1, 1])
SINGLES = RetrievalLabels([1, 2], [3, 4], [0, 0], [1, 1])
NOBODY = RetrievalLabels([-1, -1], [-1, 3], [0, 0], [1, 1])


@pytest.mark.parametrize(
    'labels, names',
    [
        (TWO_CAMERAS, list(PROTOCOLS)),
        (ONE_CAMERA, ['no-camera', 'all-vs-all']),
        (NO_CAMERAS, ['no-camera', 'all-vs-all']),
        (APART, ['all-vs-all']),
        (SINGLES, []),
        (NOBODY, []),
    ],
)
def test_the_protocols_that_fit_are_known_from_labels(labels, names):
    assert fitting_protocols(labels) == names


@pytest.mark.parametrize(
    'labels, message',
    [
        (ONE_CAMERA, r"2 share a pid.*same camera.*set protocol='no-camera'$"),
        (APART, r"0 share a pid.*same people, or set protocol='all-vs-all', which compares all"),
        (SINGLES, r'0 share a pid with one; check that query and gallery number the same people$'),
        (NOBODY, r'all queries have pid -1'),
    ],
)
def test_labels_without_a_match_are_refused_with_what_would_fit(labels, message):
    with pytest.raises(ValueError, match=rf"^none of 2 queries .*'market1501'; .*{message}"):
        check_matches(labels, 'market1501')


def test_the_error_names_data_set_and_key():
    check_matches(TWO_CAMERAS, 'market1501')
    with pytest.raises(ValueError, match=r"^own: none .*val_evaluator.protocol='no-camera'$"):
        check_matches(ONE_CAMERA, 'market1501', 'own', 'val_evaluator.protocol')
