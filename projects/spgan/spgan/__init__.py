"""SPGAN (Deng et al., CVPR 2018): similarity-preserving image translation."""

from .contrast import SiameseContrast
from .lmp import LMPEncoder
from .model import SPGAN
from .siamese import SiaNet

__all__ = ['SPGAN', 'LMPEncoder', 'SiaNet', 'SiameseContrast']
