"""Convolution blocks of the generators and critics: reflection padding, always a bias."""

import warnings

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from reidgen.models.layers.norm import ImageLayerNorm

NORMS = {
    None: None,
    'instance': {'type': 'IN'},  # no affine, no running statistics
    'layer': {'type': ImageLayerNorm},
}
SLOPE = 0.2  # of every LeakyReLU


def conv_block(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    stride: int = 1,
    dilation: int = 1,
    norm: str | None = None,
    activate: bool = True,
) -> ConvModule:
    """Reflection padding, convolution with bias, norm, LeakyReLU(0.2); stride 1 keeps the size.

    Args:
        norm: 'instance', 'layer' (over C, H, W) or None.
        activate: False leaves the LeakyReLU out.

    Raises:
        ValueError: norm is none of these.
    """
    if norm not in NORMS:
        raise ValueError(f'norm is {norm!r}; choose one of {", ".join(map(repr, NORMS))}')
    padding = dilation * (kernel_size - 1) // 2
    with warnings.catch_warnings():
        # the bias before an instance norm is idle, and part of the published networks
        warnings.filterwarnings('ignore', 'Unnecessary conv bias before batch/instance norm')
        return ConvModule(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            bias=True,
            norm_cfg=NORMS[norm],
            act_cfg={'type': 'LeakyReLU', 'negative_slope': SLOPE} if activate else None,
            padding_mode='reflect' if padding else 'zeros',
        )


class ResidualBlock(nn.Module):
    """x + conv(lrelu(conv(x))), 3 x 3, the norm after each convolution, nothing after the sum."""

    def __init__(self, channels: int, norm: str | None = None):
        super().__init__()
        self.conv1 = conv_block(channels, channels, 3, norm=norm)
        self.conv2 = conv_block(channels, channels, 3, norm=norm, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x))  # (B, C, H, W)
