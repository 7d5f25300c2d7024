import numpy as np
import pytest
import torch
from torch.nn import functional as nnf

from reidgen.evaluation import query_expansion
from reidgen.evaluation.identification import evaluate
from reidgen.evaluation.labels import RetrievalLabels
from reidgen.evaluation.query_expansion import alpha_query_expansion, database_augmentation


def units(count, dim, seed):
    generator = torch.Generator().manual_seed(seed)
    return nnf.normalize(torch.randn(count, dim, generator=generator))


def slow_expansion(query, gallery, k, alpha):
    rows = []
    for q in query.double().numpy():
        similarity = gallery.double().numpy() @ q
        total = q.copy()
        for g in sorted(range(len(gallery)), key=lambda g: -similarity[g])[:k]:
            if similarity[g] > 0:
                total += similarity[g] ** alpha * gallery[g].double().numpy()
        rows.append(total / np.linalg.norm(total))
    return torch.tensor(np.stack(rows))


@pytest.mark.parametrize('k, alpha', [(1, 3.0), (5, 3.0), (40, 1.0), (5, 0.0)])
@pytest.mark.parametrize('columns', [9, 8192])
def test_query_expansion_equals_slow_loops(k, alpha, columns, monkeypatch):
    monkeypatch.setattr(query_expansion, 'COLUMNS', columns)
    query, gallery = units(13, 6, 0), units(40, 6, 1)
    expanded = alpha_query_expansion(query, gallery, k, alpha, block=4)
    expected = slow_expansion(query, gallery, k, alpha)
    assert torch.allclose(expanded.double(), expected, atol=1e-6)


@pytest.mark.parametrize('weights, of_rank', [('rank', [1, 2 / 3, 1 / 3]), ('mean', [1, 1, 1])])
@pytest.mark.parametrize('columns', [2, 8192])
def test_database_augmentation_sums_itself_and_its_neighbours(
    weights, of_rank, columns, monkeypatch
):
    monkeypatch.setattr(query_expansion, 'COLUMNS', columns)
    gallery = units(12, 4, 2)
    augmented = database_augmentation(gallery, 3, weights, block=5)
    for row in range(12):
        others = sorted(set(range(12)) - {row}, key=lambda g: -float(gallery[g] @ gallery[row]))
        total = sum(w * gallery[g] for w, g in zip(of_rank, [row, *others]))
        assert torch.allclose(augmented[row], total / total.norm(), atol=1e-6)


def test_of_equal_images_each_is_its_own_first_and_the_other_its_neighbour():
    gallery = torch.tensor([[1.0, 0], [1, 0], [0.6, 0.8]])
    augmented = database_augmentation(gallery, 2, 'mean')
    third = torch.tensor([1.6, 0.8])
    expected = torch.stack([gallery[0], gallery[1], third / third.norm()])
    assert torch.allclose(augmented, expected)


def test_nothing_added_changes_nothing():
    query, gallery = units(5, 4, 3), units(9, 4, 4)
    assert torch.allclose(alpha_query_expansion(query, gallery, k=0), query)
    assert torch.allclose(database_augmentation(gallery, k=1), gallery)


def test_expansion_finds_more_where_persons_are_clusters():
    generator = torch.Generator().manual_seed(5)
    centres = torch.randn(20, 32, generator=generator)
    query_pids, gallery_pids = torch.arange(60) % 20, torch.arange(200) % 20
    query = nnf.normalize(centres[query_pids] + 1.5 * torch.randn(60, 32, generator=generator))
    gallery = nnf.normalize(centres[gallery_pids] + 1.5 * torch.randn(200, 32, generator=generator))
    labels = (query_pids, gallery_pids, [0] * 60, [1] * 200)
    before = evaluate(query, gallery, RetrievalLabels(*labels)).mAP
    expanded = alpha_query_expansion(query, gallery, k=5)
    assert evaluate(expanded, gallery, RetrievalLabels(*labels)).mAP > before + 0.02
    augmented = database_augmentation(gallery, k=5)
    assert evaluate(query, augmented, RetrievalLabels(*labels)).mAP > before + 0.02


def test_wrong_arguments_are_refused_with_the_limits():
    x = units(4, 3, 6)
    with pytest.raises(ValueError, match=r'k=5 must be within 0\.\.4'):
        alpha_query_expansion(x, x, k=5)
    with pytest.raises(ValueError, match=r'k=0 must be within 1\.\.4'):
        database_augmentation(x, k=0)
    with pytest.raises(ValueError, match='alpha=-1'):
        alpha_query_expansion(x, x, k=2, alpha=-1)
    with pytest.raises(ValueError, match="'linear'; known: rank, mean"):
        database_augmentation(x, k=2, weights='linear')
    with pytest.raises(ValueError, match=r'\(4, 3\).*\(4, 2\)'):
        alpha_query_expansion(x, x[:, :2], k=2)
    broken = x.clone()
    broken[2, 0] = torch.inf
    with pytest.raises(ValueError, match='1 of 4 query rows: 2;'):
        alpha_query_expansion(broken, x, k=2)
