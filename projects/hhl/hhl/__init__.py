"""HHL: registers the model, its triplet layer, its data set and its crop."""

from .copies import CameraCopies, CopiesBatch
from .model import HHL
from .networks import TripletLayer
from .transforms import RandomRectCrop

__all__ = ['HHL', 'CameraCopies', 'CopiesBatch', 'RandomRectCrop', 'TripletLayer']
