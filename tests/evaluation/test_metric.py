import logging

import pytest
import torch
from mmengine.evaluator import Evaluator

from reidgen.evaluation.expansion import alpha_query_expansion
from reidgen.evaluation.metric import ReIDMetric
from reidgen.evaluation.rerank import rerank_distances
from reidgen.evaluation.retrieval import evaluate, evaluate_distances
from reidgen.registry import METRICS
from reidgen.structures import ImageBatch

# rows 0 and 1 are queries; on a line, so that the lists can be read off
PLACES = torch.tensor([[0.0], [10.0], [1.0], [2.0], [9.0], [4.0]])
PIDS = torch.tensor([1, 2, 1, 3, 2, 1])
CAMIDS = torch.tensor([0, 0, 0, 1, 1, 1])
META = {'num_query': 2, 'paths': [f'{row}.jpg' for row in range(6)]}
# query 0: junk, miss, match, miss -> AP 1/2, INP 1/2, first at 2; query 1: match first -> AP 1
EXPECTED = {'mAP': 75.0, 'rank1': 50.0, 'rank2': 100.0, 'mINP': 75.0}


def batch_of(rows):
    rows = torch.tensor(rows)
    return ImageBatch(torch.zeros(len(rows), 3, 2, 2), PIDS[rows], CAMIDS[rows], rows)


def metric_with(batches, features=PLACES, meta=META, **kwargs):
    metric = ReIDMetric(**{'ranks': (1, 2), **kwargs})
    metric.dataset_meta = meta
    for rows in batches:
        metric.process(batch_of(rows), features[torch.tensor(rows)])
    return metric


def test_metric_scores_in_per_cent():
    assert metric_with([[0, 1, 2], [3, 4, 5]]).evaluate(6) == pytest.approx(EXPECTED)


def test_rows_are_sorted_by_index_and_repeats_dropped():
    metric = metric_with([[5, 3, 1], [0, 4], [2, 5, 0]])
    # what a repeat holds plays no part: the first stays
    metric.results[2][0][1:] = 77.0
    assert metric.evaluate(6) == pytest.approx(EXPECTED)
    assert torch.equal(metric.last.features, PLACES)
    assert torch.equal(metric.last.pids, PIDS)
    assert torch.equal(metric.last.camids, CAMIDS)
    assert metric.last.num_query == 2
    assert metric.last.result.mAP == pytest.approx(0.75)


def test_missing_rows_are_counted_and_named():
    with pytest.raises(RuntimeError, match=r'2 of 6 images were never processed \(rows \[1, 5\]\)'):
        metric_with([[0, 2], [3, 4]]).evaluate(6)
    with pytest.raises(RuntimeError, match='no batch was processed'):
        metric_with([]).evaluate(6)


def test_a_row_beyond_the_data_set_is_refused():
    with pytest.raises(RuntimeError, match='row 5 came from a data set of 5 images'):
        metric_with([[0, 1, 2, 3, 4, 5]]).evaluate(5)


def test_rows_of_a_failed_evaluation_do_not_return_in_the_next():
    metric = metric_with([[0, 1, 2]], features=PLACES + 50)
    with pytest.raises(RuntimeError, match='never processed'):
        metric.evaluate(6)
    metric.process(batch_of([0, 1, 2, 3, 4, 5]), PLACES)
    assert metric.evaluate(6) == pytest.approx(EXPECTED)


def test_many_small_batches_survive_mmengines_evaluator():
    evaluator = Evaluator({'type': 'ReIDMetric', '_scope_': 'reidgen', 'ranks': (1, 2)})
    evaluator.dataset_meta = META
    for row in range(6):
        evaluator.metrics[0].process(batch_of([row]), PLACES[row : row + 1])
    assert evaluator.evaluate(6) == pytest.approx(EXPECTED)


def test_prefix_goes_before_the_names():
    scores = metric_with([[0, 1, 2, 3, 4, 5]], prefix='source').evaluate(6)
    assert scores == pytest.approx({f'source/{name}': value for name, value in EXPECTED.items()})


def test_metric_is_registered_and_warns_of_no_prefix(caplog):
    with caplog.at_level(logging.WARNING):
        assert isinstance(METRICS.build({'type': 'ReIDMetric'}), ReIDMetric)
    assert 'prefix' not in caplog.text


def test_features_are_kept_as_float32_copies():
    metric = metric_with([])
    features = PLACES.half().requires_grad_()
    metric.process(batch_of([0, 1, 2, 3, 4, 5]), features)
    kept = metric.results[0][0]
    assert kept.dtype == torch.float32
    assert not kept.requires_grad


