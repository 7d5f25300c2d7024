"""Samplers of clusters and of proxies, the images of a cluster under one camera."""

from itertools import islice

import pytest
import torch

from reidgen.datasets import ClusterSampler, ProxySampler, ShapesReID
from reidgen.datasets.cluster_samplers import TooFewClusters


@pytest.fixture(scope='module')
def data() -> ShapesReID:
    return ShapesReID('a', num_identities=7, images_per_identity=3)  # 21 images


def take(sampler, num: int) -> list:
    return list(islice(iter(sampler), num))


def test_a_cluster_batch_holds_p_clusters_of_k_images_and_no_outlier(data):
    sampler = ClusterSampler(data, 6, num_identities=3, num_images=2)
    labels = torch.tensor([-1, 0, 0, 5, 5, 5, 2, 2, -1, 7, 7, 7, 7] + [-1] * 8)
    sampler.set_labels(labels)
    drawn = torch.tensor([draw.index for draw in take(sampler, 60)])
    found = labels[drawn].view(10, 3, 2)
    assert (found >= 0).all()
    assert (found[:, :, 0] == found[:, :, 1]).all()
    assert all(len(set(batch)) == 3 for batch in found[:, :, 0].tolist())
    assert set(labels[drawn].tolist()) == {0, 2, 5, 7}


def test_a_running_cluster_sampler_is_not_disturbed_by_new_labels(data):
    def first_six(change: bool) -> list:
        sampler = ClusterSampler(data, 4, num_identities=2, num_images=2)
        sampler.set_labels(torch.arange(21) // 3)
        drawn = iter(sampler)
        head = list(islice(drawn, 2))
        if change:
            sampler.set_labels(torch.arange(21) // 7)
        return head + list(islice(drawn, 40))

    assert first_six(True) == first_six(False)


def test_a_cluster_sampler_needs_labels_and_enough_clusters(data):
    sampler = ClusterSampler(data, 4, num_identities=2, num_images=2)
    with pytest.raises(RuntimeError, match='has not been clustered; add PseudoLabelHook'):
        next(iter(sampler))
    with pytest.raises(TooFewClusters, match=r'has 1 clusters, fewer than num_ident.* raise eps'):
        sampler.set_labels(torch.tensor([0] * 20 + [-1]))
    with pytest.raises(ValueError, match=r'labels have the shape \(3,\), but .* has 21 images'):
        sampler.set_labels(torch.zeros(3))


def test_a_proxy_batch_holds_p_clusters_under_one_camera_each_as_often_as_any_other(data):
    labels = torch.tensor([-1, 0, 0, 5, 5, 5, 2, 2, -1, 7, 7, 7, 7] + [-1] * 8)
    pairs = torch.stack([labels, data.camids], dim=1)
    proxies = {tuple(pair) for pair in pairs[labels >= 0].tolist()}
    assert len(proxies) > 4 == len(labels[labels >= 0].unique())  # some cluster has two cameras
    sampler = ProxySampler(data, 2 * len(proxies), num_identities=len(proxies), num_images=2)
    sampler.set_labels(labels)
    drawn = pairs[torch.tensor([draw.index for draw in take(sampler, 4 * len(proxies))])]
    for batch in drawn.view(2, len(proxies), 2, 2).tolist():
        assert {tuple(one) for one, _ in batch} == proxies
        assert all(one == other for one, other in batch)


def test_a_proxy_sampler_needs_enough_proxies(data):
    sampler = ProxySampler(data, 16, num_identities=8, num_images=2)
    number = len({tuple(pair) for pair in zip([0] * 21, data.camids.tolist())})
    with pytest.raises(TooFewClusters, match=f'has {number} proxies, fewer than num_identities=8'):
        sampler.set_labels(torch.zeros(21))


@pytest.fixture(scope='module')
def many() -> ShapesReID:
    """120 images of 20 persons by 3 cameras, labelled by their persons as if by clusters."""
    data = ShapesReID('a', num_identities=20, images_per_identity=6, size=(8, 4))
    data.camids = torch.arange(len(data)) % 3
    return data


def test_groups_of_a_proxy_batch_are_each_of_one_camera_and_of_different_clusters(many):
    labels = torch.arange(len(many)) // 6
    sampler = ProxySampler(many, 16, num_identities=8, num_images=2, num_groups=2)
    sampler.set_labels(labels)
    batches = sampler.batches_per_pass  # 20 proxies a camera are 5 groups, 15 in all
    assert batches == 7
    draws = take(sampler, 16 * batches)
    rows = torch.tensor([draw.index for draw in draws]).view(batches, 2, 4, 2)
    for group in rows.flatten(0, 1):
        assert len(many.camids[group].unique()) == 1
        assert len(labels[group[:, 0]].unique()) == 4
        assert torch.equal(labels[group[:, 0]], labels[group[:, 1]])
    assert sum(torch.equal(*many.camids[batch[:, 0, 0]].split(1)) for batch in rows) < batches


def test_a_pass_of_groups_can_be_resumed_anywhere_and_shared_by_processes(many):
    labels = torch.arange(len(many)) // 6
    options = dict(batch_size=8, num_identities=4, num_images=2, num_groups=2)

    def drawn(number: int, start: int = 0, **place) -> list:
        sampler = ProxySampler(many, **options, **place)
        sampler.set_labels(labels)
        sampler.set_start(start)
        return take(sampler, number)

    whole = drawn(8 * 40)
    assert drawn(8 * 40 - 8 * 17, start=17) == whole[8 * 17 :]
    ranks = [drawn(8 * 10, rank=rank, world_size=2) for rank in range(2)]
    assert not set(ranks[0][:8]) & set(ranks[1][:8])


@pytest.mark.parametrize(
    'num_groups, error, message',
    [
        (3, ValueError, 'which are no 3 equal groups; set num_groups to a divisor of it'),
        (0, ValueError, 'num_groups is 0; it must be a whole number from 1'),
        (2, TooFewClusters, 'fewer than 2 x 1 groups of 16; lower num_groups'),
    ],
)
def test_groups_that_cannot_be_are_refused(num_groups, error, message, many):
    identities = 32 if error is TooFewClusters else 8
    labels = torch.tensor([0, 1, 2] * 40) + 3 * (torch.arange(120) // 8)

    def labelled() -> None:
        options = dict(num_identities=identities, num_images=1, num_groups=num_groups)
        ProxySampler(many, identities, **options).set_labels(labels)

    with pytest.raises(error, match=message):
        labelled()
