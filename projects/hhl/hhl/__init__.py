"""HHL (Zhong et al., ECCV 2018): camera invariance and domain connectedness for re-ID."""

from .copies import CameraCopies, CopiesBatch
from .model import HHL
from .networks import TripletLayer
from .transforms import RandomRectCrop

__all__ = ['HHL', 'CameraCopies', 'CopiesBatch', 'RandomRectCrop', 'TripletLayer']
