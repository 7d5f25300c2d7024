"""Contrast over centroids with refined labels: part-guided ones, and agreement-aware smoothing."""

from typing import NamedTuple

import torch
from torch import Tensor

from reidgen.losses.means import mean_over_processes
from reidgen.losses.proxies import ProxyContrast
from reidgen.registry import LOSSES

from .bank import PartCentroidBank


class RefinedLosses(NamedTuple):
    """Losses of a batch, 0-d float32."""

    whole: Tensor  # of the images
    parts: Tensor  # mean over their parts


@LOSSES.register_module()
class PartRefinedContrast(ProxyContrast):
    """ProxyContrast of images and of their parts, each by labels that the other refines.

    Part-guided label refinement and agreement-aware label smoothing of PPLR (Cho et al., CVPR 2022,
    section 3.3). With the probabilities q of the centroids that an image is
    compared with (those of its camera, where `same_camera`), q^n those of part n, its own centroid
    y, the uniform distribution u, and the cross-agreement C_n of the image with part n:

        w     = softmax_n(C_n)
        whole = -sum_k (beta [k = y] + (1 - beta) sum_n w_n q^n_k) log q_k
        parts = mean_n ( -C_n log q^n_y + (1 - C_n) KL(u || q^n) )

    No gradient goes through the part probabilities of `whole`. Published are linear classifiers
    that start from the centroids; here it is the centroids themselves, at a temperature. Means are
    over the images that are no outliers. In float32 also under autocast.

    Args:
        temperature, same_camera: of ProxyContrast.
        beta: share of the cluster in the label of an image; 0.5 as published.

    Raises:
        ValueError: beta is no share.
    """

    def __init__(self, temperature: float = 0.05, same_camera: bool = False, beta: float = 0.5):
        super().__init__(temperature, same_camera)
        if not 0 <= beta <= 1:
            raise ValueError(f'beta is {beta}; set the share of the cluster, from 0 to 1')
        self.beta = beta

    def refined(
        self, bank: PartCentroidBank, u: Tensor, parts: Tensor, index: Tensor, refine: bool = True
    ) -> RefinedLosses:
        """Losses of the images and of their parts; the bank is read, never written.

        Args:
            u: (B, D) embeddings, raw.
            parts: (B, P, D) of the parts, raw.
            index: (B,) their rows in the bank.
            refine: False: the clusters as they are, beta = C_n = 1.

        Raises:
            RuntimeError: the bank has no centroids.
        """
        own, logits = self.compared(bank, u, index)
        log_q = logits.log_softmax(1)
        log_parts = torch.stack(
            [
                self.compared(part_bank, part, index)[1].log_softmax(1)
                for part_bank, part in zip(bank.parts, parts.unbind(1))
            ]
        )  # (P, B', M)
        by_cluster = -picked(log_q, own)
        parts_by_cluster = -torch.stack([picked(log_part, own) for log_part in log_parts])
        if not refine:
            return self._means(by_cluster, parts_by_cluster)
        agreement = bank.agreement[index[bank.own[index] >= 0]].t()  # (P, B')
        compared = log_q.isfinite()
        guided = (agreement.softmax(0)[..., None] * log_parts.detach().exp()).sum(0)
        by_parts = -(guided * log_q.masked_fill(~compared, 0)).sum(1)
        number = compared.sum(1)
        mean_log = log_parts.masked_fill(~compared, 0).sum(2) / number
        smoothed = agreement * parts_by_cluster - (1 - agreement) * (mean_log + number.log())
        return self._means(self.beta * by_cluster + (1 - self.beta) * by_parts, smoothed)

    @staticmethod
    def _means(whole: Tensor, parts: Tensor) -> RefinedLosses:
        """Means over images (B',), and over parts and images (P, B')."""
        count = len(whole)
        return RefinedLosses(
            mean_over_processes(whole.sum(), count),
            mean_over_processes(parts.mean(0).sum(), count),
        )


def picked(log_q: Tensor, own: Tensor) -> Tensor:
    """(B,) log-probabilities of the own centroids."""
    return log_q.gather(1, own[:, None]).squeeze(1)
