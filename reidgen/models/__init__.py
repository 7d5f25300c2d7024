"""Models: networks, and the training systems built of them."""

from . import discriminators, encoders, generators
from .adversarial import AdversarialModel
from .began import BEGAN
from .cluster_contrast import ClusterContrast
from .cross_domain_gcl import CrossDomainGCL
from .cycle import CycleTranslation
from .gcl import GCL
from .identity import IdentityModel
from .phases import MemoryUse, Phase
from .preprocessor import BatchNormalizer
from .unconditional import UnconditionalGAN

__all__ = [
    'BEGAN',
    'GCL',
    'AdversarialModel',
    'BatchNormalizer',
    'ClusterContrast',
    'CrossDomainGCL',
    'CycleTranslation',
    'IdentityModel',
    'MemoryUse',
    'Phase',
    'UnconditionalGAN',
    'discriminators',
    'encoders',
    'generators',
]
