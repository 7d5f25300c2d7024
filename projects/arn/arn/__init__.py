"""ARN (Li et al., CVPR Workshops 2018): shared and private parts of the features of two domains."""

from .losses import MMD, CodeContrast, DifferenceLoss, ReconstructionLoss
from .model import ARN
from .networks import ConvEncoder, ImageDecoder, MapDecoder, TrunkPart

__all__ = [
    'ARN',
    'MMD',
    'CodeContrast',
    'ConvEncoder',
    'DifferenceLoss',
    'ImageDecoder',
    'MapDecoder',
    'ReconstructionLoss',
    'TrunkPart',
]
