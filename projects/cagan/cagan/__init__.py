"""CAGAN (Jetchev & Bergmann, ICCV Workshops 2017): garment transfer between images of persons."""

from .datasets import GarmentDataset, Pair, Truth
from .keras_networks import KerasCAGANDiscriminator, KerasCAGANGenerator
from .model import CAGAN, SwapBatch, Swaps
from .networks import CAGANDiscriminator, CAGANGenerator, GeneratorOutput
from .synthetic_sets import ShapesGarments, SyntheticGarments
from .try_on_sets import MPV, VITON

__all__ = [
    'CAGAN',
    'MPV',
    'VITON',
    'CAGANDiscriminator',
    'CAGANGenerator',
    'GarmentDataset',
    'GeneratorOutput',
    'KerasCAGANDiscriminator',
    'KerasCAGANGenerator',
    'Pair',
    'ShapesGarments',
    'SwapBatch',
    'Swaps',
    'SyntheticGarments',
    'Truth',
]
