"""CentroidBank on three clusters worked out by hand, cameras, updates, and what is saved."""

import pytest
import torch

from reidgen.memory import CentroidBank, FeatureBank
from reidgen.memory import bank as bank_module
from reidgen.registry import MEMORIES

FEATURES = torch.tensor(
    [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [-1.0, 0.0], [0.0, -1.0], [-1.0, 0.0], [0.0, -3.0]]
)
LABELS = torch.tensor([0, 0, 1, 2, 2, 2, -1])
CAMIDS = torch.tensor([0, 4, 4, 1, 0, 1, 0])


def unit(x: torch.Tensor) -> torch.Tensor:
    return x / x.norm(dim=-1, keepdim=True)


def clustered(labels=LABELS, **options) -> CentroidBank:
    bank = CentroidBank(7, 2, **options)
    bank.fill(FEATURES, bank.labels)
    bank.set_labels(labels, CAMIDS)
    return bank


def test_centroids_are_normalised_means_of_clusters_and_outliers_have_none():
    found = clustered().proxies()
    expected = unit(torch.tensor([[1.0, 1.0], [0.6, 0.8], [-2.0, -1.0]]))
    torch.testing.assert_close(found.centroids, expected)
    assert found.clusters.tolist() == [0, 1, 2]
    assert found.cameras.tolist() == [-1, -1, -1]
    assert found.own.tolist() == [0, 0, 1, 2, 2, 2, -1]


def test_a_cluster_has_a_proxy_for_each_of_its_cameras():
    found = clustered(per_camera=True).proxies()
    expected = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [0.0, -1.0], [-1.0, 0.0]])
    torch.testing.assert_close(found.centroids, expected)
    assert found.clusters.tolist() == [0, 0, 1, 2, 2]
    assert found.cameras.tolist() == [0, 4, 4, 0, 1]
    assert found.own.tolist() == [0, 1, 2, 4, 3, 4, -1]


def test_a_new_clustering_leaves_nothing_of_the_one_before():
    bank = clustered(per_camera=True)
    bank.fill(FEATURES.flip(1), bank.labels)
    bank.set_labels(torch.tensor([-1, -1, 8, 8, -1, 5, -1]), torch.zeros(7))
    fresh = CentroidBank(7, 2, per_camera=True)
    fresh.fill(FEATURES.flip(1), fresh.labels)
    fresh.set_labels(bank.labels, torch.zeros(7))
    for name, value in fresh.state_dict().items():
        assert torch.equal(value, bank.state_dict()[name]), name
    assert bank.proxies().clusters.tolist() == [5, 8]


def test_every_query_of_the_batch_moves_its_centroid_in_turn():
    bank = clustered(momentum=0.25)
    before = bank.proxies().centroids.clone()
    queries = torch.tensor([[0.0, 5.0], [9.0, 9.0], [3.0, 0.0], [1.0, 1.0]])
    bank.update(torch.tensor([3, 6, 5, 0]), queries)  # of clusters 2, outlier, 2, 0
    one = unit(0.25 * before[2] + 0.75 * torch.tensor([0.0, 1.0]))
    two = unit(0.25 * one + 0.75 * torch.tensor([1.0, 0.0]))
    zero = unit(0.25 * before[0] + 0.75 * unit(torch.tensor([1.0, 1.0])))
    expected = torch.stack([zero, before[1], two])
    torch.testing.assert_close(bank.proxies().centroids, expected)


def test_the_hardest_query_of_each_cluster_alone_moves_its_centroid():
    bank = clustered(momentum=0.25, update_by='hardest')
    before = bank.proxies().centroids.clone()
    # similarities to centroid 2, (-2, -1) / sqrt 5: -1, 2, 1 over sqrt 5; to centroid 0: all equal
    queries = torch.tensor([[0.0, 7.0], [-1.0, 0.0], [0.0, -1.0], [0.0, 2.0], [2.0, 0.0]])
    bank.update(torch.tensor([5, 3, 4, 1, 0]), queries)
    up = torch.tensor([0.0, 1.0])  # the hardest of cluster 2, and the first of cluster 0's equals
    expected = before.clone()
    expected[[0, 2]] = unit(0.25 * before[[0, 2]] + 0.75 * up)
    torch.testing.assert_close(bank.proxies().centroids, expected)


