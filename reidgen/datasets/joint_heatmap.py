"""Pose maps from body joints, one channel a joint."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as vision

from reidgen.datasets.joint_layouts import LAYOUTS
from reidgen.datasets.pose_maps import PoseMap
from reidgen.datasets.records import Record
from reidgen.datasets.roots import as_path
from reidgen.files import read_json
from reidgen.registry import POSE_MAPS

# left and right joints by the number of joints, which no two layouts share
SWAPS = {len(layout.names): layout.swap for layout in LAYOUTS.values()}
FARTHEST = 100_000  # pixels of a coordinate; a joint may be outside the picture, but not so far


@POSE_MAPS.register_module()
class JointHeatmap(PoseMap):
    """Joint heatmaps: a Gaussian in one channel a joint (Ma et al., NeurIPS 2017: discs).

    Read from `<root>/<split>.json` (train.json, query.json, gallery.json):
    `{"0002_c1s1_000451_03.jpg": [[x, y, visible], ...], ...}`, pixels of the upright image, x to
    the right, y down, from the centre of the first pixel; visible 0 leaves the channel empty.

    Args:
        num_joints: J, channels.
        sigma: of the Gaussian, in pixels of the image file.
        swap: pairs of left and right joints, which change places in a mirrored image; None:
            LSP's for 14 joints, MPII's for 16, COCO's for 17, OpenPose's for 18 and 25.

    Raises:
        ValueError: numbers that cannot be; or, when an image is asked for, a file that is no JSON
            of such a form, or joints that are not (J, 3) finite numbers, or FARTHEST pixels
            and more away.
    """

    def __init__(
        self,
        root: str,
        num_joints: int = 18,
        sigma: float = 6.0,
        swap: Sequence[tuple[int, int]] | None = None,
    ):
        if swap is None and num_joints not in SWAPS:
            raise ValueError(
                f'num_joints is {num_joints}: give swap, the pairs of left and right joints (those '
                f'of LSP, MPII, COCO and OpenPose are known, 14, 16, 17, 18 and 25)'
            )
        if not 0 < sigma < math.inf:
            raise ValueError(f'sigma is {sigma}; it must be a number of pixels above 0')
        pairs = SWAPS[num_joints] if swap is None else swap
        if sorted({*range(num_joints), *(joint for pair in pairs for joint in pair)}) != list(
            range(num_joints)
        ):
            raise ValueError(f'swap is {pairs}; joints are numbered from 0 to {num_joints - 1}')
        self.root = as_path(root, 'pose_map.root')
        self.channels = num_joints
        self.sigma = sigma
        self.order = list(range(num_joints))
        for left, right in pairs:
            self.order[left], self.order[right] = right, left
        self._joints: dict[str, dict] = {}

    def load(self, record: Record, split: str, view: int | None, image: Tensor) -> Tensor:
        x, y, visible = self._joints_of(record, split).unbind(1)
        height, width = image.shape[-2:]
        column = torch.exp(-((torch.arange(height) - y[:, None]) ** 2) / (2 * self.sigma**2))
        row = torch.exp(-((torch.arange(width) - x[:, None]) ** 2) / (2 * self.sigma**2))
        heat = column[:, :, None] * row[:, None, :]  # (J, H, W)
        return (heat * (visible > 0)[:, None, None] * 255).round().to(torch.uint8)

    def missing(self, record: Record, split: str) -> list[str]:
        name = Path(record.path).name
        if name not in self._read(split):
            return [f'{self._file(split)}: {name}']
        self._joints_of(record, split)  # raises here, not in the middle of a training
        return []

    def how_to_make(self) -> str:
        return f'estimate the joints and write them to <split>.json in {self.root.absolute()}'

    def flip(self, maps: Tensor) -> Tensor:
        return vision.horizontal_flip(maps)[..., self.order, :, :]

    def _joints_of(self, record: Record, split: str) -> Tensor:
        """Joints (J, 3) float32: x, y, visible; finite, the first two below FARTHEST."""
        name = Path(record.path).name
        told, place = self._read(split)[name], f'{self._file(split)}: {name}'
        try:
            joints = torch.tensor(told, dtype=torch.float32)
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise ValueError(
                f'{place} has joints that are no numbers in rows of three, {str(told)[:100]}; '
                f'write [[x, y, visible], ...] with {self.channels} rows'
            ) from error
        if joints.shape != (self.channels, 3):
            raise ValueError(
                f'{place} has joints of shape {tuple(joints.shape)}, not ({self.channels}, 3); '
                f'correct the file or pose_map.num_joints'
            )
        for what, fine in (
            ('not finite', joints.isfinite().all(1)),
            (f'{FARTHEST:,} pixels away or more', (joints[:, :2].abs() < FARTHEST).all(1)),
        ):
            for joint in (~fine).nonzero().flatten().tolist():
                raise ValueError(
                    f'{place}, joint {joint} is {told[joint]}, which is {what}; write [0, 0, 0] '
                    f'for a joint that is not seen'
                )
        return joints

    def _file(self, split: str) -> Path:
        return self.root / f'{split}.json'

    def _read(self, split: str) -> dict:
        """Joints of a split by file name; empty if there is no file."""
        if split not in self._joints:
            path = self._file(split)
            try:
                told = read_json(path.read_bytes() if path.is_file() else '{}')
            except ValueError as error:  # no JSON, no UTF-8, or a name twice
                raise ValueError(f'{path} is no JSON: {error}; write it again') from error
            if not isinstance(told, dict):
                raise ValueError(
                    f'{path} holds a {type(told).__name__}; write {{"name.jpg": [[x, y, visible], '
                    f'...], ...}}'
                )
            self._joints[split] = told
        return self._joints[split]
