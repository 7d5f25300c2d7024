"""Colour histogram baseline, without weights."""

import torch
from torch import Tensor, nn

from reidgen.registry import ENCODERS
from reidgen.structures import Code

NUM_PARTS = 6  # stripes
BINS = (8, 4, 4)  # of hue, saturation and value
NUM_BINS = 8 * 4 * 4
MARGIN = 1 / 6  # share of the width left out at either side, where the background is


@ENCODERS.register_module()
class ColorHistogram(nn.Module):
    """Encoder by histograms of hue, saturation and value in horizontal stripes.

    Six stripes as in Gray and Tao (ECCV 2008); joint bins of the three channels instead of their
    single ones, and the root of the counts (Hellinger distance), as counts of few bins would
    outweigh the rest. A sixth of the width is left out at either side. All fields of the code are
    the same vector.
    """

    content_dim = embed_dim = NUM_PARTS * NUM_BINS

    def forward(self, img: Tensor) -> Code:
        """Code of images (B, 3, H, W) in [0, 1]: set the model's data_preprocessor to mean 0, std
        1.

        Raises:
            ValueError: a pixel is outside [0, 1].
        """
        if img.min() < 0 or img.max() > 1 + 1e-5:
            raise ValueError(
                f'ColorHistogram reads images in [0, 1], these are in [{img.min():.2f}, '
                f"{img.max():.2f}]; set model.data_preprocessor=dict(type='BatchNormalizer', "
                f'mean=(0, 0, 0), std=(1, 1, 1))'
            )
        rim = int(img.shape[3] * MARGIN)
        inner = img[:, :, :, rim : img.shape[3] - rim]
        counts = [self._count(stripe) for stripe in inner.tensor_split(NUM_PARTS, dim=2)]
        histogram = torch.cat(counts, dim=1).sqrt()
        return Code(histogram, histogram, histogram)

    def _count(self, img: Tensor) -> Tensor:
        """Pixel counts (B, NUM_BINS) float32."""
        hue, saturation, value = (
            (channel * num).long().clamp(max=num - 1).flatten(1)
            for channel, num in zip(rgb_to_hsv(img), BINS)
        )
        which = (hue * BINS[1] + saturation) * BINS[2] + value  # (B, pixels)
        counts = img.new_zeros(len(img), NUM_BINS, dtype=torch.float32)
        return counts.scatter_add_(1, which, torch.ones_like(which, dtype=torch.float32))


def rgb_to_hsv(img: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation and value, (B, H, W) each in [0, 1], of images (B, 3, H, W) in [0, 1].

    Grey has hue 0, black saturation 0, as in Python's colorsys.
    """
    red, green, blue = img.unbind(1)
    value, low = img.amax(1), img.amin(1)
    span = value - low
    safe = span.masked_fill(span == 0, 1)
    hue = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    return (hue / 6) % 1, span / value.masked_fill(value == 0, 1), value
