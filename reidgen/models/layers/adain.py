"""Adaptive instance normalisation (AdaIN: Huang & Belongie, ICCV 2017)."""

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.models.layers.conv import SLOPE, conv_block
from reidgen.models.layers.norm import instance_norm


def adain(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """AdaIN: instance norm (biased variance), then weight * x + bias per sample and channel.

    Args:
        x: (B, C, H, W).
        weight, bias: (B, C), used as they are: weight 0 leaves bias alone.
    """
    return torch.addcmul(bias[:, :, None, None], instance_norm(x), weight[:, :, None, None])


class AdaINResidualBlock(nn.Module):
    """Residual block x + adain(conv(lrelu(adain(conv(x))))), 3 x 3, reflection padding."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = conv_block(channels, channels, 3, activate=False)
        self.conv2 = conv_block(channels, channels, 3, activate=False)

    def forward(self, x: Tensor, params: Tensor) -> Tensor:
        """Map (B, C, H, W) modulated by params (B, 2, 2, C): layer, then weight and bias."""
        hidden = nnf.leaky_relu(adain(self.conv1(x), params[:, 0, 0], params[:, 0, 1]), SLOPE)
        return x + adain(self.conv2(hidden), params[:, 1, 0], params[:, 1, 1])
