"""Layers with TensorFlow's SAME padding, pixel norm, and their initialisation."""

import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.choices import one_of

INIT_STD = 0.02
PIXEL_EPS = 1e-8
NORMS = {
    'batch': nn.BatchNorm2d,
    'layer': lambda channels: nn.GroupNorm(1, channels),  # over C, H, W; affine by channel
    None: lambda channels: nn.Identity(),
}


class SameConv2d(nn.Conv2d):
    """Convolution with zero padding as TensorFlow's SAME: ceil(side / stride) of every side.

    What is left of an odd total goes to the right and bottom, so that a 4 x 4 kernel of stride 2
    takes 7 rows to 4, where torch's padding=1 gives 3.
    """

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []  # left, right, top, bottom
        for side, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1]):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(nnf.pad(x, pads))


class SameDeconv2d(nn.ConvTranspose2d):
    """Transposed convolution as TensorFlow's SAME: side times stride, of every side."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        out = super().forward(x)
        for dim, kernel, stride in zip((-2, -1), self.kernel_size, self.stride):
            first = max(kernel - stride, 0) // 2
            out = out.narrow(dim, first, x.shape[dim] * stride)
        return out


class PixelNorm(nn.Module):
    """x / sqrt(mean over channels of x^2 + 1e-8), at each pixel (Karras et al., ICLR 2018)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (x.square().mean(dim=1, keepdim=True) + PIXEL_EPS).rsqrt()


class PixelResidual(nn.Module):
    """Residual block of two 4 x 4 convolutions, each with pixel norm; no bias.

    Args:
        channels: in and out.
        hidden: between the convolutions.
        act: 'relu' or 'lrelu'.
    """

    def __init__(self, channels: int, hidden: int, act: str = 'relu'):
        super().__init__()
        self.layers = nn.Sequential(
            SameConv2d(channels, hidden, 4, bias=False),
            PixelNorm(),
            activation(act),
            SameConv2d(hidden, channels, 4, bias=False),
            PixelNorm(),
        )
        self.act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x + self.layers(x))  # (B, C, H, W)


def activation(name: str) -> nn.Module:
    """ReLU ('relu') or LeakyReLU of 0.2 ('lrelu')."""
    one_of(name, ('relu', 'lrelu'), 'act')
    return nn.ReLU() if name == 'relu' else nn.LeakyReLU(0.2)


def norm_layer(name: str | None, channels: int) -> nn.Module:
    """Batch norm ('batch'), layer norm over C, H and W ('layer'), or none (None)."""
    return NORMS[one_of(name, NORMS, 'norm')](channels)


def truncated_init(module: nn.Module) -> None:
    """Initialises convolutions and linear layers: N(0, 0.02^2) cut at two deviations, bias 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.trunc_normal_(layer.weight, std=INIT_STD, a=-2 * INIT_STD, b=2 * INIT_STD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
