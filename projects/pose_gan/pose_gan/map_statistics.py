"""Statistics of joint heatmaps: whether each channel has one joint, and how sharp it is."""

import math
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import label
from torch import Tensor

from reidgen.datasets.joint_drawing import SEEN

# a Gaussian of standard deviation s is above half of its peak on an area of 2 pi ln 2 s^2
HALF_AREA = 2 * math.pi * math.log(2)
WITH_CORNERS = np.ones((3, 3), int)


class MapStatistics(NamedTuple):
    """Statistics of the channels of heatmaps."""

    present: float  # share of channels whose peak is at least SEEN, 0.1
    one_mode: float  # share of the present ones whose cells above half of the peak are connected
    peak: float  # mean peak of the present ones; drawn maps have 1
    sigma: float  # mean standard deviation, in cells, of Gaussians that cover as many cells


def map_statistics(maps: Tensor) -> MapStatistics:
    """Statistics of heatmaps (N, J, H, W) in [0, 1], J channels each.

    Cells that touch by a corner are connected. Without a present channel all but `present` are NaN.

    Raises:
        ValueError: maps of another shape, or beside [0, 1].
    """
    if maps.ndim != 4 or not len(maps):
        raise ValueError(f'maps are {tuple(maps.shape)}; give (N, J, H, W) with one or more')
    if not bool(((maps >= 0) & (maps <= 1)).all()):
        raise ValueError('maps have values beside [0, 1]; give (x + 1) / 2 of those in [-1, 1]')
    channels = maps.flatten(0, 1)
    peaks = channels.amax((1, 2))
    present = channels[peaks >= SEEN]
    share = len(present) / len(channels)
    if not len(present):
        return MapStatistics(share, math.nan, math.nan, math.nan)
    above = present > present.amax((1, 2), keepdim=True) / 2
    modes = torch.tensor([label(each, WITH_CORNERS)[1] for each in above.numpy()])
    sigmas = (above.sum((1, 2)) / HALF_AREA).sqrt()
    return MapStatistics(
        share,
        (modes == 1).float().mean().item(),
        peaks[peaks >= SEEN].mean().item(),
        sigmas.mean().item(),
    )


def limb_lengths(joints: Tensor, first: int, last: int) -> Tensor:
    """Distances (M,) in cells between two joints of joints (N, J, 3), where both are there."""
    seen = (joints[:, first, 2] > 0) & (joints[:, last, 2] > 0)
    return (joints[seen, first, :2] - joints[seen, last, :2]).norm(dim=1)
