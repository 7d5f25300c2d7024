"""HHL (Zhong et al., ECCV 2018): camera invariance and domain connectedness for re-ID."""

from .copies import CameraCopies, CopiesBatch
from .model import HHL
from .networks import TripletLayer

__all__ = ['HHL', 'CameraCopies', 'CopiesBatch', 'TripletLayer']
