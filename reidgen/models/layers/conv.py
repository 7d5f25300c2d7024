"""Convolution blocks of the generators and discriminators, always with a bias."""

import warnings

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.models.layers.first_order import LeakyReLU, ReflectionPad2d
from reidgen.models.layers.norm import ImageLayerNorm, InstanceNorm
from reidgen.models.layers.twice import TwiceConv2d
from reidgen.models.layers.upsampled_conv import UpsampledConv2d

NORMS = {
    None: None,
    'instance': {'type': InstanceNorm},  # no affine, no running statistics
    'instance_affine': {'type': InstanceNorm, 'affine': True},
    'layer': {'type': ImageLayerNorm},
}
SLOPE = 0.2  # of every LeakyReLU
ACTIVATIONS = {
    'lrelu': {'type': LeakyReLU, 'negative_slope': SLOPE},
    'relu': {'type': 'ReLU'},
}


def conv_block(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    stride: int = 1,
    dilation: int = 1,
    norm: str | None = None,
    activate: bool = True,
    activation: str = 'lrelu',
    padding_mode: str = 'reflect',
    upsample: bool = False,
) -> ConvModule:
    """Block of padding, convolution with bias, norm and activation; odd kernels keep the size.

    Args:
        norm: 'instance', 'instance_affine', 'layer' (over C, H, W) or None.
        activate: False leaves the activation out.
        activation: 'lrelu' (LeakyReLU of 0.2) or 'relu'.
        padding_mode: 'reflect' or 'zeros'.
        upsample: before the padding, to twice the size; for kernels of 5.

    Raises:
        ValueError: norm or activation is none of these.
    """
    one_of(norm, NORMS, 'norm')
    one_of(activation, ACTIVATIONS, 'activation')
    padding = 0 if upsample else dilation * (kernel_size - 1) // 2
    with warnings.catch_warnings():
        # the bias before an instance norm is idle, and part of the published networks
        warnings.filterwarnings('ignore', 'Unnecessary conv bias before batch/instance norm')
        block = ConvModule(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            bias=True,
            conv_cfg={'type': UpsampledConv2d if upsample else TwiceConv2d},
            norm_cfg=NORMS[norm],
            act_cfg=ACTIVATIONS[activation] if activate else None,
            padding_mode=padding_mode if padding else 'zeros',
        )
    if padding and padding_mode == 'reflect':
        block.padding_layer = ReflectionPad2d(padding)
    return block


class ResidualBlock(nn.Module):
    """Residual block x + conv(act(conv(x))), 3 x 3, norm after each convolution.

    Args:
        dropout: probability between the two convolutions.
    """

    def __init__(
        self,
        channels: int,
        norm: str | None = None,
        activation: str = 'lrelu',
        dropout: float = 0.0,
    ):
        super().__init__()
        self.conv1 = conv_block(channels, channels, 3, norm=norm, activation=activation)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = conv_block(channels, channels, 3, norm=norm, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.dropout(self.conv1(x)))  # (B, C, H, W)
