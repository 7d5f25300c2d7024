"""Contrastive losses against a feature bank: GCL's memory contrast, and cluster centroids."""

from typing import Protocol

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.device_reads import ReadOnce
from reidgen.registry import LOSSES
from reidgen.rng import StepRNG

from .means import mean_over_processes


class Bank(Protocol):
    """Interface of a feature bank, as of `reidgen.memory.FeatureBank`."""

    def read(self) -> tuple[Tensor, Tensor]:
        """Unit features (N, D) and labels (N,); -1 is an outlier."""


@LOSSES.register_module()
class MemoryContrast(nn.Module):
    """Memory contrast of GCL (Chen et al., CVPR 2021): three terms against the FeatureBank.

    With unit rows M, the real image's u, the generated image's u', the row i of the image, and rows
    p, q drawn among those of its label (i among them):

        L = mean_i [ CE(u' . M_i) + CE(u' . M_p) + CE(u . M_q) ]
        CE(a) = -log( e^(a / t) / (e^(a / t) + sum_n e^(u' . M_n / t)) )

    The negatives n are rows of other labels, outliers included: K drawn without replacement, or all
    where there are no more than K. They are compared with the *generated* image in all three terms,
    as in the authors' code. Images whose label is -1 are left out of the mean. In float32 also
    under autocast.

    Args:
        temperature: t.
        num_negatives: K.
    """

    def __init__(self, temperature: float = 0.04, num_negatives: int = 8192):
        super().__init__()
        if temperature <= 0 or num_negatives < 1:
            raise ValueError(
                f'temperature is {temperature}, num_negatives {num_negatives}; '
                f'set temperature > 0 and num_negatives >= 1'
            )
        self.temperature, self.num_negatives = temperature, num_negatives
        self._most_negatives = ReadOnce(_most_negatives)

    def forward(
        self, bank: Bank, u: Tensor, u_generated: Tensor, index: Tensor, *, rng: StepRNG
    ) -> Tensor:
        """Loss, 0-d float32; the bank is read, never written.

        Args:
            u, u_generated: (B, D) embeddings of the real images and of their renderings, raw.
            index: (B,) rows of the real images in the bank.

        Raises:
            RuntimeError: the bank has not been filled.
        """
        features, labels = bank.read()
        with torch.autocast(u.device.type, enabled=False):
            u, u_generated = nnf.normalize(u.float()), nnf.normalize(u_generated.float())
            label = labels[index]  # (B,)
            rows = _rows_of_label(labels, label, rng.rows(len(index), 2, device=u.device))
            positives = (
                torch.stack(
                    [
                        (u_generated * features[index]).sum(1),
                        (u_generated * features[rows[:, 0]]).sum(1),
                        (u * features[rows[:, 1]]).sum(1),
                    ],
                    dim=1,
                )
                / self.temperature
            )  # (B, 3)
            negatives = self._negatives(features, labels, label, u_generated, rng)  # (B, K)
            against = torch.cat(
                [positives[:, :, None], negatives[:, None].expand(-1, 3, -1)], dim=2
            )  # (B, 3, 1 + K)
            terms = (against.logsumexp(2) - positives).sum(1)
            known = label >= 0
            # without a selection, whose size would have to be read from the device
            return mean_over_processes(torch.where(known, terms, 0).sum(), known.sum())

    def _negatives(
        self, features: Tensor, labels: Tensor, label: Tensor, u_generated: Tensor, rng: StepRNG
    ) -> Tensor:
        """Logits of the negatives, -inf where a row has fewer."""
        same = labels[None] == label[:, None]  # (B, N)
        logits = u_generated @ features.t() / self.temperature
        # depends on the bank only: every process must draw, or none
        if self._most_negatives(labels) <= self.num_negatives:
            return logits.masked_fill(same, -torch.inf)
        keys = rng.rows(*same.shape, device=labels.device).masked_fill(same, -1.0)
        drawn = keys.topk(self.num_negatives, dim=1).indices  # (B, K)
        return logits.gather(1, drawn).masked_fill(same.gather(1, drawn), -torch.inf)


@LOSSES.register_module()
class CentroidContrast(nn.Module):
    """Contrastive cross-entropy over the cluster centroids of a FeatureBank.

    With unit rows M and the image's unit embedding u of cluster y:

        c_k = normalise(mean of the rows of cluster k),  L = mean_i -log softmax_k(u . c_k / t)[y]

    The contrast of Ge et al. (SpCL, NeurIPS 2020, eq. 1, unlabelled part) without its outliers as
    classes of their own, and of Dai et al. (ACCV 2022, eq. 3), whose centroids are kept instead of
    rows. Images whose label is -1 are left out of the mean. In float32 also under autocast.

    Args:
        temperature: t.
    """

    def __init__(self, temperature: float = 0.05):
        super().__init__()
        if temperature <= 0:
            raise ValueError(f'temperature is {temperature}; set it above 0')
        self.temperature = temperature

    def forward(self, bank: Bank, u: Tensor, index: Tensor) -> Tensor:
        """Loss, 0-d float32; the bank is read, never written.

        Args:
            u: (B, D) embeddings, raw.
            index: (B,) their rows in the bank.

        Raises:
            RuntimeError: the bank has not been filled.
        """
        features, labels = bank.read()
        clusters, place = labels.unique(return_inverse=True)  # sorted: an outlier's -1 is first
        with torch.autocast(u.device.type, enabled=False):
            u = nnf.normalize(u.float())
            sums = features.new_zeros(len(clusters), features.shape[1])
            centroids = nnf.normalize(sums.index_add(0, place, features))  # (K, D)
            logits = u @ centroids.t() / self.temperature  # (B, K)
            logits = logits.masked_fill(clusters < 0, -torch.inf)
            known = labels[index] >= 0
            terms = nnf.cross_entropy(logits[known], place[index[known]], reduction='sum')
            return mean_over_processes(terms, known.sum())


def _most_negatives(labels: Tensor) -> int:
    """Rows beside those of the smallest label; 0 where all are outliers."""
    counts = labels[labels >= 0].unique(return_counts=True)[1]
    return len(labels) - int(counts.min()) if len(counts) else 0


def _rows_of_label(labels: Tensor, label: Tensor, chance: Tensor) -> Tensor:
    """Rows (B, n) drawn among those with the label (B,), by uniform numbers (B, n) in [0, 1)."""
    ordered, row = labels.sort(stable=True)
    first = torch.searchsorted(ordered, label)
    count = torch.searchsorted(ordered, label, right=True) - first
    place = (chance * count[:, None]).long()
    place = torch.minimum(place, count[:, None] - 1)  # float32 may round up to the count
    return row[first[:, None] + place]
