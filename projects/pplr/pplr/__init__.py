"""PPLR (Cho et al., CVPR 2022): pseudo-labels of images refined by parts of them, and back."""

from .agreement import cross_agreement
from .bank import PartCentroidBank
from .encoder import PartEncoder
from .losses import PartRefinedContrast, RefinedLosses
from .model import PPLR, PartPseudoLabelHook

__all__ = [
    'PPLR',
    'PartCentroidBank',
    'PartEncoder',
    'PartPseudoLabelHook',
    'PartRefinedContrast',
    'RefinedLosses',
    'cross_agreement',
]
