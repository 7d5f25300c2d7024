"""PTGAN (Wei et al., CVPR 2018): translation that preserves the foreground person."""

from .masks import DatasetMask, MaskFolder
from .model import PTGAN

__all__ = ['PTGAN', 'DatasetMask', 'MaskFolder']
