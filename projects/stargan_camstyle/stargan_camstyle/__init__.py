"""StarGAN camera style transfer (Choi et al., CVPR 2018; Zhong et al., ECCV 2018)."""

from .model import StarGAN
from .networks import CameraDiscriminator, CameraGenerator, DiscriminatorOutput
from .transforms import BilinearResizeRandomCrop

__all__ = [
    'BilinearResizeRandomCrop',
    'CameraDiscriminator',
    'CameraGenerator',
    'DiscriminatorOutput',
    'StarGAN',
]
