"""Losses of frontalization: identity, pixels, symmetry, and drift of a critic."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.datasets.image_files import read_grey
from reidgen.registry import LOSSES

KINDS = ('l1', 'mse')
RANGES = (1, 255)


def identity_loss(made: Tensor, of: Tensor) -> Tensor:
    """Mean of 1 - cosine of features (B, D), in [0, 2]; `of` is a target without gradient."""
    return (1 - nnf.cosine_similarity(made.float(), of.detach().float())).mean()


def symmetry_loss(img: Tensor) -> Tensor:
    """Mean absolute difference of images (B, 3, H, W) in [-1, 1] and their mirrored copies.

    Pixels count in [0, 1], so that a black half and a white one cost 1.
    """
    return (img.flip(-1) - img).float().abs().mean() / 2


def drift_loss(outputs: Sequence[Tensor]) -> Tensor:
    """Mean squared output of each head, summed over the heads."""
    return torch.stack([out.float().square().mean() for out in outputs]).sum()


@LOSSES.register_module()
class PixelLoss(nn.Module):
    """Mean difference of images in [-1, 1], absolute ('l1') or squared ('mse').

    Args:
        kind: 'l1' or 'mse'.
        value_range: 1 or 255: images count in [0, 1] or in [0, 255].
        mask: path of a grey picture, a weight of each pixel (255 is 1); None: all count 1. Written
            by `tools/pixel_weights.py`.

    Raises:
        FileNotFoundError: no such picture.
        ValueError: an unknown kind or range.
    """

    def __init__(self, kind: str = 'l1', value_range: int = 1, mask: str | None = None):
        super().__init__()
        self.kind = one_of(kind, KINDS, 'kind')
        self.value_range = one_of(value_range, RANGES, 'value_range')
        weights = None
        if mask is not None:
            if not Path(mask).expanduser().is_file():
                raise FileNotFoundError(
                    f'no picture of weights {Path(mask).absolute()}; write one with '
                    f'projects/face_frontalization/tools/pixel_weights.py, or leave mask out'
                )
            weights = read_grey(Path(mask).expanduser()).float() / 255  # (1, H, W)
        self.register_buffer('weights', weights, persistent=False)

    def forward(self, made: Tensor, true: Tensor) -> Tensor:
        """0-d loss of images (B, 3, H, W).

        Raises:
            ValueError: the mask has another size.
        """
        difference = (made.float() - true.float()) * (self.value_range / 2)
        cost = difference.abs() if self.kind == 'l1' else difference.square()
        if self.weights is None:
            return cost.mean()
        if self.weights.shape[-2:] != cost.shape[-2:]:
            raise ValueError(
                f'the mask has {tuple(self.weights.shape[-2:])} pixels, the images '
                f'{tuple(cost.shape[-2:])}; write one of their size'
            )
        return (cost * self.weights).mean()


def pixel_weights(images: Tensor) -> Tensor:
    """Weight of each pixel, 1 - variance / largest variance, (1, H, W) in [0, 1].

    Where frontal faces differ least, a generated one is to be nearest to its truth.

    Args:
        images: (N, 3, H, W) of frontal faces.
    """
    variance = images.float().var(dim=0, correction=0).mean(dim=0, keepdim=True)
    return 1 - variance / variance.max().clamp(min=1e-12)
