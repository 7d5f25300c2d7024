"""StarGAN camera style: registers the model and its networks."""

from .model import StarGAN
from .networks import CameraDiscriminator, CameraGenerator, Judgement

__all__ = ['CameraDiscriminator', 'CameraGenerator', 'Judgement', 'StarGAN']
