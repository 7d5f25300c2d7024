"""Discriminators."""

from reidgen.models.discriminators.dcgan import DCGANDiscriminator
from reidgen.models.discriminators.patch import (
    MultiScaleDiscriminator,
    PatchGAN,
    StridedDiscriminator,
)

__all__ = ['DCGANDiscriminator', 'MultiScaleDiscriminator', 'PatchGAN', 'StridedDiscriminator']
