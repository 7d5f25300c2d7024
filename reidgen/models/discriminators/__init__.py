"""Networks that judge images."""

from reidgen.models.discriminators.patch import MultiScaleDiscriminator, StridedDiscriminator

__all__ = ['MultiScaleDiscriminator', 'StridedDiscriminator']
