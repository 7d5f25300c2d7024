"""Contrastive losses over the centroids of a memory: cluster contrast and camera-aware proxies."""

from typing import Protocol

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.registry import LOSSES
from reidgen.structures import Proxies

from .means import mean_over_processes


class ProxyBank(Protocol):
    """Interface of a memory of centroids, as of `reidgen.memory.CentroidBank`."""

    def proxies(self) -> Proxies:
        """Centroids, their clusters and cameras, and the centroid of each image."""


@LOSSES.register_module()
class ProxyContrast(nn.Module):
    """Contrastive cross-entropy over centroids that a memory keeps (Dai et al., ACCV 2022, eq. 3).

    With unit centroids c, and the image's unit embedding u with its own centroid y:

        L = mean_i -log( e^(u . c_y / t) / sum_k e^(u . c_k / t) )

    over all centroids k, or, for proxies, over those of the image's own camera: the intra-camera
    loss of Wang et al. (AAAI 2021, eq. 4), who average within each camera and add the cameras. Here
    it is one mean over all images. Outliers are left out of it. In float32 also under autocast.

    Args:
        temperature: t.
        same_camera: contrasts with the proxies of the image's own camera only.
    """

    def __init__(self, temperature: float = 0.05, same_camera: bool = False):
        super().__init__()
        _check_temperature(temperature)
        self.temperature, self.same_camera = temperature, same_camera

    def forward(self, bank: ProxyBank, u: Tensor, index: Tensor) -> Tensor:
        """Loss, 0-d float32; the bank is read, never written.

        Args:
            u: (B, D) embeddings, raw.
            index: (B,) their rows in the bank.

        Raises:
            RuntimeError: the bank has no centroids.
        """
        own, logits = self.compared(bank, u, index)
        return mean_over_processes(nnf.cross_entropy(logits, own, reduction='sum'), len(own))

    def compared(self, bank: ProxyBank, u: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """Own centroid (B',) and logits (B', M) of the images that are no outliers.

        Logits are float32, and -inf of centroids that an image is not compared with.
        """
        known = bank.proxies()
        own, logits = _known_logits(known, u, index, self.temperature)
        if self.same_camera:
            elsewhere = known.cameras[own][:, None] != known.cameras[None]
            logits = logits.masked_fill(elsewhere, -torch.inf)
        return own, logits


@LOSSES.register_module()
class InterCameraContrast(nn.Module):
    """Inter-camera loss of camera-aware proxies (Wang et al., AAAI 2021, eq. 5).

    With the image's unit embedding u, the proxies P of its cluster under other cameras, and the K
    proxies Q of other clusters that are most similar to it, under any camera:

        L = mean_i -1/|P| sum_{p in P} log( e^(u . c_p / t) / sum_{k in P, Q} e^(u . c_k / t) )

    Outliers, and images of a cluster that one camera alone has seen, are left out of the mean. In
    float32 also under autocast.

    Args:
        temperature: t.
        num_negatives: K.
    """

    def __init__(self, temperature: float = 0.07, num_negatives: int = 50):
        super().__init__()
        _check_temperature(temperature)
        if num_negatives < 1:
            raise ValueError(f'num_negatives is {num_negatives}; set it to 1 or more')
        self.temperature, self.num_negatives = temperature, num_negatives

    def forward(self, bank: ProxyBank, u: Tensor, index: Tensor) -> Tensor:
        """Loss, 0-d float32; arguments and errors as of `ProxyContrast`."""
        known = bank.proxies()
        own, logits = _known_logits(known, u, index, self.temperature)
        same = known.clusters[own][:, None] == known.clusters[None]  # (B, M)
        positive = same & (known.cameras[own][:, None] != known.cameras[None])
        seen = positive.any(1)
        logits, same, positive = logits[seen], same[seen], positive[seen]
        number = min(self.num_negatives, logits.shape[1])
        hardest = logits.masked_fill(same, -torch.inf).topk(number, dim=1).values
        against = torch.cat([logits.masked_fill(~positive, -torch.inf), hardest], dim=1)
        mean = logits.masked_fill(~positive, 0).sum(1) / positive.sum(1)
        return mean_over_processes((against.logsumexp(1) - mean).sum(), len(logits))


def _known_logits(
    known: Proxies, u: Tensor, index: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Own centroids (B',) and float32 logits (B', M) of the images that are no outliers."""
    own = known.own[index]
    with torch.autocast(u.device.type, enabled=False):
        logits = nnf.normalize(u[own >= 0].float()) @ known.centroids.t() / temperature
    return own[own >= 0], logits


def _check_temperature(temperature: float) -> None:
    if temperature <= 0:
        raise ValueError(f'temperature is {temperature}; set it above 0')
