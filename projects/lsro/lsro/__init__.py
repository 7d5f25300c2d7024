"""LSRO (Zheng et al., ICCV 2017): unlabelled generated images as training images."""

from .data import GeneratedImages, RealAndGenerated
from .generate_hook import GenerateImagesHook
from .losses import ExtraClassLabel, PseudoLabel, UniformLabel
from .model import LSRO
from .networks import ExtraClassClassifier

__all__ = [
    'LSRO',
    'ExtraClassClassifier',
    'ExtraClassLabel',
    'GenerateImagesHook',
    'GeneratedImages',
    'PseudoLabel',
    'RealAndGenerated',
    'UniformLabel',
]
