"""Heatmaps of joints and limbs on a grid, and joints decoded from heatmaps."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from reidgen.choices import one_of

METHODS = ('analytic', 'filter')
TRUNCATE = 4.0  # standard deviations from which a filter's Gaussian is 0
SEEN = 0.1  # peak from which a decoded joint is there


def box_of(joints: Tensor, share: float = 0.75) -> tuple[float, float, float]:
    """Square around the visible joints (J, 3): centre x, y, and half of its side in pixels.

    Args:
        share: half of the side, as a share of the longer side of the joints' own box.

    Raises:
        ValueError: no joint is visible, or all are in one place.
    """
    seen = joints[joints[:, 2] > 0, :2]
    if not len(seen):
        raise ValueError('no joint is visible, so that there is no box around the person')
    low, high = seen.amin(0), seen.amax(0)
    x, y = ((low + high) / 2).tolist()
    half = share * (high - low).amax().item()
    if half <= 0:
        raise ValueError(f'all visible joints are at ({x:g}, {y:g}), so that their box is empty')
    return x, y, half


def in_square(joints: Tensor, box: tuple[float, float, float], side: int) -> Tensor:
    """Joints (J, 3) in pixels of a square picture of `side` pixels that shows a box."""
    x, y, half = box
    moved = joints.clone()
    moved[:, 0] = (joints[:, 0] - (x - half)) / half * (side / 2)
    moved[:, 1] = (joints[:, 1] - (y - half)) / half * (side / 2)
    return moved


def on_grid(joints: Tensor, size: tuple[int, int], clamp_outside: bool = False) -> Tensor:
    """Joints (J, 3) at whole cells of a grid (height, width); absent ones are zeros.

    Args:
        clamp_outside: joints beside the grid go to its border; False: they are absent.
    """
    height, width = size
    x, y, visible = joints.unbind(1)
    seen = (visible > 0) & x.isfinite() & y.isfinite()
    if not clamp_outside:
        seen &= (x >= 0) & (x < width) & (y >= 0) & (y < height)
    cells = torch.stack([x.clamp(0, width - 1), y.clamp(0, height - 1)], 1).round()
    placed = torch.cat([cells, torch.ones(len(joints), 1)], 1)
    return torch.where(seen[:, None], placed, torch.zeros(()))


def joint_maps(
    cells: Tensor, size: tuple[int, int], sigma: float = 3.0, method: str = 'analytic'
) -> Tensor:
    """Gaussians (J, H, W) float32 with a peak of 1 at each joint; 0 where it is absent.

    Args:
        cells: (J, 3) as `on_grid` gives them.
        size: (height, width).
        sigma: standard deviation, in cells.
        method: 'filter' blurs one cell, so that at the border mass is mirrored, and normalises by
            the largest value, as PoseGAN's program; 'analytic' is the same away from the border.
    """
    height, width = size
    x, y, seen = cells.unbind(1)
    if one_of(method, METHODS, 'method') == 'filter':
        return _blurred([_point(cell, size) for cell in cells.tolist()], sigma)
    column = torch.exp(-((torch.arange(height) - y[:, None]) ** 2) / (2 * sigma**2))
    row = torch.exp(-((torch.arange(width) - x[:, None]) ** 2) / (2 * sigma**2))
    return column[:, :, None] * row[:, None, :] * (seen > 0)[:, None, None]


def limb_maps(
    cells: Tensor, limbs: Sequence[tuple[int, int]], size: tuple[int, int], sigma: float = 2.0
) -> Tensor:
    """Lines (L, H, W) float32 of one cell between two joints, blurred, with a largest value of 1;
    0 where one of the two is absent.
    """
    planes = []
    for a, b in limbs:
        plane = np.zeros(size, np.float32)
        if cells[a, 2] > 0 and cells[b, 2] > 0:
            (xa, ya), (xb, yb) = (cells[joint, :2].int().tolist() for joint in (a, b))
            cv2.line(plane, (xa, ya), (xb, yb), 1.0, 1)
        planes.append(plane)
    return _blurred(planes, sigma)


def decode_joints(maps: Tensor, threshold: float = SEEN, refine: bool = False) -> Tensor:
    """Joints (..., J, 3), x, y and whether they are there, at the peaks of maps (..., J, H, W).

    Args:
        maps: in [0, 1].
        threshold: peaks below are absent joints, zeros.
        refine: moves each by a quarter of a cell towards the larger neighbour (Newell et al.,
            ECCV 2016).
    """
    width = maps.shape[-1]
    peak, place = maps.flatten(-2).max(-1)
    x, y = place % width, place // width
    found = torch.stack([x, y], -1).float()
    if refine:
        padded = torch.nn.functional.pad(maps, (1, 1, 1, 1), value=-math.inf).flatten(-2)
        centre = (y + 1) * (width + 2) + x + 1
        for axis, step in enumerate((1, width + 2)):
            after, before = (
                padded.gather(-1, (centre + sign * step)[..., None]).squeeze(-1) for sign in (1, -1)
            )
            found[..., axis] += 0.25 * torch.sign(after - before)
    seen = (peak >= threshold).float()[..., None]
    return torch.cat([found * seen, seen], -1)


def _point(cell: Sequence[float], size: tuple[int, int]) -> np.ndarray:
    plane = np.zeros(size, np.float32)
    if cell[2] > 0:
        plane[int(cell[1]), int(cell[0])] = 1.0
    return plane


def _blurred(planes: list[np.ndarray], sigma: float) -> Tensor:
    if not planes:
        return torch.zeros(0)
    blurred = [gaussian_filter(plane, sigma, truncate=TRUNCATE) for plane in planes]
    return torch.from_numpy(np.stack([plane / max(plane.max(), 1e-12) for plane in blurred]))
