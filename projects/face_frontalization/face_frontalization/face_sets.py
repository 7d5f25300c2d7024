"""Faces from lists and folders, and pairs of a face with the person's true frontal face."""

import copy
import csv
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as vision

from reidgen.choices import one_of
from reidgen.datasets import Record, ReIDDataset, TwoViews
from reidgen.datasets.image_files import read_rgb, scan_images
from reidgen.datasets.roots import Roots, as_path
from reidgen.datasets.transforms import Sample, Transform, check_size, without_chance
from reidgen.registry import DATASETS, TRANSFORMS

MODES = ('fixed07', 'same_illumination', 'mean20')
PARTS = ('all', 'frontal', 'others')
NUM_NAMED = 5  # files that an error lists


@DATASETS.register_module()
class FaceList(ReIDDataset):
    """Faces of a text file: a path a line, or a profile's and its frontal face's, `profile,gt`.

    Identities are not known (pid -1); the paths are below root or absolute.

    Args:
        root: folder of the images.
        list_file: of the list, below root or absolute; empty lines are skipped.
        options: of ReIDDataset.

    Raises:
        FileNotFoundError: no such list.
        ValueError: a line has another number of paths than the first, a file is listed and not
            there, or the list is empty.
    """

    name = 'face_list'

    def __init__(self, root: Roots, list_file: str, split: str = 'train', **options):
        self.list_file = as_path(list_file, 'list_file')
        self._truth: dict[str, str] = {}
        super().__init__(root, split, **{'labelled': False} | options)

    def read_split(self, split: str) -> list[Record]:
        root = Path(self.root)
        path = root / self.list_file
        if not path.is_file():
            raise FileNotFoundError(f'no list {path.absolute()}; list_file is relative to root')
        with open(path, newline='', encoding='utf-8-sig') as file:
            reader = csv.reader(file, skipinitialspace=True)
            lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
        lines = [(number, cells) for number, cells in lines if any(cells)]
        if not lines:
            raise ValueError(f'{path} is empty; write a path, or profile,gt, a line')
        columns = len(lines[0][1])
        for number, cells in lines:
            if len(cells) != columns or not all(cells) or columns > 2:
                raise ValueError(
                    f'{path}, line {number}: {", ".join(cells)}; write a path, or profile,gt, the '
                    f'same number in each line'
                )
            lost = [cell for cell in cells if not (root / cell).is_file()]
            if lost:
                raise ValueError(
                    f'{path}, line {number}: no file {(root / lost[0]).absolute()}; correct the '
                    f'list, or root'
                )
        if columns == 2:
            self._truth |= {str(root / cells[0]): str(root / cells[1]) for _, cells in lines}
        return [Record(str(root / cells[0]), -1, 0) for _, cells in lines]

    def frontals(self, record: Record, mode: str) -> list[str]:
        """Path of the frontal face of a profile, whatever the mode; none in a list of paths."""
        return [self._truth[record.path]] if record.path in self._truth else []


@DATASETS.register_module()
class FaceFolders(ReIDDataset):
    """Faces in a folder for each person, one of them frontal, as ORL's `s1/01.png`.

    Persons are numbered in the sorted order of their folders.

    Args:
        root: folder of the persons' folders.
        frontal: name, without suffix, of the frontal picture in each folder.
        part: 'all' pictures, the 'frontal' ones, or the 'others'.
        num_train: so many persons are of the split 'train', the others of 'query' (their other
            pictures) and 'gallery' (their frontal ones); None: all are of each.
        options: of ReIDDataset.

    Raises:
        FileNotFoundError: no root, or no image in it.
        ValueError: a person has no frontal picture, or num_train leaves nobody for a split.
    """

    name = 'face_folders'
    folders = ('a folder of pictures for each person',)

    def __init__(
        self,
        root: Roots,
        frontal: str = '01',
        part: str = 'all',
        num_train: int | None = None,
        split: str = 'train',
        **options,
    ):
        self.frontal, self.part = frontal, one_of(part, PARTS, 'part')
        self.num_train = num_train
        self._truth: dict[int, str] = {}
        super().__init__(root, split, **options)

    def read_split(self, split: str) -> list[Record]:
        one_of(split, ('train', 'query', 'gallery'), 'split')
        images, left_out = scan_images(Path(self.root), recursive=True)
        persons = sorted({path.parent for path in images} - {Path(self.root)})
        numbers = {folder: number for number, folder in enumerate(persons)}
        known = [path for path in images if path.parent in numbers]
        left_out['images of no person'] = len(images) - len(known)
        self._truth = {numbers[p.parent]: str(p) for p in known if p.stem == self.frontal}
        lacking = [folder.name for folder in persons if numbers[folder] not in self._truth]
        if lacking:
            raise ValueError(
                f'{self.root}: {len(lacking)} of {len(persons)} persons have no frontal picture '
                f'{self.frontal!r} ({", ".join(lacking[:NUM_NAMED])}); name it by `frontal`'
            )
        part = self.part if split == 'train' else dict(query='others', gallery='frontal')[split]
        records = []
        for path in known:
            number = numbers[path.parent]
            trained = self.num_train is None or number < self.num_train
            tested = self.num_train is None or not trained
            is_frontal = path.stem == self.frontal
            wanted = part == 'all' or (part == 'frontal') is is_frontal
            if wanted and (trained if split == 'train' else tested):
                records.append(Record(str(path), number, 0 if is_frontal else 1))
        left_out['images of another split or part'] = len(known) - len(records)
        return self.count_left_out(records, left_out)

    def frontals(self, record: Record, mode: str) -> list[str]:
        """Path of the person's frontal picture, whatever the mode."""
        return [self._truth[record.pid]]


