"""CycleGAN (Zhu et al., ICCV 2017): unpaired translation between two re-identification domains."""

from .model import CycleGAN

__all__ = ['CycleGAN']
