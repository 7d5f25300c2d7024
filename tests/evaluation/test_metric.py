import logging

import pytest
import torch
from mmengine.evaluator import Evaluator

from reidgen.evaluation.identification import evaluate, evaluate_distances
from reidgen.evaluation.labels import RetrievalLabels
from reidgen.evaluation.metric import ReIDMetric
from reidgen.evaluation.query_expansion import alpha_query_expansion
from reidgen.evaluation.rerank import rerank_distances
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
    rows = torch.tensor(list(rows))
    return ImageBatch(torch.zeros(len(rows), 3, 2, 2), PIDS[rows], CAMIDS[rows], rows)


def metric_with(batches, features=PLACES, meta=META, **kwargs):
    metric = ReIDMetric(**{'ranks': (1, 2), **kwargs})
    metric.dataset_meta = meta
    for rows in batches:
        metric.process(batch_of(rows), features[torch.tensor(list(rows))])
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


def test_error_rates_of_the_last_evaluation_are_those_of_its_features_before_expansion():
    metric = metric_with([[0, 1, 2, 3, 4, 5]], expansion=dict(k=1, alpha=1.0))
    with pytest.raises(RuntimeError, match='nothing was evaluated so far'):
        metric.verification()
    metric.evaluate(6)
    # squared distances without junk: genuine 16 and 1, impostor 4, 81, 81, 64, 36
    found = metric.verification()
    assert (found.num_genuine, found.num_impostor) == (2, 5)
    assert [found.at(x) for x in (0.5, 3.0, 5.0, 17.0)] == [(0, 1), (0, 0.5), (0.2, 0.5), (0.2, 0)]


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


@pytest.mark.parametrize(
    'arguments,error_text',
    [
        (dict(rerank=dict(k9=3)), "rerank takes no 'k9'; known: k1, k2, weight"),
        (dict(rerank=True), 'rerank=True: give a dict of k1, k2, weight'),
        (dict(rerank=dict(k1='20')), "rerank.k1='20': give a whole number from 1 upwards"),
        (dict(rerank=dict(k1=3)), r'rerank.k2=6: give a whole number from 1 to 4, k1 \+ 1'),
        (dict(rerank=dict(weight=1.5)), 'rerank.weight=1.5: give a number from 0 to 1'),
        (dict(expansion=dict(K=3)), "expansion takes no 'K'; known: k, alpha, block"),
        (dict(expansion=dict(k=2.5)), 'expansion.k=2.5: give a whole number from 0 upwards'),
        (dict(expansion=dict(alpha=-1)), 'expansion.alpha=-1: give a number from 0 upwards'),
        (dict(ranks=5), r'ranks=5: give a list of them, such as \(1, 5, 10\)'),
        (dict(ranks=()), r'ranks=\(\): give a list'),
        (dict(ranks=[1, '5']), r"ranks=\[1, '5'\]: give whole numbers from 1 upwards"),
        (dict(num_shown=-3), 'num_shown=-3: give a whole number from 0 upwards'),
    ],
)
def test_wrong_settings_are_refused_before_any_feature_is_made(arguments, error_text):
    with pytest.raises(ValueError, match=error_text):
        ReIDMetric(**arguments)


@pytest.mark.parametrize('num_query', [0, 6])
def test_a_set_without_queries_or_gallery_is_refused_before_any_feature_is_made(num_query):
    meta = dict(META, name='market1501', num_query=num_query)
    metric = ReIDMetric()
    with pytest.raises(
        ValueError,
        match=rf'market1501 has {num_query} queries and {6 - num_query} gallery images .*'
        r"split='query\+gallery'",
    ):
        metric.dataset_meta = meta
    ReIDMetric(protocol='all-vs-all').dataset_meta = meta  # where every row is both
    with pytest.raises(ValueError, match=r"the data set has .*split='query\+gallery'"):
        # of a data set that does not tell its paths, the number of images is not known before
        metric_with([range(6)], meta=dict(num_query=num_query)).evaluate(6)