@pytest.mark.parametrize('update_by', ['all', 'hardest'])
def test_momentum_1_keeps_centroids_and_0_replaces_them_by_the_last_or_hardest(update_by):
    rows = torch.tensor([3, 4])
    queries = torch.tensor([[0.0, 2.0], [-5.0, 0.0]])  # the first is the less similar one
    for momentum in (0.0, 1.0):
        bank = clustered(momentum=momentum, update_by=update_by)
        before = bank.proxies().centroids.clone()
        bank.update(rows, queries)
        replaced = unit(queries)[1 if update_by == 'all' else 0]
        expected = replaced if momentum == 0 else before[2]
        torch.testing.assert_close(bank.proxies().centroids[2], expected)
        assert torch.equal(bank.proxies().centroids[:2], before[:2])


def test_a_proxy_is_moved_by_images_of_its_own_camera_alone():
    bank = clustered(per_camera=True, momentum=0.0)
    before = bank.proxies().centroids.clone()
    bank.update(torch.tensor([3, 6]), torch.tensor([[0.6, 0.8], [1.0, 1.0]]))
    expected = before.clone()
    expected[4] = torch.tensor([0.6, 0.8])  # cluster 2 under camera 1
    torch.testing.assert_close(bank.proxies().centroids, expected)


@pytest.mark.parametrize('update_by', ['all', 'hardest'])
def test_several_processes_update_by_the_queries_of_all_in_order(update_by, monkeypatch):
    index, queries = torch.tensor([3, 0, 5, 4]), torch.randn(4, 2)
    alone = clustered(update_by=update_by)
    alone.update(index, queries)
    gathered = iter([index.split(2), queries.split(2)])
    monkeypatch.setattr(bank_module, 'all_gather', lambda own: next(gathered))
    second = clustered(update_by=update_by)
    second.update(index[2:], queries[2:])
    assert torch.equal(alone.centroids, second.centroids)


def test_what_is_saved_goes_on_where_it_was_and_holds_no_feature_of_an_image():
    bank = clustered(per_camera=True)
    bank.update(torch.tensor([0, 5]), torch.randn(2, 2))
    assert 'features' not in bank.state_dict()
    again = CentroidBank(7, 2, per_camera=True)
    again.load_state_dict(bank.state_dict())
    index, queries = torch.tensor([1, 4, 3]), torch.randn(3, 2)
    for each in (bank, again):
        each.update(index, queries)
    for one, other in zip(bank.proxies(), again.proxies()):
        assert torch.equal(one, other)
    assert torch.equal(bank.labels, again.labels)


def test_all_images_outliers_leave_no_centroid():
    bank = clustered(labels=torch.full((7,), -1))
    assert bank.num_centroids == 0
    for use in (bank.proxies, lambda: bank.update(torch.tensor([0]), torch.ones(1, 2))):
        with pytest.raises(RuntimeError, match='has no centroids; fill it'):
            use()


def test_a_batch_of_outliers_moves_nothing_and_numbers_that_are_none_are_refused():
    bank = clustered()
    before = bank.centroids.clone()
    bank.update(torch.tensor([6]), torch.ones(1, 2))
    with pytest.raises(FloatingPointError, match='the first for row 3: look at the encoder'):
        bank.update(torch.tensor([0, 3]), torch.tensor([[1.0, 0.0], [torch.nan, 0.0]]))
    assert torch.equal(bank.centroids, before)


def test_wrong_use_is_told_with_the_fix():
    with pytest.raises(RuntimeError, match='has not been filled'):
        CentroidBank(7, 2).set_labels(LABELS)
    bank = CentroidBank(7, 2, per_camera=True)
    bank.fill(FEATURES, LABELS)
    with pytest.raises(ValueError, match=r'per_camera is True, but .* no cameras'):
        bank.set_labels(LABELS)
    with pytest.raises(TypeError, match=r'keeps centroids .* use a criterion that reads centroids'):
        bank.read()
    with pytest.raises(ValueError, match="update_by is 'mean'"):
        MEMORIES.build(dict(type='CentroidBank', num_samples=7, dim=2, update_by='mean'))


def test_a_feature_bank_takes_labels_and_passes_over_cameras():
    bank = FeatureBank(7, 2)
    bank.fill(FEATURES, torch.zeros(7))
    bank.set_labels(LABELS, CAMIDS)
    assert torch.equal(bank.labels, LABELS)
