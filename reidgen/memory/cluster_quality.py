"""Quality of pseudo-labels where the true identities are known."""

from typing import NamedTuple

import torch
from torch import Tensor


class ClusterQuality(NamedTuple):
    """Agreement of clusters with identities, shares from 0 to 1; the one falls as the other rises.

    `purity` is low where clusters hold several people, `completeness` where people are scattered
    over clusters or left out.
    """

    purity: float  # of the images in clusters, those of the most frequent identity of their cluster
    completeness: float  # of all images, those in the cluster with most images of their identity


def cluster_quality(labels: Tensor, pids: Tensor) -> ClusterQuality | None:
    """Purity and inverse purity of clusters (Amigo et al., Information Retrieval 2009).

    An outlier is in no cluster: it counts against completeness, and not for purity.

    Args:
        labels: (N,) int64 clusters, -1 for outliers.
        pids: (N,) int64 true identities; -1 where unknown, such images are left out.

    Returns:
        None where no identity is known. Purity is 0 where there is no cluster.

    Raises:
        ValueError: not one identity a label.
    """
    if labels.shape != pids.shape or labels.ndim != 1:
        raise ValueError(
            f'labels are {tuple(labels.shape)} and pids {tuple(pids.shape)}; give one of each an '
            f'image'
        )
    known = pids >= 0
    if not known.any():
        return None
    inside = known & (labels >= 0)
    if not inside.any():
        return ClusterQuality(0.0, 0.0)
    pairs, count = torch.stack([labels[inside], pids[inside]]).unique(dim=1, return_counts=True)
    purity = _largest(pairs[0], count).sum().item() / int(inside.sum())
    completeness = _largest(pairs[1], count).sum().item() / int(known.sum())
    return ClusterQuality(purity, completeness)


def _largest(group: Tensor, count: Tensor) -> Tensor:
    """Largest count of each group, in order of the groups."""
    groups, place = group.unique(return_inverse=True)
    return count.new_zeros(len(groups)).scatter_reduce(0, place, count, 'amax')
