"""Samplers by pseudo-labels, which change during a training."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reidgen.choices import check_count
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.samplers import EndlessSampler, IdentitySampler, RowsOfPass, permutation
from reidgen.registry import DATA_SAMPLERS
from reidgen.structures import SeededIndex


class TooFewClusters(ValueError):
    """Clusters of which no batch can be made; the sampler goes on with the labels it had."""


@DATA_SAMPLERS.register_module()
class PseudoLabelSampler(EndlessSampler):
    """Shuffles all images until the first clustering, then all but outliers.

    Labels take effect at the next `iter`; call `set_start` with the batches done so far before it,
    as `divmod(batches, batches_per_pass)` is then the place in the new sequence.
    """

    def __init__(
        self,
        dataset: ReIDDataset,
        batch_size: int,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ):
        super().__init__(dataset, batch_size, seed, rank, world_size)
        self._check_enough()
        self.inliers = np.arange(len(dataset))

    def set_labels(self, labels: Tensor) -> None:
        """Takes the clusters of all images.

        Args:
            labels: (N,) int64, -1 for outliers.

        Raises:
            ValueError: not one label an image.
            TooFewClusters: fewer images than one global batch are left.
        """
        labels = _one_an_image(labels, self.dataset)
        inliers = np.flatnonzero(labels != -1)
        if len(inliers) < self.global_batch:
            raise TooFewClusters(
                f'without outliers {self.dataset.name} has {len(inliers)} of {len(labels)} images, '
                f'fewer than one batch of {self.global_batch} ({self.batch_size} x '
                f'{self.world_size} processes); raise eps or lower min_samples of the clustering, '
                f'or lower batch_size'
            )
        self.inliers = inliers

    def forget_labels(self) -> None:
        """Draws all images again, as before the first clustering."""
        self.inliers = np.arange(len(self.dataset))

    @property
    def batches_per_pass(self) -> int:
        return len(self.inliers) // self.global_batch

    def rows_of_pass(self, number: int) -> np.ndarray:
        return self._rows(self.inliers, number)

    def _frozen_rows(self) -> RowsOfPass:
        inliers = self.inliers
        return lambda number: self._rows(inliers, number)

    def _rows(self, inliers: np.ndarray, number: int) -> np.ndarray:
        kept = len(inliers) // self.global_batch * self.global_batch
        return inliers[permutation(len(inliers), self.seed, number)[:kept]]


@DATA_SAMPLERS.register_module()
class ClusterSampler(IdentitySampler):
    """IdentitySampler of P clusters with K images each by pseudo-labels, outliers left out.

    It has nothing to draw before `set_labels`, which takes effect at the next `iter`; call
    `set_start` with the batches done so far before it, as in PseudoLabelSampler.
    """

    groups = 'clusters'

    def _grouped(self) -> list[np.ndarray]:
        return []

    def _groups_of(self, labels: np.ndarray) -> list[np.ndarray]:
        """Rows of each group that is drawn as an identity; none of an outlier."""
        return [np.flatnonzero(labels == label) for label in np.unique(labels[labels != -1])]

    def set_labels(self, labels: Tensor) -> None:
        """Takes the clusters of all images.

        Args:
            labels: (N,) int64, -1 for outliers.

        Raises:
            ValueError: not one label an image.
            TooFewClusters: fewer clusters, or proxies, than num_identities.
        """
        labels = _one_an_image(labels, self.dataset)
        clusters = self._groups_of(labels)
        if len(clusters) < self.num_identities:
            raise TooFewClusters(
                f'{self.dataset.name} has {len(clusters)} {self.groups}, fewer than '
                f'num_identities={self.num_identities}, and {(labels == -1).sum()} of '
                f'{len(labels)} images are outliers; raise eps or lower min_samples of the '
                f'clustering, or lower num_identities and batch_size'
            )
        self.rows_of = clusters

    def __iter__(self) -> Iterator[SeededIndex]:
        if not self.rows_of:
            raise RuntimeError(
                f'{self.dataset.name} has not been clustered; add PseudoLabelHook to the hooks'
            )
        return super().__iter__()


@DATA_SAMPLERS.register_module()
class ProxySampler(ClusterSampler):
    """ClusterSampler of P proxies, the images of a cluster under one camera, with K images each.

    Proxy-balanced sampling (Wang et al., AAAI 2021): clusters and cameras with few images are drawn
    as often as those with many. Two proxies of a batch may be of one cluster.

    Args:
        num_groups: the P proxies of a batch, on one rank, are so many groups in a row, each of one
            camera: with bn_group = batch_size / num_groups every camera has batch-norm statistics
            of its own in training, too (Zhuang et al., ECCV 2020). A pass leaves out what of a
            camera's proxies makes no group. None: whatever their cameras.
        args, options: of ClusterSampler; `camera_aware` changes nothing here.

    Raises:
        ValueError: P proxies are not so many groups.
    """

    groups = 'proxies'

    def __init__(self, *args: Any, num_groups: int | None = None, **options: Any):
        self.num_groups = num_groups
        super().__init__(*args, **options)
        if num_groups is not None:
            check_count('num_groups', num_groups)
            if self.num_identities % num_groups:
                raise ValueError(
                    f'num_identities is {self.num_identities}, which are no {num_groups} equal '
                    f'groups; set num_groups to a divisor of it'
                )

    def _groups_of(self, labels: np.ndarray) -> list[np.ndarray]:
        camids = self.dataset.camids.numpy()
        proxies = [
            rows[camids[rows] == camid]
            for rows in super()._groups_of(labels)
            for camid in np.unique(camids[rows])
        ]
        if self.num_groups is not None and not self._num_batches(proxies):
            raise TooFewClusters(
                f'{self.dataset.name} has {len(proxies)} proxies, of which the cameras make fewer '
                f'than {self.num_groups} x {self.world_size} groups of {self._group_size}; lower '
                f'num_groups or num_identities'
            )
        return proxies

    @property
    def batches_per_pass(self) -> int:
        if self.num_groups is None:
            return super().batches_per_pass
        return self._num_batches(self.rows_of)

    @property
    def _group_size(self) -> int:
        assert self.num_groups is not None, 'only where there are groups'
        return self.num_identities // self.num_groups

    def _by_camera(self, proxies: list[np.ndarray]) -> list[np.ndarray]:
        """Numbers of the proxies of each camera."""
        cameras = self.dataset.camids.numpy()[[rows[0] for rows in proxies]]
        return [np.flatnonzero(cameras == camera) for camera in np.unique(cameras)]

    def _num_batches(self, proxies: list[np.ndarray]) -> int:
        size = self._group_size
        whole = sum(len(numbers) // size for numbers in self._by_camera(proxies))
        return whole // (self.num_identities // size * self.world_size)

    def _rows(self, rows_of: list[np.ndarray], number: int) -> np.ndarray:
        if self.num_groups is None:
            return super()._rows(rows_of, number)
        size, groups = self._group_size, []
        for place, numbers in enumerate(self._by_camera(rows_of)):
            order = numbers[permutation(len(numbers), self.seed, number, place)]
            groups += np.split(order[: len(order) // size * size], len(order) // size or 1)
        groups = [group for group in groups if len(group)]
        kept = self._num_batches(rows_of) * (self.num_identities // size) * self.world_size
        drawn = permutation(len(groups), self.seed, number)[:kept]
        chosen = np.concatenate([groups[each] for each in drawn])
        return np.concatenate([self._images(rows_of[each], each, number) for each in chosen])


def _one_an_image(labels: Tensor, dataset: ReIDDataset) -> np.ndarray:
    labels = torch.as_tensor(labels).cpu()
    if labels.shape != (len(dataset),):
        raise ValueError(
            f'labels have the shape {tuple(labels.shape)}, but '
            f'{dataset.name} has {len(dataset)} images'
        )
    return labels.numpy()
