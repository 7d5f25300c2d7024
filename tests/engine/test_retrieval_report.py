"""Report of a training: evaluations, baselines, the best and the last."""

from reidgen.engine.hooks.retrieval_report import table


def test_the_report_has_evaluations_baselines_best_and_last():
    def row(stage, iteration, score, before=False):
        metrics = {'mAP': score, 'source/mAP': 99.0}
        title = stage if stage == 'joint' else 'stage one'
        return dict(stage=stage, title=title, iter=iteration, metrics=metrics, before=before)

    rows = [
        row('identity', 40, 10.0),
        row('joint', 40, 10.0, True),
        row('joint', 45, 30.04),
        row('joint', 50, 20.0),
    ]
    assert table(
        rows, dict(joint=dict(direct=dict(mAP=10.0), adabn=dict(mAP=15.0)))
    ).splitlines() == [
        '| what | mAP |',
        '|---|---|',
        '| stage one, iteration 40 | 10.0 |',
        '| **direct transfer** (before stage joint) | 10.0 |',
        '| **AdaBN** (before stage joint) | 15.0 |',
        '| joint, iteration 45 | 30.0 |',
        '| joint, iteration 50 | 20.0 |',
        '| **best of stage joint** (iteration 45, chosen on the test set) | 30.0 |',
        '| **last** (iteration 50) | 20.0 |',
    ]


def test_a_best_that_is_the_state_before_the_stage_is_called_so():
    before = dict(stage='joint', iter=40, before=True, metrics=dict(mAP=60.0))
    after = dict(stage='joint', iter=45, before=False, metrics=dict(mAP=50.0))
    best = table([before, after], {}).splitlines()[-2]
    assert best.startswith('| **best of stage joint** (before its first iteration, chosen')


def test_the_report_has_a_row_of_its_own_for_adabn_where_both_are_reported():
    row = dict(stage='identity', iter=40, before=False)
    lines = table([dict(row, metrics={'mAP': 10.0, 'adabn/mAP': 15.0, 'source/mAP': 99.0})], {})
    assert lines.splitlines()[-2:] == [
        '| **last** (iteration 40) | 10.0 |',
        '| **last, AdaBN** (iteration 40) | 15.0 |',
    ]
