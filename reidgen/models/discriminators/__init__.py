"""Discriminators."""

from reidgen.models.discriminators.began import BEGANDiscriminator
from reidgen.models.discriminators.dcgan import DCGANDiscriminator
from reidgen.models.discriminators.patch import (
    MultiScaleDiscriminator,
    PatchGAN,
    StridedDiscriminator,
)

__all__ = [
    'BEGANDiscriminator',
    'DCGANDiscriminator',
    'MultiScaleDiscriminator',
    'PatchGAN',
    'StridedDiscriminator',
]
