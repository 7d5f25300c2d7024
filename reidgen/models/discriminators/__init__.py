"""Discriminators."""

from reidgen.models.discriminators.patch import (
    MultiScaleDiscriminator,
    PatchGAN,
    StridedDiscriminator,
)

__all__ = ['MultiScaleDiscriminator', 'PatchGAN', 'StridedDiscriminator']
