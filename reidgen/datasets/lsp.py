"""LSP: Leeds Sports Poses and its extended training set."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as nnf
from scipy.io import loadmat
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as vision

from reidgen.choices import check_count
from reidgen.datasets.image_files import read_rgb
from reidgen.datasets.joint_drawing import box_of, in_square
from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.roots import Roots
from reidgen.registry import DATASETS

NUM_TRAIN = 1000  # of LSP; the others are its test set
FILE = 'joints.mat'
FLAGS = {(3, 14): 'occluded', (14, 3): 'visible'}  # axes -> what the third row says where it is 1


def read_joints_mat(path: str | Path, flag: str | None = None) -> Tensor:
    """Joints (N, 14, 3) float32 of LSP's joints.mat: x, y, and 1 where the joint is seen.

    Two orders of axes are known: (3, 14, N) of LSP, whose flag is 1 where a joint is occluded, and
    (14, 3, N) of LSP extended, whose flag is 1 where it is visible.

    Args:
        flag: 'occluded' or 'visible'; None: by the order of the axes.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no MATLAB file with such an array `joints`, or an unknown flag.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path.absolute()}; put LSP's {FILE} there")
    if flag not in (None, *FLAGS.values()):
        raise ValueError(f'flag is {flag!r}; choose one of occluded, visible, or None')
    try:
        told = loadmat(path).get('joints')
    except Exception as error:  # of a damaged file scipy raises what it happens to meet
        raise ValueError(f"{path} is no MATLAB file: {error}; restore it from LSP's archive") from (
            error
        )
    shape = None if told is None else told.shape
    if shape is None or len(shape) != 3 or shape[:2] not in FLAGS or told.dtype.kind not in 'fiu':
        raise ValueError(
            f'{path} has joints of shape {shape}; LSP has numbers (3, 14, N), LSP extended '
            f'(14, 3, N)'
        )
    joints = np.asarray(told, np.float32).transpose(2, *((1, 0) if shape[0] == 3 else (0, 1)))
    found = torch.from_numpy(np.ascontiguousarray(joints))
    is_one = found[..., 2] > 0.5
    found[..., 2] = (is_one if (flag or FLAGS[shape[:2]]) == 'visible' else ~is_one).float()
    return found


@DATASETS.register_module()
class LSP(ReIDDataset):
    """Leeds Sports Poses (Johnson and Everingham, BMVC 2010) and its extended set (CVPR 2011).

        <root>/lsp/joints.mat, <root>/lsp/images/im0001.jpg, ...       2,000 people
        <root>/lspet/joints.mat, <root>/lspet/images/im00001.jpg, ...  10,000, for training

    'train' is the first 1,000 of LSP and the extended set, 'query' the other 1,000 of LSP. Nobody
    has an identity.

    Args:
        root: see ReIDDataset.
        extended: whether the extended set is read.
        crop: side of a square crop around the person, 0 outside the picture, bilinear; None: the
            picture as it is. Half its side in the picture is 0.75 times the longer side of the box
            around the joints that are there.
        drop_hidden: joints that are marked as hidden are absent; False: those with coordinates
            below 0 are, alone.

    Raises:
        FileNotFoundError, ValueError: as `read_joints_mat`; pictures and joints that are not of one
            number; or see ReIDDataset.
    """

    name = 'lsp'

    def __init__(
        self,
        root: Roots,
        split: str = 'train',
        *,
        extended: bool = True,
        crop: int | None = None,
        drop_hidden: bool = False,
        **kwargs: Any,
    ):
        if crop is not None:
            check_count('crop', crop)
        self.extended, self.crop, self.drop_hidden = extended, crop, drop_hidden
        self.folders = ('lsp', 'lspet') if extended else ('lsp',)
        self._joints: dict[str, Tensor] = {}
        super().__init__(root, split, **dict(labelled=False) | kwargs)

    def read_split(self, split: str) -> list[Record]:
        if split not in ('train', 'query'):
            raise ValueError(f"LSP has no split '{split}'; it has train, and query: its test set")
        first = slice(NUM_TRAIN) if split == 'train' else slice(NUM_TRAIN, None)
        records = self._people('lsp', 4, first)
        if self.extended and split == 'train':
            records += self._people('lspet', 5, slice(None))
        return records

    def read_image(self, record: Record) -> Tensor:
        """Image (3, H, W) uint8, cropped as `crop` says."""
        image = read_rgb(record.path)
        if self.crop is None:
            return image
        x, y, half = self._box(record)
        left, top = round(x - half), round(y - half)
        side = max(round(2 * half), 1)
        height, width = image.shape[-2:]
        sides = (-left, left + side - width, -top, top + side - height)
        padded = nnf.pad(image, [max(pixels, 0) for pixels in sides])
        cut = vision.crop(padded, max(top, 0), max(left, 0), side, side)
        return vision.resize(cut, [self.crop] * 2, v2.InterpolationMode.BILINEAR, antialias=True)

    def read_joints(self, record: Record) -> Tensor:
        """Joints (14, 3) float32 in LSP's order: x, y in pixels of the image that `read_image`
        gives; 1 where they are there, else zeros.
        """
        joints = self._joints[record.path]
        if self.crop is None or not (joints[:, 2] > 0).any():
            return joints.clone()
        moved = in_square(joints, self._box(record), self.crop)
        return torch.where(joints[:, 2:] > 0, moved, torch.zeros(()))

    def _people(self, folder: str, digits: int, chosen: slice) -> list[Record]:
        path = self.root / folder / FILE
        joints = read_joints_mat(path)
        images = self.root / folder / 'images'
        paths = [images / f'im{number + 1:0{digits}d}.jpg' for number in range(len(joints))]
        found = len(list(images.glob('im*.jpg'))) if images.is_dir() else 0
        if found != len(joints):
            raise ValueError(
                f'{path} has joints of {len(joints)} people, {images} {found} pictures '
                f'(im{1:0{digits}d}.jpg, ...); restore both from one archive'
            )
        there = (joints[..., :2] >= 0).all(-1) & joints.isfinite().all(-1)  # NaN is not
        seen = there & (joints[..., 2] > 0) if self.drop_hidden else there
        joints[..., 2] = seen.float()
        self._joints |= dict(zip(map(str, paths), _zeroed(joints)))
        return [Record(str(path), -1, 0) for path in paths[chosen]]

    def _box(self, record: Record) -> tuple[float, float, float]:
        try:
            return box_of(self._joints[record.path])
        except ValueError as error:
            raise ValueError(
                f'{record.path} cannot be cropped: {error}; leave it out, or set crop=None'
            ) from error


def _zeroed(joints: Tensor) -> Tensor:
    """Joints whose coordinates are zeros where they are absent."""
    return torch.where(joints[..., 2:] > 0, joints, torch.zeros(()))
