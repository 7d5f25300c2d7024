"""Evaluation, re-ranking, neighbours and clustering on a GPU, beside the CPU."""

import pytest
import torch
import torch.nn.functional as nnf

from reidgen.evaluation import RetrievalLabels, evaluate
from reidgen.evaluation.neighbours import nearest_neighbours, neighbours_of_each
from reidgen.evaluation.rerank import rerank_distances
from reidgen.memory import JaccardDBSCAN, jaccard_distance


def people(num_rows: int, seed: int = 0) -> torch.Tensor:
    """Unit features (N, 64), eight rows around a centre."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(num_rows // 8, 64, generator=generator)
    noise = 0.7 * torch.randn(num_rows, 64, generator=generator)
    return nnf.normalize(centres[torch.arange(num_rows) % len(centres)] + noise)


def test_evaluation_gives_the_scores_of_the_cpu(device):
    query, gallery = people(80), people(400, seed=1)
    labels = RetrievalLabels(
        torch.arange(80) % 10,
        torch.arange(400) % 10,
        torch.zeros(80, dtype=torch.int64),
        torch.arange(400) // 10 % 3,
    )
    expected = evaluate(query, gallery, labels)
    found = evaluate(query.to(device), gallery.to(device), labels)
    assert found.mAP == pytest.approx(expected.mAP, abs=1e-6)
    assert found.cmc == pytest.approx(expected.cmc, abs=1e-6)


def test_reranked_distances_are_those_of_the_cpu(device):
    query, gallery = people(40), people(200, seed=1)
    expected = torch.cat([block for _, block in rerank_distances(query, gallery).blocks(16)])
    found = rerank_distances(query.to(device), gallery.to(device)).blocks(16)
    found = torch.cat([block for _, block in found])
    assert found.device.type == device
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize('equal', [False, True], ids=['different', 'equal'])
def test_neighbours_are_those_of_the_cpu(device, equal):
    features = people(640)
    if equal:
        features = features[:8].repeat(80, 1)  # more ties than neighbours
    expected = neighbours_of_each(features, 12)
    found = neighbours_of_each(features.to(device), 12)
    assert torch.equal(found.index.cpu(), expected.index)
    torch.testing.assert_close(found.distance.cpu(), expected.distance)
    one = nearest_neighbours(features[:50], features, 5)
    other = nearest_neighbours(features[:50].to(device), features.to(device), 5)
    assert torch.equal(other.index.cpu(), one.index)


def test_jaccard_distances_are_those_of_the_cpu(device):
    expected = jaccard_distance(people(640), 20, 6)
    found = jaccard_distance(people(640).to(device), 20, 6)
    assert (found.indices == expected.indices).all()
    assert abs(found.data - expected.data).max() < 1e-6


def test_pseudo_labels_are_those_of_the_cpu(device):
    clustering = JaccardDBSCAN(k1=20, k2=6, eps=0.513)
    expected, found = clustering(people(640)), clustering(people(640).to(device))
    assert expected.num_clusters > 10
    assert torch.equal(found.labels, expected.labels)
