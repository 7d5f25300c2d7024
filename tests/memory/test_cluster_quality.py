"""Purity and completeness of clusters against known identities."""

import pytest
import torch

from reidgen.memory import cluster_quality


def quality(labels, pids):
    return cluster_quality(torch.tensor(labels), torch.tensor(pids))


def test_shares_are_counted_by_hand():
    #  cluster 0: 7 7 8      cluster 1: 8 8      outliers: 7 9
    found = quality([0, 0, 0, 1, 1, -1, -1], [7, 7, 8, 8, 8, 7, 9])
    assert found.purity == pytest.approx((2 + 2) / 5)  # of the five in clusters
    assert found.completeness == pytest.approx((2 + 2 + 0) / 7)  # 7: two of three, 8: two, 9: none


def test_perfect_clusters_have_both_whatever_their_numbers():
    assert quality([4, 4, 1, 1, 9], [1, 1, 0, 0, 5]) == (1.0, 1.0)


def test_one_cluster_of_all_is_complete_and_single_images_are_pure():
    pids = [0, 0, 1, 1, 2, 2]
    assert quality([0] * 6, pids) == pytest.approx((1 / 3, 1.0))
    assert quality(range_of(6), pids) == pytest.approx((1.0, 1 / 2))


def range_of(count: int) -> list[int]:
    return list(range(count))


def test_images_of_unknown_identity_are_left_out():
    assert quality([0, 0, 0, 1], [5, 5, -1, -1]) == (1.0, 1.0)
    assert quality([0, 0], [-1, -1]) is None


def test_outliers_alone_are_neither_pure_nor_complete():
    assert quality([-1, -1], [3, 4]) == (0.0, 0.0)


def test_one_identity_a_label_is_asked_for():
    with pytest.raises(ValueError, match=r'labels are \(3,\) and pids \(2,\); give one'):
        quality([0, 0, 1], [1, 2])