@DATASETS.register_module()
class FrontalPairs(TwoViews):
    """Faces with the true frontal face of the same person as second view.

    Args:
        dataset: config of a training set that knows frontal faces (method `frontals`): MultiPIE,
            FaceFolders, or a FaceList of pairs. Its transforms are those of the faces.
        transforms: configs of those of the frontal faces, in which nothing is random; None: those
            of `dataset` without what is random. So a mirrored profile keeps its truth as it is.
        gt_mode: the truth of MultiPIE: 'fixed07' (neutral, illumination 07), 'same_illumination',
            or 'mean20' (mean over the illuminations).
        split: of `dataset`; None: as its config says.

    Raises:
        TypeError: as TwoViews; or the data set knows no frontal faces.
        ValueError: an unknown mode, or faces whose frontal one is not there.
    """

    def __init__(
        self,
        dataset: dict,
        transforms: Sequence[dict] | None = None,
        gt_mode: str = 'fixed07',
        split: str | None = None,
    ):
        super().__init__(dataset if split is None else dict(dataset, split=split), transforms)
        self.gt_mode = one_of(gt_mode, MODES, 'gt_mode')
        self.transforms = without_chance(self.transforms)
        if not hasattr(self.dataset, 'frontals'):
            raise TypeError(
                f'FrontalPairs needs frontal faces, and {type(self.dataset).__name__} knows none; '
                f'use MultiPIE, FaceFolders or a FaceList of pairs'
            )
        lost = [r.path for r in self.dataset.records if not self.dataset.frontals(r, gt_mode)]
        if lost:
            named = '\n  '.join(lost[:NUM_NAMED])
            raise ValueError(
                f'{len(lost)} of {len(self.dataset)} faces of {self.dataset.name} have no frontal '
                f'one (gt_mode={gt_mode!r}):\n  {named}\nadd the files, or a list of pairs'
            )

    def plain(self, maps: bool = False) -> 'FrontalPairs':
        """Copy without augmentation."""
        plain = copy.copy(self)
        plain.dataset = self.dataset.plain()
        return plain

    def read_second(self, index: int, seed: int) -> Tensor:
        """True frontal face (3, H, W) uint8 of a row before its transforms."""
        images = [
            read_rgb(path)
            for path in self.dataset.frontals(self.dataset.records[index], self.gt_mode)
        ]
        if len(images) == 1:
            return images[0]
        return torch.stack(images).float().mean(0).round().to(torch.uint8)


@TRANSFORMS.register_module()
class CentreCrop(Transform):
    """Crop of the middle, image and maps; of an odd rest, one more row or column is left below.

    Args:
        size: (height, width).

    Raises:
        ValueError: when an image is asked for that is smaller.
    """

    def __init__(self, size: tuple[int, int]):
        self.size = check_size(size)

    def __call__(self, sample: Sample) -> Sample:
        return self._cut(sample, *(room // 2 for room in self._room(sample)))

    def _room(self, sample: Sample) -> list[int]:
        room = [have - cut for have, cut in zip(sample.img.shape[-2:], self.size)]
        if min(room) < 0:
            raise ValueError(
                f'{type(self).__name__} cuts {self.size[0]} x {self.size[1]} of an image of '
                f'{sample.img.shape[-2]} x {sample.img.shape[-1]}; put Resize before it'
            )
        return room

    def _cut(self, sample: Sample, top: int, left: int) -> Sample:
        maps = None if sample.maps is None else vision.crop(sample.maps, top, left, *self.size)
        return sample._replace(img=vision.crop(sample.img, top, left, *self.size), maps=maps)


@TRANSFORMS.register_module()
class RandomCrop(CentreCrop):
    """Crop anywhere; where nothing may be random, of the middle."""

    random = True

    def __init__(self, size: tuple[int, int]):
        super().__init__(size)
        self.at_rest = CentreCrop(size)

    def __call__(self, sample: Sample) -> Sample:
        return self._cut(sample, *(int(torch.randint(room + 1, ())) for room in self._room(sample)))