def test_re_ranked_distances_decide_the_order():
    torch.manual_seed(9)
    features = torch.nn.functional.normalize(torch.randn(6, 4))
    settings = dict(k1=3, k2=2, weight=0.3)
    distances = rerank_distances(features[:2], features[2:], **settings)(torch.arange(2))
    labels = PIDS[:2], PIDS[2:], CAMIDS[:2], CAMIDS[2:]
    expected = evaluate_distances(distances, RetrievalLabels(*labels)).mAP
    assert (
        expected != evaluate(features[:2], features[2:], RetrievalLabels(*labels)).mAP
    )  # it does change
    scores = metric_with([[0, 1, 2, 3, 4, 5]], features=features, rerank=settings).evaluate(6)
    assert scores['mAP'] == pytest.approx(100 * expected)


def test_re_ranking_of_one_set_with_itself_is_refused():
    with pytest.raises(ValueError, match="'all-vs-all' compares one set with itself"):
        ReIDMetric(protocol='all-vs-all', rerank={})


def test_query_expansion_comes_before_the_comparison():
    features = torch.tensor([[1.0, 0], [0, 1], [1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1]])
    metric = metric_with([[0, 1, 2, 3, 4, 5]], features=features, expansion=dict(k=2, alpha=1.0))
    expanded = alpha_query_expansion(features[:2], features[2:], k=2, alpha=1.0)
    expected = evaluate(
        expanded, features[2:], RetrievalLabels(PIDS[:2], PIDS[2:], CAMIDS[:2], CAMIDS[2:])
    )
    assert metric.evaluate(6)['mAP'] == pytest.approx(100 * expected.mAP)
    assert torch.equal(metric.last.features, features)


def test_nan_features_are_named_by_path_before_they_are_expanded():
    features = PLACES.clone()
    features[4] = float('nan')
    with pytest.raises(ValueError, match=r'1 of 6 feature rows: 4 \(4\.jpg\)'):
        metric_with([[0, 1, 2, 3, 4, 5]], features=features, expansion={}).evaluate(6)


def first_match(ranked):
    """Rank of the first match in a list that is shown, junk not counted."""
    flags = [flag for flag in ranked.flags if flag != 'junk']
    return flags.index('match') + 1


@pytest.mark.parametrize(
    'settings',
    [
        {},
        dict(rerank=dict(k1=3, k2=2)),
        dict(expansion=dict(k=2)),
        dict(rerank=dict(k1=3, k2=2), expansion=dict(k=2)),
    ],
)
def test_the_lists_kept_to_be_shown_are_in_the_order_of_the_scores(settings):
    torch.manual_seed(10)
    features = torch.nn.functional.normalize(torch.randn(6, 4))
    metric = metric_with([range(6)], features=features, num_shown=7, **settings)
    metric.evaluate(6)
    query, gallery = features[:2], features[2:]
    if 'expansion' in settings:
        query = alpha_query_expansion(query, gallery, **settings['expansion'])
    distances = torch.cdist(query, gallery).square()
    if 'rerank' in settings:
        distances = rerank_distances(query, gallery, **settings['rerank'])(torch.arange(2))
    assert [ranked.query for ranked in metric.last.lists] == [0, 1]
    orders = [ranked.gallery.tolist() for ranked in metric.last.lists]
    assert orders == distances.argsort(dim=1).tolist()
    assert [first_match(ranked) for ranked in metric.last.lists] == list(
        metric.last.result.first_match
    )
    plain = torch.cdist(features[:2], features[2:]).argsort(dim=1).tolist()
    assert (orders == plain) == (not settings)  # each of them changes the order of these rows


def test_no_list_is_kept_unless_it_is_asked_for_and_queries_are_evenly_spaced():
    metric = metric_with([range(6)])
    metric.evaluate(6)
    assert metric.last.lists == []
    metric = metric_with([range(6)], protocol='all-vs-all', num_shown=3)
    metric.evaluate(6)
    assert [ranked.query for ranked in metric.last.lists] == [0, 2, 4]


def test_labels_without_a_match_are_refused_before_any_feature():
    metric = ReIDMetric()
    metric.dataset_meta = META | {'name': 'own'}
    metric.check_labels(PIDS, CAMIDS)
    with pytest.raises(ValueError, match=r"^own: none .*val_evaluator.protocol='no-camera'"):
        metric.check_labels(PIDS, CAMIDS * 0)
