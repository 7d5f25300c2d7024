"""Reports and pictures that commands write: a kill leaves the old file whole."""

import argparse
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from reidgen.cli.test import write_results
from reidgen.datasets.records import Record
from reidgen.evaluation import ReIDMetric
from reidgen.retrieval import report
from reidgen.structures import ImageBatch
from reidgen.visualization import draw_cmc
from reidgen.visualization.ranked_lists import Cell, draw_lines

HIT = report.Hit(1, 'g.png', 3, 0.5, 1, 1, '2', 'match')
LISTS = [report.RankedList(Record('q.png', 1, 0), [HIT], '1')]


def of_test(path) -> None:
    """results.json and results.csv of an evaluation."""
    loader = SimpleNamespace(dataset=SimpleNamespace(name='market1501'))
    metric = ReIDMetric()
    metric.dataset_meta = dict(num_query=1)
    pids, camids = torch.tensor([1, 1, 2]), torch.tensor([0, 1, 1])
    metric.process(ImageBatch(None, pids, camids, torch.arange(3)), torch.eye(3))
    metric.evaluate(3)
    loop = SimpleNamespace(
        loaders=dict(target=loader),
        reports_both=False,
        recalibrates=False,
        adabn_by='domain',
        adabn_name='AdaBN',
        evaluator=SimpleNamespace(metrics=[metric]),
    )
    write_results(path.parent, dict(mAP=50.0), argparse.Namespace(config='', checkpoint=None), loop)


def lines(path) -> None:
    draw_lines([[Cell(lambda: Image.new('RGB', (8, 8)), 'query', '')]], 0, path)


@pytest.mark.parametrize(
    'name, write',
    [
        ('results.csv', of_test),
        ('results.csv', lambda path: report.write_csv(LISTS, path)),
        ('results.json', lambda path: report.write_json(LISTS, path, {})),
        ('ranked_lists.png', lines),
        ('cmc.png', lambda path: draw_cmc(dict(a=np.array([0.5, 1.0])), path)),
    ],
)
def test_a_report_that_is_not_written_to_its_end_leaves_the_old_one(
    name, write, tmp_path, monkeypatch
):
    path, replace = tmp_path / name, os.replace
    path.write_text('old')

    def fail(part, whole):
        if os.path.basename(whole) == name:
            raise OSError('no space left')
        replace(part, whole)

    with monkeypatch.context() as broken:
        broken.setattr(os, 'replace', fail)
        with pytest.raises(OSError, match=f'could not write .*{name}: no space left'):
            write(path)
    assert path.read_text() == 'old'
    assert not list(tmp_path.glob('*.part'))
    write(path)
    assert path.read_bytes() != b'old'
