"""Pixel diversity of images, their change, and hashes of near-copies."""

import torch
import torch.nn.functional as nnf
from torch import Tensor

THUMBNAIL = 32  # longer sides are averaged down to it
HASH_SIDE = 8


def diversity(images: Tensor) -> float:
    """Mean absolute difference of pixels over all pairs of images.

    Args:
        images: (M, C, H, W) in [0, 1], M at least 2.

    Returns:
        in [0, 1]; 0 of copies of one image.
    """
    flat = images.detach().float().flatten(1)
    return (torch.pdist(flat, p=1).mean() / flat.shape[1]).item()


def thumbnails(images: Tensor) -> Tensor:
    """(M, C, h, w) uint8 on the CPU of images in [0, 1], h and w at most THUMBNAIL."""
    height, width = (min(side, THUMBNAIL) for side in images.shape[2:])
    small = nnf.adaptive_avg_pool2d(images.detach().float(), (height, width))
    return (small * 255).round().to(torch.uint8).cpu()


def change(before: Tensor, after: Tensor) -> float:
    """Mean absolute difference in [0, 1] of two uint8 tensors of one shape."""
    return (after.float() - before.float()).abs().mean().item() / 255


def average_hash(image: Tensor) -> int:
    """Hash of 64 bits that near-copies share: which of 8 x 8 cells are brighter than the mean.

    Args:
        image: (C, H, W).
    """
    grey = image.float().mean(0, keepdim=True)
    cells = nnf.adaptive_avg_pool2d(grey, HASH_SIDE).flatten()
    return sum(1 << k for k, bright in enumerate((cells > cells.mean()).tolist()) if bright)
