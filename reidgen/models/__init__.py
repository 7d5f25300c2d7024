"""Models: networks, and the systems that train them."""

from . import discriminators, encoders, generators
from .adversarial import AdversarialModel, Phase
from .cross_domain_gcl import CrossDomainGCL
from .preprocessor import BatchNormalizer

__all__ = [
    'AdversarialModel',
    'BatchNormalizer',
    'CrossDomainGCL',
    'Phase',
    'discriminators',
    'encoders',
    'generators',
]
