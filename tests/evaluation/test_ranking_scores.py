"""Scores of ranks by counting: those of torchreid and of scikit-learn."""

import importlib.util
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from labelled_features import normal, random_labels

from reidgen.evaluation.identification import evaluate, evaluate_distances
from reidgen.evaluation.labels import RetrievalLabels


def torchreid_scores(distances, labels, max_rank):
    """CMC and mAP as torchreid's evaluate_rank defines them: the list, its junk taken out, ..."""
    cmcs, aps = [], []
    for q in range(len(distances)):
        order = np.argsort(distances[q], kind='stable')
        same = labels[1][order] == labels[0][q]
        kept = order[~(same & (labels[3][order] == labels[2][q]))]
        matches = (labels[1][kept] == labels[0][q]).astype(float)
        if not matches.any():
            continue
        seen = matches.cumsum()
        cmcs.append(np.minimum(seen, 1)[:max_rank])
        aps.append((seen / np.arange(1, len(seen) + 1) * matches).sum() / matches.sum())
    return np.mean(cmcs, axis=0), np.mean(aps)


# ---- against torchreid ----


def test_random_distances_score_as_torchreid_defines_it():
    distances = torch.rand(60, 700, generator=torch.Generator().manual_seed(1)).double()
    query_pids, gallery_pids, *camids = random_labels(60, 700, 20)
    labels = (query_pids, gallery_pids.clamp(min=0), *camids)  # torchreid knows no pid -1
    result = evaluate_distances(distances, RetrievalLabels(*labels))
    cmc, mean_ap = torchreid_scores(distances.numpy(), [x.numpy() for x in labels], 50)
    assert result.mAP == pytest.approx(mean_ap, abs=1e-9)
    assert result.cmc == pytest.approx(cmc, abs=1e-9)


def test_random_distances_score_as_torchreid_itself_says(monkeypatch):
    spec = importlib.util.find_spec('torchreid')
    if spec is None:
        pytest.skip('torchreid is not installed: pip install --no-deps torchreid')
    paths = sorted(Path(spec.origin).parent.rglob('metrics/rank.py'))
    if not paths:
        pytest.skip('this torchreid has no metrics/rank.py')
    # the file alone: the package imports much that scoring does not need
    module_spec = importlib.util.spec_from_file_location('torchreid_rank', paths[0])
    module = importlib.util.module_from_spec(module_spec)
    monkeypatch.setitem(sys.modules, 'torchreid', None)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # that its Cython is not compiled
        module_spec.loader.exec_module(module)
    distances = torch.rand(60, 700, generator=torch.Generator().manual_seed(2)).double()
    query_pids, gallery_pids, *camids = random_labels(60, 700, 20, seed=2)
    labels = (query_pids, gallery_pids.clamp(min=0), *camids)
    cmc, mean_ap = module.evaluate_rank(
        distances.numpy(), *(x.numpy() for x in labels), max_rank=50, use_cython=False
    )
    result = evaluate_distances(distances, RetrievalLabels(*labels))
    assert result.mAP == pytest.approx(mean_ap, abs=1e-9)
    assert result.cmc == pytest.approx(cmc, abs=1e-6)  # float32 there


# ---- threshold-wise AP ----


@pytest.mark.parametrize('levels', [1, 3, 50])
def test_threshold_ap_equals_scikit_learn_with_ties(levels, average_precision):
    generator = torch.Generator().manual_seed(levels)
    gallery = torch.randint(0, levels + 1, (120, 2), generator=generator).float()
    query = torch.randint(0, levels + 1, (20, 2), generator=generator).float()
    labels = random_labels(20, 120, 4, seed=22)
    distances = (query[:, None] - gallery[None]).square().sum(2)  # integers, exact
    results = (
        evaluate(query, gallery, RetrievalLabels(*labels), ap='threshold'),
        evaluate_distances(distances, RetrievalLabels(*labels), ap='threshold', block=3),
    )
    for q in range(20):
        same = labels[1] == labels[0][q]
        keep = ~(same & (labels[3] == labels[2][q])) & (labels[1] != -1)
        expected = average_precision(same[keep].numpy(), -distances[q][keep].numpy())
        for result in results:
            assert result.ap[q] == pytest.approx(expected, abs=1e-12)


def test_threshold_ap_is_the_standard_one_without_ties():
    query, gallery = normal(20, 16, 23), normal(200, 16, 24)
    labels = random_labels(20, 200, 4, seed=25)
    standard, threshold = (
        evaluate(query, gallery, RetrievalLabels(*labels), ap=ap)
        for ap in ('standard', 'threshold')
    )
    assert threshold.ap == pytest.approx(standard.ap, abs=1e-12, nan_ok=True)
