"""PartCentroidBank: centroids of images and of each of their parts, and how far they agree."""

from typing import Any

import torch
from torch import Tensor, nn

from reidgen.choices import check_count
from reidgen.memory import CentroidBank
from reidgen.registry import MEMORIES

from .agreement import cross_agreement


@MEMORIES.register_module()
class PartCentroidBank(CentroidBank):
    """CentroidBank with as many centroids of each part, and the cross-agreement of each image.

    Clusters are of the features of whole images. Parts have the same clusters, and centroids of
    their own. `fill` and `update` take an image's embedding and its parts' in a row, (1 + P) * D
    numbers.

    Args:
        num_samples: N, training images of the domain.
        dim: D of the embeddings.
        num_parts: P.
        num_neighbours: k of the cross-agreement score, 20 as published; the image itself counts.
        options: of CentroidBank.

    Attributes:
        parts: a CentroidBank for each part.
        agreement: (N, P) float32, cross-agreement of the whole with each part.

    Raises:
        ValueError: P or k is below 1; in `set_labels`, k is above N.
    """

    agreement: Tensor

    def __init__(
        self,
        num_samples: int,
        dim: int,
        num_parts: int = 3,
        num_neighbours: int = 20,
        **options: Any,
    ):
        super().__init__(num_samples, dim, **options)
        check_count('num_parts', num_parts)
        check_count('num_neighbours', num_neighbours)
        self.num_parts, self.num_neighbours = num_parts, num_neighbours
        self.parts = nn.ModuleList(
            CentroidBank(num_samples, dim, **options) for _ in range(num_parts)
        )
        self.register_buffer('agreement', torch.ones(num_samples, num_parts))

    @torch.no_grad()
    def fill(self, features: Tensor, labels: Tensor) -> None:
        """Writes the features of all images, (N, (1 + P) * D); errors as of FeatureBank."""
        whole, *parts = self._split(features)
        super().fill(whole, labels)
        for bank, part in zip(self.parts, parts):
            bank.fill(part, labels)

    @torch.no_grad()
    def set_labels(self, labels: Tensor, camids: Tensor | None = None) -> None:
        """Centroids of the whole and of the parts, and their cross-agreement."""
        super().set_labels(labels, camids)
        for number, bank in enumerate(self.parts):
            bank.set_labels(labels, camids)
            self.agreement[:, number] = cross_agreement(
                self.features, bank.features, self.num_neighbours
            )

    @torch.no_grad()
    def update(self, index: Tensor, embedding: Tensor) -> None:
        """Momentum update by embeddings (B, (1 + P) * D); errors as of CentroidBank."""
        whole, *parts = self._split(embedding)
        super().update(index, whole)
        for bank, part in zip(self.parts, parts):
            bank.update(index, part)

    def _split(self, embedding: Tensor) -> tuple[Tensor, ...]:
        width = (1 + self.num_parts) * self.dim
        if embedding.shape[1:] != (width,):
            raise ValueError(
                f'the bank holds {1 + self.num_parts} x {self.dim} numbers a row, the whole and '
                f'{self.num_parts} parts, but embeddings are {tuple(embedding.shape)}; cluster '
                f'with PartPseudoLabelHook, and let model.bank.num_parts be that of E_c'
            )
        return embedding.split(self.dim, dim=1)
