"""PTGAN (Wei et al., CVPR 2018): translation that leaves the person as they are."""

from .masks import DatasetMask, MaskFolder
from .model import PTGAN

__all__ = ['PTGAN', 'DatasetMask', 'MaskFolder']
