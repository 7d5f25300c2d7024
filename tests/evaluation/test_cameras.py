import numpy as np
import pytest
import torch

from reidgen.evaluation.cameras import evaluate_camera_pairs
from reidgen.evaluation.identification import evaluate
from reidgen.evaluation.labels import RetrievalLabels


def random_set(seed=0):
    generator = torch.Generator().manual_seed(seed)

    def integers(low, high, count):
        return torch.randint(low, high, (count,), generator=generator)

    return (
        torch.randn(40, 5, generator=generator),
        torch.randn(120, 5, generator=generator),
        integers(0, 5, 40),
        integers(-1, 5, 120),
        integers(0, 3, 40) * 2,  # cameras 0, 2, 4 ask, 0 to 4 answer
        integers(0, 5, 120),
    )


@pytest.mark.parametrize('protocol', ['market1501', 'no-camera'])
def test_each_cell_is_an_evaluation_of_these_queries_on_that_cameras_images(protocol):
    query, gallery, query_pids, gallery_pids, query_camids, gallery_camids = random_set()
    table = evaluate_camera_pairs(
        query,
        gallery,
        RetrievalLabels(query_pids, gallery_pids, query_camids, gallery_camids),
        protocol=protocol,
        block=7,
    )
    assert (table.query_cameras, table.gallery_cameras) == ((0, 2, 4), (0, 1, 2, 3, 4))
    for row, first in enumerate(table.query_cameras):
        for column, second in enumerate(table.gallery_cameras):
            asks, shown = query_camids == first, gallery_camids == second
            if first == second and protocol == 'market1501':
                assert np.isnan([table.mAP[row, column], table.rank1[row, column]]).all()
                assert table.num_queries[row, column] == 0
                continue
            expected = evaluate(
                query[asks],
                gallery[shown],
                RetrievalLabels(
                    query_pids[asks], gallery_pids[shown], query_camids[asks], gallery_camids[shown]
                ),
                protocol=protocol,
            )
            assert table.mAP[row, column] == pytest.approx(expected.mAP)
            assert table.rank1[row, column] == pytest.approx(expected.cmc[0])
            assert table.num_queries[row, column] == expected.num_queries


def test_table_prints_per_cents_and_dashes_within_a_camera():
    x = torch.tensor([[0.0], [1.0]])
    text = str(evaluate_camera_pairs(x, x, RetrievalLabels([1, 2], [1, 2], [0, 0], [1, 0])))
    lines = text.splitlines()
    assert lines[0].split() == ['to', '0', 'to', '1']
    assert lines[1].split() == ['from', '0', '-', '100.00', '/', '100.00']
    assert lines[2] == "mAP / rank-1 in per cent; protocol 'market1501'"


def test_one_set_against_itself_has_no_camera_table():
    x = torch.ones(2, 1)
    with pytest.raises(ValueError, match="'all-vs-all' compares one set with itself"):
        evaluate_camera_pairs(
            x, x, RetrievalLabels([1, 1], [1, 1], [0, 1], [0, 1]), protocol='all-vs-all'
        )


def test_labels_without_cameras_have_no_camera_table():
    x = torch.ones(2, 1)
    with pytest.raises(ValueError, match='no cameras: give RetrievalLabels query_camids and'):
        evaluate_camera_pairs(x, x, RetrievalLabels([1, 1], [1, 1]), protocol='no-camera')
