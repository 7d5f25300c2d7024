"""What is remembered between iterations."""

from reidgen.memory.bank import FeatureBank
from reidgen.memory.image_pool import ImagePool

__all__ = ['FeatureBank', 'ImagePool']
