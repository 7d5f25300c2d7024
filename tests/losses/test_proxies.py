"""Contrast over centroids on hand-made clusters, and the formulas in loops."""

import math

import pytest
import torch

from reidgen.losses import InterCameraContrast, ProxyContrast
from reidgen.structures import Proxies


class Bank:
    """Memory of given centroids."""

    def __init__(self, centroids, clusters, cameras, own):
        numbers = (torch.as_tensor(each) for each in (clusters, cameras, own))
        self.known = Proxies(unit(torch.as_tensor(centroids)), *numbers)

    def proxies(self) -> Proxies:
        return self.known


def unit(x: torch.Tensor) -> torch.Tensor:
    return x / x.norm(dim=-1, keepdim=True)


def three_clusters() -> Bank:
    """Clusters 0, 1, 2 on the axes; rows 0, 1, 2 are theirs, row 3 is an outlier."""
    return Bank(torch.eye(3), [0, 1, 2], [-1, -1, -1], [0, 1, 2, -1])


def random_proxies() -> Bank:
    """Clusters of 3, 1, 2 and 3 cameras; nine images, one an outlier."""
    torch.manual_seed(0)
    clusters, cameras = [0, 0, 0, 1, 2, 2, 3, 3, 3], [0, 1, 2, 0, 1, 2, 0, 1, 2]
    return Bank(torch.randn(9, 5), clusters, cameras, [2, 8, 3, -1, 5, 0, 4, 7, 6])


def similarities(bank: Bank, u: torch.Tensor, temperature: float) -> list[list[float]]:
    """e^(u . c / t) in plain numbers."""
    c = bank.known.centroids
    return [[math.exp(float(unit(x) @ row) / temperature) for row in c] for x in u]


# ---- cluster contrast ----


def test_three_orthogonal_clusters_have_the_closed_form():
    bank, e = three_clusters(), math.exp(1 / 0.05)
    loss = ProxyContrast(0.05)(bank, 9 * torch.eye(3), torch.tensor([0, 1, 2]))
    assert loss.item() == pytest.approx(math.log1p(2 / e), abs=1e-8)
    # between its own cluster and another: half the probability, but for the third
    u = torch.tensor([[1.0, 1.0, 0.0]])
    half = math.exp(2**-0.5 / 0.05)
    loss = ProxyContrast(0.05)(bank, u, torch.tensor([1]))
    assert loss.item() == pytest.approx(-math.log(half / (2 * half + 1)), rel=1e-6)


def test_the_gradient_pulls_to_the_own_centroid_and_leaves_the_memory_alone():
    bank = three_clusters()
    u = torch.tensor([[1.0, 1.0, 1.0]], requires_grad=True)
    ProxyContrast()(bank, u, torch.tensor([2])).backward()
    assert u.grad[0, 2] < 0 < u.grad[0, 0]
    torch.testing.assert_close(u.grad[0, 0], u.grad[0, 1])
    assert not bank.known.centroids.requires_grad


# ---- camera-aware proxies ----


def test_intra_camera_loss_equals_its_formula_in_loops():
    bank, u = random_proxies(), torch.randn(5, 5)
    index = torch.tensor([0, 1, 3, 4, 6])
    cameras, terms = bank.known.cameras.tolist(), []
    for row, shares in zip(index.tolist(), similarities(bank, u, 0.2)):
        own = int(bank.known.own[row])
        if own >= 0:
            rivals = [s for s, camera in zip(shares, cameras) if camera == cameras[own]]
            terms.append(-math.log(shares[own] / sum(rivals)))
    loss = ProxyContrast(0.2, same_camera=True)(bank, u, index)
    assert len(terms) == 4
    assert loss.item() == pytest.approx(sum(terms) / 4, rel=1e-5)


@pytest.mark.parametrize('num_negatives', [1, 3, 50])
def test_inter_camera_loss_equals_its_formula_in_loops(num_negatives):
    bank, u = random_proxies(), torch.randn(6, 5)
    index = torch.tensor([0, 1, 2, 3, 4, 5])  # row 2 is of the cluster that one camera has seen
    clusters, cameras, terms = bank.known.clusters.tolist(), bank.known.cameras.tolist(), []
    for row, shares in zip(index.tolist(), similarities(bank, u, 0.3)):
        own = int(bank.known.own[row])
        cluster, camera = clusters[own], cameras[own]
        positives = [
            s for s, k, c in zip(shares, clusters, cameras) if k == cluster and c != camera
        ]
        negatives = sorted((s for s, k in zip(shares, clusters) if k != cluster), reverse=True)
        if own >= 0 and positives:
            total = sum(positives) + sum(negatives[:num_negatives])
            terms.append(sum(-math.log(p / total) for p in positives) / len(positives))
    loss = InterCameraContrast(0.3, num_negatives)(bank, u, index)
    assert len(terms) == 4
    assert loss.item() == pytest.approx(sum(terms) / 4, rel=1e-5)


def test_a_person_seen_by_two_cameras_has_the_closed_form():
    # the image is cluster 0 under camera 0; under camera 1 its cluster is the second axis
    bank = Bank(torch.eye(4), [0, 0, 1, 2], [0, 1, 0, 1], [0])
    u = torch.tensor([[0.0, 1.0, 0.0, 0.0]])
    e = math.exp(1 / 0.5)
    loss = InterCameraContrast(0.5)(bank, u, torch.tensor([0]))
    assert loss.item() == pytest.approx(-math.log(e / (e + 2)), rel=1e-6)  # not the own proxy
    loss = InterCameraContrast(0.5, num_negatives=1)(bank, u, torch.tensor([0]))
    assert loss.item() == pytest.approx(-math.log(e / (e + 1)), rel=1e-6)


def test_the_gradient_of_the_inter_camera_loss_is_finite_with_fewer_negatives_than_asked_for():
    bank, u = random_proxies(), torch.randn(3, 5, requires_grad=True)
    InterCameraContrast(0.07, 50)(bank, u, torch.tensor([0, 2, 4])).backward()
    assert u.grad.isfinite().all()
    assert u.grad[0].any()
    assert not u.grad[1].any()  # no other camera has seen it


# ---- both ----

CRITERIA = [ProxyContrast(), ProxyContrast(same_camera=True), InterCameraContrast()]


@pytest.mark.parametrize('criterion', CRITERIA)
def test_a_batch_of_outliers_costs_nothing_and_backpropagates(criterion):
    u = torch.randn(2, 5, requires_grad=True)
    loss = criterion(random_proxies(), u, torch.tensor([3, 3]))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(u.grad, torch.zeros(2, 5))


@pytest.mark.parametrize('criterion', CRITERIA)
def test_the_length_of_embeddings_and_autocast_change_nothing(criterion):
    bank, u, index = random_proxies(), torch.randn(3, 5), torch.tensor([0, 1, 4])
    plain = criterion(bank, u, index)
    assert criterion(bank, 7 * u, index).item() == pytest.approx(plain.item(), rel=1e-5)
    with torch.autocast('cpu', torch.bfloat16):
        again = criterion(bank, u, index)
    assert again.dtype == torch.float32
    assert torch.equal(again, plain)


def test_numbers_without_meaning_are_refused():
    for kind in (ProxyContrast, InterCameraContrast):
        with pytest.raises(ValueError, match='temperature is 0; set it above 0'):
            kind(temperature=0)
    with pytest.raises(ValueError, match='num_negatives is 0; set it to 1 or more'):
        InterCameraContrast(num_negatives=0)
