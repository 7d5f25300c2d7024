"""StarGAN camera style: registers the model, its networks and a transform."""

from .model import StarGAN
from .networks import CameraDiscriminator, CameraGenerator, Judgement
from .transforms import BilinearResizeRandomCrop

__all__ = [
    'BilinearResizeRandomCrop',
    'CameraDiscriminator',
    'CameraGenerator',
    'Judgement',
    'StarGAN',
]
