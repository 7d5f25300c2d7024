"""Losses from plain tensors to 0-d tensors; their weights belong to the model."""

from reidgen.losses.contrast import CentroidContrast, MemoryContrast
from reidgen.losses.gan import GANLoss
from reidgen.losses.identity import BatchHardTriplet, LabelSmoothCrossEntropy, TripletLoss
from reidgen.losses.penalty import GradientPenalty
from reidgen.losses.proxies import InterCameraContrast, ProxyContrast

__all__ = [
    'BatchHardTriplet',
    'CentroidContrast',
    'GANLoss',
    'GradientPenalty',
    'InterCameraContrast',
    'LabelSmoothCrossEntropy',
    'MemoryContrast',
    'ProxyContrast',
    'TripletLoss',
]
