"""Orders of body joints: LSP's 14, MPII's 16, COCO's 17, OpenPose's 18 and 25."""

from typing import NamedTuple

import torch
from torch import Tensor

from reidgen.choices import one_of


class JointLayout(NamedTuple):
    """Joints by name in their order, `r_` and `l_` for the body's own sides, and limbs."""

    names: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]  # pairs of joints that a line is drawn between

    @property
    def swap(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joints that change places in a mirrored picture."""
        return tuple(
            (number, self.names.index(other))
            for number, name in enumerate(self.names)
            if name.startswith('r_') and (other := f'l_{name[2:]}') in self.names
        )

    @property
    def mirrored(self) -> list[int]:
        """Joint of a mirrored picture -> joint of the picture."""
        order = list(range(len(self.names)))
        for a, b in self.swap:
            order[a], order[b] = b, a
        return order


_LEGS = ('r_ankle', 'r_knee', 'r_hip', 'l_hip', 'l_knee', 'l_ankle')
_ARMS = ('r_wrist', 'r_elbow', 'r_shoulder', 'l_shoulder', 'l_elbow', 'l_wrist')
_CHAIN = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5))


_OPENPOSE_ARMS = tuple(f'{side}_{part}' for side in 'rl' for part in ('shoulder', 'elbow', 'wrist'))
_OPENPOSE_LEGS = tuple(f'{side}_{part}' for side in 'rl' for part in ('hip', 'knee', 'ankle'))


def _from(first: int) -> tuple[tuple[int, int], ...]:
    return tuple((first + a, first + b) for a, b in _CHAIN)


LAYOUTS = {
    # Johnson and Everingham, BMVC 2010
    'lsp14': JointLayout((*_LEGS, *_ARMS, 'neck', 'head_top'), (*_CHAIN, *_from(6), (12, 13))),
    # Andriluka et al., CVPR 2014
    'mpii16': JointLayout(
        (*_LEGS, 'pelvis', 'thorax', 'neck', 'head_top', *_ARMS),
        (*_CHAIN, (6, 7), (7, 8), (8, 9), *_from(10)),
    ),
    # Lin et al., ECCV 2014
    'coco17': JointLayout(
        (
            'nose',
            *(f'{side}_{part}' for part in ('eye', 'ear') for side in 'lr'),
            *(
                f'{side}_{part}'
                for part in ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')
                for side in 'lr'
            ),
        ),
        (
            *((0, 1), (0, 2), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6)),
            *((5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 12)),
            *((11, 13), (13, 15), (12, 14), (14, 16)),
        ),
    ),
    # Cao et al., CVPR 2017
    'openpose18': JointLayout(
        (
            *('nose', 'neck', 'r_shoulder', 'r_elbow', 'r_wrist', 'l_shoulder', 'l_elbow'),
            *('l_wrist', 'r_hip', 'r_knee', 'r_ankle', 'l_hip', 'l_knee', 'l_ankle'),
            *('r_eye', 'l_eye', 'r_ear', 'l_ear'),
        ),
        (
            *((0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10)),
            *((1, 11), (11, 12), (12, 13), (0, 14), (0, 15), (14, 16), (15, 17)),
        ),
    ),
    # BODY_25 of OpenPose 1.4 (Cao et al., TPAMI 2021)
    'openpose25': JointLayout(
        (
            *('nose', 'neck', *_OPENPOSE_ARMS, 'mid_hip', *_OPENPOSE_LEGS),
            *('r_eye', 'l_eye', 'r_ear', 'l_ear'),
            *(f'{side}_{part}' for side in 'lr' for part in ('big_toe', 'small_toe', 'heel')),
        ),
        (
            *((0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10)),
            *((10, 11), (8, 12), (12, 13), (13, 14), (0, 15), (0, 16), (15, 17), (16, 18)),
            *((14, 19), (19, 20), (14, 21), (11, 22), (22, 23), (11, 24)),
        ),
    ),
}
LSP_IN_MPII = tuple(LAYOUTS['mpii16'].names.index(name) for name in LAYOUTS['lsp14'].names)


def layout_of(name: str, place: str = 'layout') -> JointLayout:
    """Layout of a name; ValueError for an unknown one."""
    return LAYOUTS[one_of(name, tuple(LAYOUTS), place)]


def lsp_to_mpii(joints: Tensor) -> Tensor:
    """Joints (..., 16, 3) in MPII's order of joints (..., 14, 3) in LSP's.

    Pelvis and thorax, which LSP lacks, are absent: zeros.
    """
    slots = joints.new_zeros(*joints.shape[:-2], 16, 3)
    slots[..., list(LSP_IN_MPII), :] = joints
    return slots


def flip_joints(joints: Tensor, layout: str, width: int) -> Tensor:
    """Joints (..., J, 3) of the mirrored picture, left and right exchanged; absent ones stay so.

    Args:
        width: of the picture, in pixels.
    """
    flipped = joints[..., layout_of(layout).mirrored, :].clone()
    flipped[..., 0] = torch.where(flipped[..., 2] > 0, width - 1 - flipped[..., 0], flipped[..., 0])
    return flipped
