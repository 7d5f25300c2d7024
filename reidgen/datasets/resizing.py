"""Resizing of uint8 pictures and maps: the one kernel of training and test."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as nnf
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as vision

GROUP = 4  # channels that torch's kernel works on side by side
# elsewhere torchvision may resize as floats, which rounds otherwise
ON_UINT8 = torch.backends.cpu.get_cpu_capability() in ('AVX2', 'AVX512')


def resized(picture: Tensor, size: Sequence[int], mode: InterpolationMode) -> Tensor:
    """torchvision's antialiased resizing, to the last bit, in half the time.

    Planes are resized in groups of four that lie pixel by pixel, as torch's kernel reads them.

    Args:
        picture: (..., h, w) uint8.
        size: (height, width).
        mode: BICUBIC or BILINEAR; NEAREST, without antialias.

    Returns:
        (..., height, width) uint8, contiguous unless it has that size already.
    """
    if tuple(picture.shape[-2:]) == tuple(size):
        return picture
    if mode == InterpolationMode.NEAREST or not ON_UINT8:
        return vision.resize(picture, list(size), mode, antialias=True)
    planes = picture.reshape(-1, *picture.shape[-2:]).numpy()  # (P, h, w)
    packed = torch.from_numpy(_packed(planes)).permute(0, 3, 1, 2)  # (n, 3 or 4, h, w)
    scaled = nnf.interpolate(packed, tuple(size), mode=mode.value, antialias=True)
    out = np.empty((len(planes), *size), np.uint8)
    for number, pixels in enumerate(scaled.permute(0, 2, 3, 1).contiguous().numpy()):
        _unpack(pixels, out[GROUP * number : GROUP * (number + 1)])
    return torch.from_numpy(out).view(*picture.shape[:-2], *size)


def _packed(planes: np.ndarray) -> np.ndarray:
    """Pixels (n, h, w, 3 or 4) of planes (P, h, w); the last group is filled up with its first."""
    if len(planes) == 3:  # a picture, which mostly lies in memory like this
        pixels = np.ascontiguousarray(planes.transpose(1, 2, 0))
        return pixels.reshape(1, *pixels.shape)  # [None] has a stride of 0, and torch reorders all
    starts = range(0, len(planes), GROUP)
    packed = np.empty((len(starts), *planes.shape[1:], GROUP), np.uint8)
    for pixels, start in zip(packed, starts):
        group = list(planes[start : start + GROUP])
        cv2.merge(group + group[:1] * (GROUP - len(group)), pixels)
    return packed


def _unpack(pixels: np.ndarray, planes: np.ndarray) -> None:
    """Writes the first channels of pixels (H, W, C) into planes (<= C, H, W)."""
    if len(planes) == pixels.shape[2]:
        cv2.split(pixels, list(planes))
        return
    for channel, plane in enumerate(planes):
        cv2.extractChannel(pixels, channel, plane)
