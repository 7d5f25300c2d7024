"""Models: networks, and the systems that train them."""

from . import discriminators, encoders, generators
from .adversarial import AdversarialModel, Phase
from .cross_domain_gcl import CrossDomainGCL
from .identity import IdentityModel
from .preprocessor import BatchNormalizer

__all__ = [
    'AdversarialModel',
    'BatchNormalizer',
    'CrossDomainGCL',
    'IdentityModel',
    'Phase',
    'discriminators',
    'encoders',
    'generators',
]
