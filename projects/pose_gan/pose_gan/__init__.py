"""Pose GAN: unconditional GANs of pictures and of maps of poses."""

from .part_map import PartMap

__all__ = ['PartMap']
