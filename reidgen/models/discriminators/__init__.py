"""Networks that judge images."""
from reidgen.models.discriminators.patch import MultiScaleDiscriminator

__all__ = ['MultiScaleDiscriminator']
