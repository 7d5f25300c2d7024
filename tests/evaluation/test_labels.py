import numpy as np
import pytest
import torch
from labelled_features import on_a_line

from reidgen.evaluation.identification import evaluate
from reidgen.evaluation.labels import RetrievalLabels, as_integers
from reidgen.evaluation.multi_query import multi_query

QUERY, GALLERY = on_a_line([0, 5]), on_a_line([1, 2, 6])
PIDS, CAMIDS = ([1, 2], [1, 2, 2]), ([0, 0], [1, 1, 1])


@pytest.mark.parametrize(
    'kind',
    [
        tuple,
        np.array,
        torch.tensor,
        lambda each: np.array(each, np.uint8),
        lambda each: np.array(each, object),
        lambda each: torch.tensor(each, dtype=torch.int32),
        lambda each: [np.int64(one) for one in each],
        lambda each: [torch.tensor(one) for one in each],
    ],
)
def test_labels_of_any_container_score_alike(kind):
    labels = RetrievalLabels(*(kind(each) for each in PIDS + CAMIDS))
    # query 0 finds 1 2 2: AP 1; query 5 finds 6 (2), 2 (2), 1: AP 1
    assert evaluate(QUERY, GALLERY, labels).mAP == 1
    assert labels.query_pids.dtype == torch.int64


@pytest.mark.parametrize(
    'values, error, message',
    [
        (['0001', '0002'], TypeError, r"holds '0001' in row 0 .*np.unique\(\[\*query_pids"),
        ([1.0, 2.5], TypeError, r'holds 2.5 in row 1 \(float64\).*give whole numbers'),
        ([1.0, float('nan')], TypeError, r'holds nan in row 1'),
        (torch.tensor([3.0, 4.0]), TypeError, r'holds 3.0 in row 0 \(torch.float32\).*\.long\(\)'),
        ([True, False], TypeError, r'holds True in row 0 \(bool\)'),
        ([2, None], TypeError, r'holds None in row 1 \(object\)'),
        ([1j, 2], TypeError, r'holds 1j in row 0 \(complex128\)'),
        ([2**64, 1], TypeError, r'holds 18446744073709551616 in row 0'),
        ([[1], [2]], ValueError, r'has shape \(2, 1\): give one integer an image'),
        ([[1], [2, 3]], ValueError, r'holds lists of several lengths'),
        (7, ValueError, r'is 7: give one integer an image'),
    ],
)
def test_what_is_no_integer_is_named_with_its_row_and_the_fix(values, error, message):
    with pytest.raises(error, match=f'gallery_pids {message}'):
        RetrievalLabels([1, 2], values)


def test_integers_beyond_int64_are_refused_not_wrapped():
    assert as_integers(np.array([2**63 - 1], np.uint64), 'pids').tolist() == [2**63 - 1]
    with pytest.raises(TypeError, match=r'pids holds 9223372036854775808 in row 0 \(uint64\)'):
        as_integers(np.array([2**63], np.uint64), 'pids')


def test_labels_that_do_not_fit_one_another_are_refused():
    with pytest.raises(ValueError, match='query_camids has 1 values, but query_pids has 2'):
        RetrievalLabels(*PIDS, [0], [1, 1, 1])
    with pytest.raises(ValueError, match='gallery_names has 2 values, but gallery_pids has 3'):
        RetrievalLabels(*PIDS, *CAMIDS, ['a', 'b'], ['c', 'd'])
    with pytest.raises(ValueError, match='query_camids is given alone'):
        RetrievalLabels(*PIDS, query_camids=[0, 0])


def test_protocols_that_compare_cameras_ask_for_them():
    labels = RetrievalLabels(*PIDS)
    assert evaluate(QUERY, GALLERY, labels, 'no-camera').mAP == 1
    with pytest.raises(ValueError, match=r"query_camids and gallery_camids.*protocol='no-camera'"):
        evaluate(QUERY, GALLERY, labels)


def test_four_arrays_where_labels_belong_name_the_class():
    with pytest.raises(TypeError, match=r'labels is a tuple: give RetrievalLabels\(query_pids'):
        evaluate(QUERY, GALLERY, PIDS + CAMIDS)


def test_one_list_is_split_into_queries_and_gallery():
    labels = RetrievalLabels.of_split(2, [1, 2, 1, 2, 2], [0, 0, 1, 1, 1], list('abcde'))
    assert labels.query_pids.tolist() == [1, 2]
    assert labels.gallery_camids.tolist() == [1, 1, 1]
    assert (labels.query_names, labels.gallery_names) == (['a', 'b'], ['c', 'd', 'e'])


@pytest.mark.parametrize('kind', [list, np.array, torch.tensor])
def test_features_of_any_container_score_alike(kind):
    query, gallery = kind([[0.0], [5.0]]), kind([[1.0], [2.0], [6.0]])
    assert evaluate(query, gallery, RetrievalLabels(*PIDS, *CAMIDS)).mAP == 1


def test_features_that_are_no_real_numbers_are_refused():
    labels = RetrievalLabels(*PIDS, *CAMIDS)
    with pytest.raises(TypeError, match='query values are complex'):
        evaluate(QUERY.cfloat(), GALLERY, labels)
    with pytest.raises(TypeError, match='gallery values are no matrix of numbers'):
        evaluate(QUERY, [['a'], ['b'], ['c']], labels)


def test_multi_query_takes_the_same_labels_and_refuses_the_same():
    features = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), dim=1)
    assert multi_query((1,), np.array([0]), features, [1, 1], [0, 1]).tolist() == [[1, 0]]
    with pytest.raises(TypeError, match="query_pids holds 'a' in row 0"):
        multi_query(['a'], [0], features, [1, 1], [0, 1])
    with pytest.raises(ValueError, match='1 query_pids and 2 query_camids'):
        multi_query([1], [0, 0], features, [1, 1], [0, 1])
