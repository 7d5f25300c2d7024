"""Activation maps: where in an image the last feature map of an encoder is strong."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from reidgen.visualization.ranked_lists import SIZE, Cell

STRENGTH = 0.5  # share of the colour map in the picture


@torch.no_grad()
def activation_maps(encoder: nn.Module, run: Callable[[], object]) -> Tensor:
    """Energy of the last feature map that an encoder computes, the sum of squares over channels.

    As in deep-person-reid (Zhou and Xiang, 2019): energies say where features come from, not which
    person they speak for.

    Args:
        encoder: watched; the feature map is the last output of one of its modules that has the
            shape (B, C, h, w) and more than one place.
        run: calls the encoder for B images.

    Returns:
        (B, h, w) float32 in [0, 1], the strongest place of each image 1.

    Raises:
        ValueError: no module of the encoder computes a feature map.
    """
    last: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output[0, 0].numel() > 1:
            last[:] = [output]

    handles = [module.register_forward_hook(keep) for module in encoder.modules()]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    if not last:
        raise ValueError(
            f'{type(encoder).__name__} computes no feature map (B, C, h, w): activation maps are '
            f'of convolutional encoders'
        )
    energy = last[0].float().square().sum(1).cpu()
    return energy / energy.amax((1, 2), keepdim=True).clamp(min=1e-12)


def with_activation(cell: Cell, energy: Tensor) -> Cell:
    """Cell of a ranked list with the activation map (h, w) of its image over it."""
    return cell._replace(read=lambda: overlaid(cell.read(), energy.numpy()))


def overlaid(image: Image.Image, energy: np.ndarray) -> Image.Image:
    """Image with the colours of its activation map (h, w) in [0, 1] mixed in."""
    import matplotlib as mpl

    size = SIZE[::-1]
    grey = Image.fromarray((255 * energy).astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
    colours = mpl.colormaps['turbo'](np.asarray(grey), bytes=True)[..., :3]
    return Image.blend(image.convert('RGB').resize(size), Image.fromarray(colours), STRENGTH)
