"""Layers shared by several networks."""

from reidgen.models.layers.adain import AdaINResidualBlock, adain
from reidgen.models.layers.aspp import ASPP
from reidgen.models.layers.conv import ResidualBlock, conv_block
from reidgen.models.layers.init import kaiming_init, normal_init
from reidgen.models.layers.norm import ImageLayerNorm

__all__ = [
    'ASPP',
    'AdaINResidualBlock',
    'ImageLayerNorm',
    'ResidualBlock',
    'adain',
    'conv_block',
    'kaiming_init',
    'normal_init',
]
