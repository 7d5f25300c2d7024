"""Losses from plain tensors to 0-d tensors; their weights belong to the model."""

from reidgen.losses.contrast import CentroidContrast, MemoryContrast
from reidgen.losses.equilibrium import BoundaryEquilibrium
from reidgen.losses.gan import GANLoss
from reidgen.losses.identity import (
    BatchHardTriplet,
    ContrastiveLoss,
    LabelSmoothCrossEntropy,
    TripletLoss,
)
from reidgen.losses.penalty import GradientPenalty
from reidgen.losses.pml import PML
from reidgen.losses.proxies import InterCameraContrast, ProxyContrast

__all__ = [
    'PML',
    'BatchHardTriplet',
    'BoundaryEquilibrium',
    'CentroidContrast',
    'ContrastiveLoss',
    'GANLoss',
    'GradientPenalty',
    'InterCameraContrast',
    'LabelSmoothCrossEntropy',
    'MemoryContrast',
    'ProxyContrast',
    'TripletLoss',
]
