"""FeatureBank: features and labels of all training images."""

from collections.abc import Sequence

import torch
import torch.nn.functional as nnf
from mmengine.dist import all_gather
from torch import Tensor, nn

from reidgen.device_reads import ReadOnce
from reidgen.registry import MEMORIES


@MEMORIES.register_module()
class FeatureBank(nn.Module):
    """L2-normalised feature and label of each training image (GCL: Chen et al., CVPR 2021).

    Everything is a buffer, hence saved and moved with the model.

    Args:
        num_samples: N, training images of the domain.
        dim: D of the embeddings.
        momentum: share of the old row in an update.

    Attributes:
        features: (N, D) float32, rows of unit length.
        labels: (N,) int64 identities or clusters, -1 = outlier.
        filled: 0-d bool.
    """

    keeps_rows = True  # between clusterings; without, only fresh features can be clustered
    features: Tensor
    labels: Tensor
    filled: Tensor

    def __init__(self, num_samples: int, dim: int, momentum: float = 0.2):
        super().__init__()
        if not 0 <= momentum <= 1:
            raise ValueError(f'momentum is {momentum}; set the share of the old row, from 0 to 1')
        self.num_samples, self.dim, self.momentum = num_samples, dim, momentum
        self.register_buffer('features', torch.zeros(num_samples, dim))
        self.register_buffer('labels', torch.full((num_samples,), -1, dtype=torch.int64))
        self.register_buffer('filled', torch.tensor(False))
        self._is_filled = ReadOnce(bool)

    @torch.no_grad()
    def fill(self, features: Tensor, labels: Tensor) -> None:
        """Writes all rows.

        Args:
            features: (N, D), in the order of the sorted training list; normalised here.
            labels: (N,) integers.

        Raises:
            ValueError: N or D is not the bank's, or there is not one label a row.
            FloatingPointError: NaN or infinite features.
        """
        if len(features) != self.num_samples:
            raise ValueError(
                f'the bank has {self.num_samples} rows, but there are {len(features)} training '
                f'images; set model.bank.num_samples={len(features)}'
            )
        if features.shape[1:] != (self.dim,):
            raise ValueError(
                f'the bank holds {self.dim} numbers a row, but features are '
                f'{tuple(features.shape)}; set model.bank.dim={features.shape[-1]}'
            )
        if labels.shape != (self.num_samples,):
            raise ValueError(
                f'labels are {tuple(labels.shape)}; give one a row, ({self.num_samples},)'
            )
        _check_finite(features, range(self.num_samples))
        self.features.copy_(nnf.normalize(features.to(self.features)))
        self.labels.copy_(labels)
        self.filled.fill_(True)

    @torch.no_grad()
    def set_labels(self, labels: Tensor, camids: Tensor | None = None) -> None:
        """Writes the labels of a clustering.

        Args:
            labels: (N,) integers, -1 = outlier.
            camids: (N,) cameras, for memories that tell cameras apart; not read here.
        """
        self.labels.copy_(labels)

    def read(self) -> tuple[Tensor, Tensor]:
        """Features and labels, not copied.

        Raises:
            RuntimeError: the bank has not been filled.
        """
        self._check_filled()
        return self.features, self.labels

    @torch.no_grad()
    def update(self, index: Tensor, embedding: Tensor) -> None:
        """Momentum update row <- normalise(momentum * row + (1 - momentum) * normalise(embedding)).

        Every process writes the rows of all processes, so that their banks stay equal. An index
        that comes twice is updated once, from its old row and the last of its embeddings.

        Args:
            index: (B,) rows, of this process; B is the same on all.
            embedding: (B, D), not normalised.

        Raises:
            RuntimeError: the bank has not been filled.
            FloatingPointError: NaN or infinite embeddings; nothing was written.
        """
        self._check_filled()
        index, embedding = self._gathered(index, embedding)
        # a row that comes twice is written in no defined order on a GPU: both write the last
        place = torch.arange(len(index), device=index.device)
        last = torch.where(index[:, None] == index[None], place, -1).amax(1)
        new = nnf.normalize(embedding[last])
        self.features[index] = nnf.normalize(
            self.momentum * self.features[index] + (1 - self.momentum) * new
        )

    def _gathered(self, index: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Rows and embeddings of all processes, in order of their ranks."""
        _check_finite(embedding, index)
        return torch.cat(all_gather(index)), torch.cat(all_gather(embedding.to(self.features)))

    def _check_filled(self) -> None:
        if not self._is_filled(self.filled):
            raise RuntimeError(
                'the FeatureBank has not been filled; call fill(features, labels) '
                'with all training images first (MemoryInitHook does so)'
            )


def _check_finite(features: Tensor, rows: Sequence[int] | Tensor) -> None:
    finite = features.isfinite().all(1)
    if not finite.all():
        first = int((~finite).nonzero()[0])
        raise FloatingPointError(
            f'{int((~finite).sum())} of {len(features)} features for the memory are NaN or '
            f'infinite, the first for row {int(rows[first])}: look at the encoder and its rate'
        )
