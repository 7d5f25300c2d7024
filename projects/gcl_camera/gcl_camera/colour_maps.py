"""Maps between two sets of colours in closed form, each with the statistics that it is made from.

`measure` takes pixels (N, 3) float64, 0 to 255, and gives statistics of which several can be
stacked; `apply` takes pictures (B, 3, H, W) of any number type with the statistics of their own
colours and of those wanted, and gives float32, not clamped. Deviations below one level count as
one.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

LEVELS = 256


class ColourMap(NamedTuple):
    """A way to match colours."""

    measure: Callable[[Tensor], Tensor]
    apply: Callable[[Tensor, Tensor, Tensor], Tensor]


def moments(pixels: Tensor) -> Tensor:
    """(2, 3) mean and deviation of each channel."""
    return torch.stack([pixels.mean(0), pixels.std(0, correction=0).clamp_min(1.0)]).float()


def match_moments(pictures: Tensor, own: Tensor, wanted: Tensor) -> Tensor:
    """Mean and deviation of each channel (Reinhard et al., CG&A 2001, here in RGB)."""
    scale = wanted[:, 1] / own[:, 1]
    shift = wanted[:, 0] - scale * own[:, 0]
    return pictures.float() * scale[..., None, None] + shift[..., None, None]


def covariance(pixels: Tensor) -> Tensor:
    """(4, 3) float64: the mean, and below it the covariance."""
    mean = pixels.mean(0)
    apart = pixels - mean
    return torch.cat([mean[None], apart.T @ apart / len(pixels)])


def match_covariance(pictures: Tensor, own: Tensor, wanted: Tensor) -> Tensor:
    """Mean and covariance by the full 3 x 3 matrix that moves colours least.

    The linear Monge-Kantorovich map between normal distributions (Pitie and Kokaram, CVMP 2007):
    T = S^-1/2 (S^1/2 W S^1/2)^1/2 S^-1/2 of the covariances S and W.
    """
    root, inverse = _powers(own[:, 1:])
    middle, _ = _powers(root @ wanted[:, 1:] @ root, floor=0.0)
    matrix = inverse @ middle @ inverse  # (B, 3, 3)
    apart = pictures.double() - own[:, 0][..., None, None]
    moved = torch.einsum('bij,bjhw->bihw', matrix, apart)
    return (moved + wanted[:, 0][..., None, None]).float()


def _powers(matrices: Tensor, floor: float = 1.0) -> tuple[Tensor, Tensor]:
    """Roots (B, 3, 3) of positive matrices, of eigenvalues not below the floor, and inverses."""
    values, vectors = torch.linalg.eigh(matrices)
    roots = values.clamp_min(floor).sqrt()[:, None]
    return vectors * roots @ vectors.mT, vectors / roots @ vectors.mT


def histogram(pixels: Tensor) -> Tensor:
    """(256, 3) float64: each channel's share of pixels at each level."""
    levels = pixels.round().long().clamp(0, LEVELS - 1)
    counts = [torch.bincount(channel, minlength=LEVELS) for channel in levels.T]
    return torch.stack(counts, 1).double() / len(pixels)


def match_histogram(pictures: Tensor, own: Tensor, wanted: Tensor) -> Tensor:
    """Histogram of each channel: the level that is as far up in the wanted distribution.

    Between levels that the wanted colours have it is interpolated; beyond their ends it is the end.
    """
    grey = pictures.round().long().clamp(0, LEVELS - 1)
    changed = torch.empty(pictures.shape)
    for image in range(len(pictures)):
        for channel in range(3):
            table = _table(own[image, :, channel].numpy(), wanted[image, :, channel].numpy())
            changed[image, channel] = torch.from_numpy(table)[grey[image, channel]]
    return changed


def _table(own: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(256,) float32 levels for levels, by the shares of pixels below the middle of each."""
    there = np.flatnonzero(wanted)
    own_share, share = (np.cumsum(each) - each / 2 for each in (own, wanted))
    return np.interp(own_share, share[there], there).astype(np.float32)


COLOUR_MAPS = {
    'moments': ColourMap(moments, match_moments),
    'matrix': ColourMap(covariance, match_covariance),
    'histogram': ColourMap(histogram, match_histogram),
}
