"""CentroidBank: momentum centroids of clusters, or of their images under each camera."""

import torch
import torch.nn.functional as nnf
from mmengine.dist import broadcast
from torch import Tensor

from reidgen.choices import one_of
from reidgen.registry import MEMORIES
from reidgen.structures import Proxies

from .bank import FeatureBank

UPDATES = ('all', 'hardest')


@MEMORIES.register_module()
class CentroidBank(FeatureBank):
    """Momentum centroid of each cluster (cluster contrast: Dai et al., ACCV 2022, section 3.2).

    At each clustering a centroid is the normalised mean of its images' features; between them it
    follows the embeddings of the batches:

        c <- normalise(momentum * c + (1 - momentum) * normalise(embedding))

    With `per_camera` a cluster has one centroid for each camera that took images of it, its proxies
    (Wang et al., AAAI 2021). Centroids are buffers of N rows, as there may be as many: saved with
    the model, and equal on all processes. The features of the images are only held to be clustered
    and are not saved.

    Args:
        num_samples: N, training images of the domain.
        dim: D of the embeddings.
        momentum: share of the old centroid in an update: 0.1 in cluster contrast, 0.2 in
            camera-aware proxies.
        per_camera: one centroid for each cluster and camera.
        update_by: 'all': the embeddings of a centroid's images one after another, in the order of
            the batch; 'hardest': the one least similar to its centroid alone (eq. 6).

    Raises:
        ValueError: momentum is no share, or an unknown `update_by`.
    """

    keeps_rows = False
    centroids: Tensor
    clusters: Tensor
    cameras: Tensor
    own: Tensor
    num_centroids: Tensor

    def __init__(
        self,
        num_samples: int,
        dim: int,
        momentum: float = 0.1,
        per_camera: bool = False,
        update_by: str = 'all',
    ):
        super().__init__(num_samples, dim, momentum)
        self.per_camera, self.update_by = per_camera, one_of(update_by, UPDATES, 'update_by')
        self.register_buffer('features', self.features, persistent=False)
        self.register_buffer('filled', self.filled, persistent=False)
        self.register_buffer('centroids', torch.zeros(num_samples, dim))
        for name in ('clusters', 'cameras', 'own'):
            self.register_buffer(name, torch.full((num_samples,), -1, dtype=torch.int64))
        self.register_buffer('num_centroids', torch.tensor(0))

    @torch.no_grad()
    def set_labels(self, labels: Tensor, camids: Tensor | None = None) -> None:
        """Makes the centroids anew, of the features that the bank has been filled with.

        Args:
            labels: (N,) clusters, -1 = outlier.
            camids: (N,) cameras of the images; needed with `per_camera`.

        Raises:
            RuntimeError: the bank has not been filled.
            ValueError: `per_camera` without cameras.
        """
        self._check_filled()
        super().set_labels(labels)
        cameras = torch.full_like(self.labels, -1)
        if self.per_camera:
            if camids is None:
                raise ValueError(
                    'model.bank.per_camera is True, but the data set tells no cameras (camids); '
                    'give it them, or set per_camera=False'
                )
            cameras = camids.to(self.labels)
        inside = self.labels >= 0
        pairs = torch.stack([self.labels, cameras], dim=1)[inside]
        found, place = pairs.unique(dim=0, return_inverse=True)  # sorted by cluster, then camera
        sums = self.features.new_zeros(len(found), self.dim)
        sums.index_add_(0, place, self.features[inside])
        for buffer, rows in (
            (self.centroids, nnf.normalize(sums)),
            (self.clusters, found[:, 0]),
            (self.cameras, found[:, 1]),
        ):
            buffer.fill_(-1 if buffer.ndim == 1 else 0)[: len(found)] = rows
        self.own.fill_(-1)[inside] = place
        self.num_centroids.fill_(len(found))
        broadcast(self.centroids)  # sums on a GPU are in no defined order

    def proxies(self) -> Proxies:
        """Centroids as they stand, not copied.

        Raises:
            RuntimeError: no clustering has made any.
        """
        number = int(self.num_centroids)
        if number == 0:
            raise RuntimeError(
                'the CentroidBank has no centroids; fill it with the features of all training '
                'images and set labels first (PseudoLabelHook does so)'
            )
        return Proxies(
            self.centroids[:number], self.clusters[:number], self.cameras[:number], self.own
        )

    @torch.no_grad()
    def update(self, index: Tensor, embedding: Tensor) -> None:
        """Momentum update of the centroids of a batch's images; outliers are passed over.

        Every process updates by the images of all processes, in order of their ranks.

        Args:
            index: (B,) rows of the images, of this process; B is the same on all.
            embedding: (B, D), not normalised.

        Raises:
            RuntimeError: no clustering has made centroids.
            FloatingPointError: NaN or infinite embeddings; nothing was written.
        """
        self.proxies()  # raises
        index, embedding = self._gathered(index, embedding)
        inside = self.own[index] >= 0
        own, new = self.own[index[inside]], nnf.normalize(embedding[inside])
        if self.update_by == 'hardest':
            order = (new * self.centroids[own]).sum(1).argsort(stable=True)
            own, new = own[order], new[order]
        before = (own[:, None] == own[None]).tril(diagonal=-1).sum(1)  # of its centroid
        turns = int(before.max()) + 1 if len(own) else 0
        for turn in range(turns if self.update_by == 'all' else min(turns, 1)):
            # each centroid is written once in an assignment, which has no order on a GPU
            rows, moved = own[before == turn], new[before == turn]
            self.centroids[rows] = nnf.normalize(
                self.momentum * self.centroids[rows] + (1 - self.momentum) * moved
            )

    def read(self) -> tuple[Tensor, Tensor]:
        """Raises TypeError: this memory keeps no feature of an image."""
        raise TypeError(
            'CentroidBank keeps centroids and no feature of an image; use a criterion that reads '
            'centroids, ProxyContrast, or a FeatureBank'
        )
