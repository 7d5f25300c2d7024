"""Face frontalization: a GAN that turns profiles into frontal faces of the same person."""

from .decoders import MultiScaleDecoder, SingleScaleDecoder
from .discriminators import MultiScaleFaceDiscriminator, RegionDiscriminator
from .encoders import FaceResNet50, FaceVGG16, FrozenEncoder, FrozenTrunk
from .face_sets import CentreCrop, FaceFolders, FaceList, FrontalPairs, RandomCrop
from .legacy import DecemberDecoder, DecemberDiscriminator, NovemberDecoder
from .losses import PixelLoss
from .model import FaceFrontalizer, Frontalized
from .multi_pie import MultiPIE
from .rendered import RenderedFaces

__all__ = [
    'CentreCrop',
    'DecemberDecoder',
    'DecemberDiscriminator',
    'FaceFolders',
    'FaceFrontalizer',
    'FaceList',
    'FaceResNet50',
    'FaceVGG16',
    'FrontalPairs',
    'Frontalized',
    'FrozenEncoder',
    'FrozenTrunk',
    'MultiPIE',
    'MultiScaleDecoder',
    'MultiScaleFaceDiscriminator',
    'NovemberDecoder',
    'PixelLoss',
    'RandomCrop',
    'RegionDiscriminator',
    'RenderedFaces',
    'SingleScaleDecoder',
]
