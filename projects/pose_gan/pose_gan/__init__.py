"""Pose GAN: GANs of pictures and of maps of poses, unconditional and from one to the other."""

from .lsp_slots import LSPSlots
from .part_map import PartMap
from .pose_translation import PoseTranslation

__all__ = ['LSPSlots', 'PartMap', 'PoseTranslation']