def test_all_vs_all_takes_every_row_as_query():
    # nearest others of each row:  0 -> 1 3 1 2 2    1 -> 2 1 3 1 1    2 -> 1 3 1 2 2
    #                              3 is alone         4 -> 2 1 3 1 1    5 -> 3 1 1 2 2
    aps = [(1 + 2 / 3) / 2, 1, (1 + 2 / 3) / 2, 1, (1 / 2 + 2 / 3) / 2]
    metric = metric_with([[0, 1, 2, 3, 4, 5]], protocol='all-vs-all')
    assert metric.evaluate(6)['mAP'] == pytest.approx(100 * sum(aps) / 5)
    assert metric.last.result.num_skipped == 1


def test_nan_features_are_named_by_path():
    features = PLACES.clone()
    features[4] = float('nan')
    with pytest.raises(ValueError, match=r'1 of 4 gallery rows: 2 \(4\.jpg\)'):
        metric_with([[0, 1, 2, 3, 4, 5]], features=features).evaluate(6)


def test_data_set_without_num_query_is_refused():
    with pytest.raises(ValueError, match='no num_query, only: name'):
        metric_with([[0, 1, 2, 3, 4, 5]], meta={'name': 'market'}).evaluate(6)


def test_skipped_queries_are_logged(monkeypatch):
    lines = []
    monkeypatch.setattr(
        'reidgen.evaluation.metric.print_log', lambda message, *_: lines.append(message)
    )
    metric_with([[0, 1, 2, 3, 4, 5]]).evaluate(6)
    assert lines == []
    metric = metric_with([[0, 1, 2, 3, 5]], meta={'num_query': 2})
    metric.process(batch_of([4])._replace(pid=torch.tensor([8])), PLACES[4:5])
    assert metric.evaluate(6)['mAP'] == pytest.approx(50)
    assert len(lines) == 1
    assert '1 of 2 queries have no match' in lines[0]


def test_wrong_arguments_are_refused_when_built():
    with pytest.raises(ValueError, match="unknown protocol 'duke'"):
        ReIDMetric(protocol='duke')
    with pytest.raises(ValueError, match="unknown ap 'x'"):
        ReIDMetric(ap='x')
    with pytest.raises(ValueError, match=r'ranks=\(0, 5\)'):
        ReIDMetric(ranks=(0, 5))
    with pytest.raises(ValueError, match=r'\(2, 3, 4\) for 2 images'):
        ReIDMetric().process(batch_of([0, 1]), torch.zeros(2, 3, 4))


def test_re_ranked_distances_decide_the_order():
    torch.manual_seed(9)
    features = torch.nn.functional.normalize(torch.randn(6, 4))
    settings = dict(k1=3, k2=2, weight=0.3)
    distances = rerank_distances(features[:2], features[2:], **settings)(torch.arange(2))
    labels = PIDS[:2], PIDS[2:], CAMIDS[:2], CAMIDS[2:]
    expected = evaluate_distances(distances, *labels).mAP
    assert expected != evaluate(features[:2], features[2:], *labels).mAP  # it does change
    scores = metric_with([[0, 1, 2, 3, 4, 5]], features=features, rerank=settings).evaluate(6)
    assert scores['mAP'] == pytest.approx(100 * expected)


def test_re_ranking_of_one_set_with_itself_is_refused():
    with pytest.raises(ValueError, match="'all-vs-all' compares one set with itself"):
        ReIDMetric(protocol='all-vs-all', rerank={})


def test_query_expansion_comes_before_the_comparison():
    features = torch.tensor([[1.0, 0], [0, 1], [1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1]])
    metric = metric_with([[0, 1, 2, 3, 4, 5]], features=features, expansion=dict(k=2, alpha=1.0))
    expanded = alpha_query_expansion(features[:2], features[2:], k=2, alpha=1.0)
    expected = evaluate(expanded, features[2:], PIDS[:2], PIDS[2:], CAMIDS[:2], CAMIDS[2:])
    assert metric.evaluate(6)['mAP'] == pytest.approx(100 * expected.mAP)
    assert torch.equal(metric.last.features, features)


def test_nan_features_are_named_by_path_before_they_are_expanded():
    features = PLACES.clone()
    features[4] = float('nan')
    with pytest.raises(ValueError, match=r'1 of 6 feature rows: 4 \(4\.jpg\)'):
        metric_with([[0, 1, 2, 3, 4, 5]], features=features, expansion={}).evaluate(6)
