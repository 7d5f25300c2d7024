"""What is remembered between iterations."""

from reidgen.memory.bank import FeatureBank

__all__ = ['FeatureBank']
