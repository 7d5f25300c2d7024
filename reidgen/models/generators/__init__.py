"""Generators."""

from reidgen.models.generators.adain import AdaINDecoder, AdaINHeads
from reidgen.models.generators.began import BEGANGenerator
from reidgen.models.generators.dcgan import DCGANGenerator
from reidgen.models.generators.resnet import ResNetGenerator
from reidgen.models.generators.stripe import StripeAdaINDecoder
from reidgen.models.generators.unet import UNetGenerator

__all__ = [
    'AdaINDecoder',
    'AdaINHeads',
    'BEGANGenerator',
    'DCGANGenerator',
    'ResNetGenerator',
    'StripeAdaINDecoder',
    'UNetGenerator',
]
