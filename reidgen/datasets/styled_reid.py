"""StyledReID: training images as the other cameras of their data set would have seen them."""

import re
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from reidgen.choices import check_count
from reidgen.datasets.image_files import find_corrupt, list_images
from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.roots import Roots
from reidgen.registry import DATASETS, build

NUM_NAMED = 3  # files that an error lists
COPY = re.compile(r'.*_fake_(\d+to)?\d+')  # stem of a copy
FIX = 'write them with a trained StarGAN (projects/stargan_camstyle/write_copies.py)'


@DATASETS.register_module()
class StyledReID(ReIDDataset):
    """Camera-styled copies of the training images of a data set (Zhong et al., CVPR 2018).

    A copy has the identity of its image, numbered as there, and the camera whose style it has. The
    copies of the first image come first, by camera, then those of the second. There are no others:
    files that are copies of no training image are not read.

    Files are named `<stem>_fake_<camera>.jpg` (StarGAN) or `<stem>_fake_<from>to<camera>.jpg`
    (CycleGAN for each pair of cameras, as the published copies of CamStyle); cameras count from 1.

    Args:
        dataset: config of the training images, with the transforms of the copies.
        num_cameras: C.
        copies: folder of the files; relative to the data set's root, or absolute.
        own_camera: whether the copy in the image's own camera is read; CycleGAN makes none.
        jitter: instead of files: transforms that make each copy of the image before it is
            augmented. A baseline for camera-styled copies, and for tests.

    Attributes:
        images: the training images.
        per_image: copies of each.

    Raises:
        FileNotFoundError: a copy is missing; the first are named.
        TypeError: `dataset` is no ReIDDataset, or has pose maps.
        ValueError: neither `copies` nor `jitter` is given, or both; `dataset` is no training split,
            has a camera above C, or lists copies as images; or a copy cannot be decoded.
    """

    def __init__(
        self,
        dataset: dict,
        num_cameras: int,
        copies: str | None = None,
        own_camera: bool = True,
        jitter: Sequence[dict] | None = None,
    ):
        if (copies is None) == (jitter is None):
            raise ValueError(
                f'copies is {copies!r} and jitter {jitter!r}; give one of them: the folder of the '
                f'copies, or transforms that stand in for it'
            )
        check_count('num_cameras', num_cameras)
        self.images = _training_images(dataset, num_cameras)
        self.num_cameras, self.own_camera, self.jitters = num_cameras, own_camera, copies is None
        self.per_image = num_cameras - (not own_camera)
        self.name = f'copies of {self.images.name}'
        self._image_of = {record.path: record for record in self.images.records}
        super().__init__(
            str(Path(self.images.root, copies or '')),
            transforms=[*(jitter or ()), *dataset.get('transforms', ())],
            labelled=self.images.labelled,
            check_images=False,  # read_split does
        )

    def cameras(self, row: int) -> list[int]:
        """Cameras of an image's copies, in the order of their rows; from 1."""
        own = int(self.images.camids[row]) + 1
        return [k for k in range(1, self.num_cameras + 1) if self.own_camera or k != own]

    def find_root(self, root: Roots) -> Path:
        folder = Path(str(root))
        if not self.jitters and not folder.is_dir():
            raise FileNotFoundError(f'no {self.name} in {folder}; {FIX}')
        return folder

    def read_split(self, split: str) -> list[Record]:
        found = {} if self.jitters else {path.stem: path for path in list_images(self.root)}
        records, missing = [], []
        for row, image in enumerate(self.images.records):
            for camera in self.cameras(row):
                names = copy_stems(image, camera)
                path = next((found[name] for name in names if name in found), None)
                if path is None and not self.jitters:
                    missing.append(f'{names[0]}.jpg')
                records.append(Record(str(path or image.path), image.pid, camera - 1))
        if missing:
            raise FileNotFoundError(
                f'{self.root} lacks {len(missing)} of {len(records)} copies, the first: '
                f'{", ".join(missing[:NUM_NAMED])}; {FIX}, or set num_cameras to theirs, and '
                f'own_camera=False where there are none in the own camera'
            )
        if self.images.check_images and not self.jitters:
            self._check_files(records)
        return records

    def _check_files(self, records: list[Record]) -> None:
        # none may be left out: each image has as many
        corrupt = find_corrupt([record.path for record in records])
        if corrupt:
            first, reason = next(iter(corrupt.items()))
            raise ValueError(
                f'{len(corrupt)} of {len(records)} {self.name} cannot be decoded, the first '
                f'{first} ({reason}); remove them, and {FIX}, which completes the folder'
            )

    def read_image(self, record: Record) -> Tensor:
        if self.jitters:
            return self.images.read_image(self._image_of[record.path])
        return super().read_image(record)


def copy_stems(image: Record, camera: int) -> tuple[str, str]:
    """File names without suffix that a copy may have: StarGAN's and CycleGAN's."""
    stem = Path(image.path).stem
    return f'{stem}_fake_{camera}', f'{stem}_fake_{image.camid + 1}to{camera}'


def _training_images(dataset: dict, num_cameras: int) -> ReIDDataset:
    images = build(dataset, DATASETS, 'dataset')
    if not isinstance(images, ReIDDataset) or images.pose_map is not None:
        raise TypeError(
            f'StyledReID has copies of plain images, but its dataset is {dataset}; give a '
            f'ReIDDataset without pose_map'
        )
    if images.split != 'train':
        raise ValueError(
            f"StyledReID has copies of training images, but its dataset has split '{images.split}';"
            f" set split='train', and test on the data set itself"
        )
    last = int(images.camids.max()) + 1
    if last > num_cameras:
        raise ValueError(
            f'num_cameras is {num_cameras}, but {images.name} has images of camera {last}; set '
            f'num_cameras to {last} or more'
        )
    copies = [record.path for record in images.records if COPY.fullmatch(Path(record.path).stem)]
    if copies:
        raise ValueError(
            f'{images.name} lists {len(copies)} camera-styled copies as images, the first '
            f'{copies[0]}; keep copies in a folder that it does not read'
        )
    return images
