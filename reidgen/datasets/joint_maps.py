"""JointMaps: pose maps from joints, drawn on a grid of their own."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as vision

from reidgen.choices import is_whole, one_of
from reidgen.datasets.joint_drawing import (
    METHODS,
    box_of,
    in_square,
    joint_maps,
    limb_maps,
    on_grid,
)
from reidgen.datasets.joint_heatmap import JointHeatmap
from reidgen.datasets.joint_layouts import layout_of
from reidgen.datasets.records import Record
from reidgen.datasets.transforms import check_size
from reidgen.registry import POSE_MAPS

BOXES = ('picture', 'person')
LIMB_WIDTH = 2 / 3  # standard deviation of a limb by that of a joint


@POSE_MAPS.register_module()
class JointMaps(JointHeatmap):
    """Joint heatmaps on a grid of its own size, with a peak of exactly 255, and maps of limbs.

    Joints are those that the data set has (`read_joints`: LSP, SyntheticReID), or of JSON files as
    of JointHeatmap. With the transform MapAsImage they are the images that a GAN learns; three
    joints are an image in red, green and blue.

    Args:
        layout: order of the joints: 'lsp14', 'mpii16', 'coco17', 'openpose18' or 'openpose25'.
        root: folder of `<split>.json`; None: the data set's own joints.
        size: (height, width) of the grid.
        sigma: of the Gaussian, in cells; 3 of 64 in PoseGAN. That of limbs is 2/3 of it.
        joints: which ones have a channel, in order; None: all.
        limbs: whether each limb between two of them has a channel, behind that of its first.
        box: what the grid shows: the 'picture', or the 'person', a square around the visible
            joints with half a side of 0.75 times the longer side of their box.
        clamp_outside: joints beside the grid are drawn at its border instead of left out.
        method: 'analytic' or 'filter', see `joint_maps`.

    Raises:
        ValueError: an unknown name, a joint that the layout lacks, or box='person' on a grid that
            is no square; when an image is asked for, as JointHeatmap.
    """

    def __init__(
        self,
        layout: str,
        root: str | None = None,
        size: tuple[int, int] = (64, 64),
        sigma: float = 3.0,
        joints: Sequence[int] | None = None,
        limbs: bool = False,
        box: str = 'picture',
        clamp_outside: bool = False,
        method: str = 'analytic',
    ):
        known = layout_of(layout, 'pose_map.layout')
        super().__init__('.' if root is None else root, len(known.names), sigma, known.swap)
        self.own_joints, self.num_joints = root is None, len(known.names)
        self.size = tuple(check_size(size, 'pose_map.size'))
        self.box = one_of(box, BOXES, 'pose_map.box')
        self.method = one_of(method, METHODS, 'pose_map.method')
        self.clamp_outside = clamp_outside
        if box == 'person' and self.size[0] != self.size[1]:
            raise ValueError(
                f"pose_map.size is {self.size}, but box='person' is a square; set two equal sides, "
                f"or box='picture'"
            )
        self.joints = list(range(self.num_joints)) if joints is None else list(joints)
        wrong = [joint for joint in self.joints if not is_whole(joint) or joint >= self.num_joints]
        if wrong or len(set(self.joints)) < len(self.joints) or not self.joints:
            raise ValueError(
                f'pose_map.joints is {joints}; name different joints of {layout}, 0 to '
                f'{self.num_joints - 1}: {", ".join(known.names)}'
            )
        self.limbs = [
            pair for pair in (known.limbs if limbs else ()) if set(pair) <= set(self.joints)
        ]
        # a channel is the joint or the pair of joints that it shows
        self.shown: list[frozenset[int]] = []
        for joint in self.joints:
            self.shown.append(frozenset((joint,)))
            self.shown += [frozenset(pair) for pair in self.limbs if pair[0] == joint]
        self.channels = len(self.shown)

    def attach(self, dataset: Any) -> None:
        if not self.own_joints:
            return
        if not hasattr(dataset, 'read_joints'):
            raise TypeError(
                f'JointMaps without root reads the joints of its data set, and '
                f'{type(dataset).__name__} has none; set pose_map.root to the folder of '
                f'<split>.json, or use LSP or SyntheticReID'
            )
        self.dataset = dataset

    def load(self, record: Record, split: str, view: int | None, image: Tensor) -> Tensor:
        if self.own_joints:
            joints = self.dataset.read_joints(record)
        else:
            joints = self._joints_of(record, split)
        if joints.shape != (self.num_joints, 3):
            raise ValueError(
                f'{record.path} has joints of shape {tuple(joints.shape)}, but pose_map.layout '
                f'has {self.num_joints}; name the layout that they are in'
            )
        return (self.draw(joints, image.shape[-2:]) * 255).round().to(torch.uint8)

    def draw(self, joints: Tensor, picture: Sequence[int]) -> Tensor:
        """Maps (M, h, w) float32 in [0, 1] of joints (J, 3) in pixels of a picture (H, W)."""
        height, width = self.size
        if self.box == 'picture':
            stretch = torch.tensor([width / picture[1], height / picture[0]])
            placed = joints.clone()
            placed[:, :2] = (joints[:, :2] + 0.5) * stretch - 0.5
        elif (joints[:, 2] > 0).any():
            placed = in_square(joints, box_of(joints), height)
        else:
            placed = joints
        cells = on_grid(placed, (height, width), self.clamp_outside)
        points = joint_maps(cells[self.joints], (height, width), self.sigma, self.method)
        lines = limb_maps(cells, self.limbs, (height, width), self.sigma * LIMB_WIDTH)
        planes = {frozenset((joint,)): plane for joint, plane in zip(self.joints, points)}
        planes |= {frozenset(pair): plane for pair, plane in zip(self.limbs, lines)}
        return torch.stack([planes[key] for key in self.shown])

    def missing(self, record: Record, split: str) -> list[str]:
        return [] if self.own_joints else super().missing(record, split)

    def flip(self, maps: Tensor) -> Tensor:
        mirrored = [frozenset(self.order[joint] for joint in key) for key in self.shown]
        if set(mirrored) != set(self.shown):
            raise ValueError(
                f'pose_map.joints is {self.joints}, which a mirrored picture has not: it exchanges '
                f'left and right joints; name both of each, or take RandomFlip out of transforms'
            )
        order = [self.shown.index(key) for key in mirrored]
        return vision.horizontal_flip(maps)[..., order, :, :]
