"""ReIDDataset: base of the data sets, from a folder on disk to the fields of a batch."""

import copy
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils.data import Dataset

from reidgen.datasets.image_cache import cache_of
from reidgen.datasets.image_files import find_corrupt, left_out_text, read_rgb
from reidgen.datasets.log_once import log_once
from reidgen.datasets.pose_maps import PoseMap, build_pose_map, stacked
from reidgen.datasets.records import (
    Record,
    check_named,
    check_ranges,
    count_difference,
    keep_cameras,
)
from reidgen.datasets.roots import Roots, find_root
from reidgen.datasets.transforms import Sample, build_transforms, transformed, without_chance
from reidgen.structures import DomainBatch, ImageBatch, SeededIndex

SPLITS = ('train', 'query', 'gallery', 'query+gallery', 'multi_query')
ON_MISSING = ('raise', 'drop', 'blank')
NUM_NAMED = 10  # files that an error or a warning lists


class ReIDDataset(Dataset):
    """Data set of person images in sorted order; row i keys the FeatureBank.

    A labelled training split numbers its identities 0..K-1 in sorted order of the file's; test
    splits keep the file's numbers. Pseudo-labels never enter: they live in the bank.

    Args:
        root: folder of the data set, or several places of which the first that exists is read.
        split: 'train', 'query', 'gallery', 'query+gallery' (rows < metainfo['num_query'] are
            queries) or 'multi_query'.
        transforms: configs of joint transforms, in order.
        pose_map: config of a source of maps, or a list of them, concatenated along the channels.
        labelled: False hands out pid -1.
        camera_ids: keep the training images of these cameras, numbered as in the file names.
        strict_stats: counts that are not the published ones raise instead of warn.
        skip_corrupt: leave files out that cannot be decoded, with a warning, instead of raising.
        on_missing: an image that lacks a map raises ('raise'), is left out ('drop'), or gets maps
            of zeros, all of them, even if only one view is missing ('blank').
        check_images: decode every file once now; False leaves it to the training to meet a bad one.
        cache_gb: images and maps stay in shared memory once they are resized, if they take no more
            than so many GB and `transforms` begins with Resize (docs/data.md); 0: never.

    Attributes:
        records: what was read, a list of Record, with the file's pids.
        pids, camids: (N,) int64, what is handed out.
        left_out: counts by reason of what was found and is not read; the log tells them.
        metainfo: name, num_query, num_identities, paths.

    Raises:
        FileNotFoundError: no root exists, or a folder in it is missing or empty.
        TypeError: root or camera_ids is of another type.
        ValueError: names, numbers or counts are wrong, files are damaged, or maps are missing.
    """

    name: str = ''
    inner: ClassVar[tuple[str, ...]] = ()  # root may hold one of these folders instead
    folders: tuple[str, ...] = ()  # expected inside, for the error
    published: dict[str, tuple[int, int]] = {}  # split -> (identities, images)
    pid_range: tuple[int, int] | None = None  # as in the file names, ends included
    camera_range: tuple[int, int] | None = None
    first_camera: int = 1  # the number in the file names that is camid 0
    numbered_as_one = True  # training and test number persons alike: one number is one person

    def __init__(
        self,
        root: Roots,
        split: str = 'train',
        transforms: Sequence[dict] = (),
        pose_map: dict | Sequence[dict] | None = None,
        labelled: bool = True,
        camera_ids: Sequence[int] | None = None,
        strict_stats: bool = False,
        skip_corrupt: bool = False,
        on_missing: str = 'raise',
        check_images: bool = True,
        cache_gb: float = 0,
    ):
        for key, value, known in (('split', split, SPLITS), ('on_missing', on_missing, ON_MISSING)):
            if value not in known:
                raise ValueError(f"{key} is '{value}'; it must be one of {', '.join(known)}")
        if camera_ids is not None and split != 'train':
            raise ValueError(
                f"camera_ids restricts training images, but split is '{split}'; leave it out"
            )
        self.split, self.labelled = split, labelled
        self.camera_ids, self.strict_stats = camera_ids, strict_stats
        self.skip_corrupt, self.on_missing = skip_corrupt, on_missing
        self.check_images = check_images
        self.root = self.find_root(root)
        self.transforms = build_transforms(transforms)
        self.pose_map = build_pose_map(pose_map)
        if self.pose_map is not None:
            self.pose_map.attach(self)
        self._random_view = True
        self.left_out: Counter[str] = Counter()
        self._blank: set[str] = set()  # paths of images whose maps are zeros
        parts = {part: self._read_part(part) for part in split.split('+')}
        self.records = [record for records in parts.values() for record in records]
        self._splits = [part for part, records in parts.items() for _ in records]
        self._number(num_query=len(parts.get('query', ())))
        self.cache = cache_of(self, cache_gb, None if isinstance(pose_map, PoseMap) else pose_map)

    # ---- to be implemented by a subclass ----

    def read_split(self, split: str) -> list[Record]:
        """Records of 'train', 'query', 'gallery' or 'multi_query', sorted, junk left out."""
        raise NotImplementedError

    def count_left_out(self, records: list[Record], left_out: Mapping[str, int]) -> list[Record]:
        """Records unchanged; the counts of what `read_split` leaves out are kept for the log."""
        self.left_out += Counter(left_out)  # which drops zeros
        return records

    def read_image(self, record: Record) -> Tensor:
        """Image (3, H, W) uint8; overridden, with `find_root`, where images are drawn."""
        return read_rgb(record.path)

    def find_root(self, root: Roots) -> Path:
        """First of the places that is a folder, or its subfolder `inner`."""
        expected = f' with {", ".join(self.folders)} inside' if self.folders else ''
        return find_root(root, self.inner, type(self).__name__, expected)

    # ---- known once it is built ----

    @property
    def num_identities(self) -> int:
        """Number of identities, -1 not counted; 0 if not labelled."""
        return len(set(self.pids.tolist()) - {-1})

    @property
    def num_views(self) -> int:
        """Number of views of the pose maps, the image's own included; 0 without pose maps."""
        return 0 if self.pose_map is None else self.pose_map.num_views

    @property
    def map_channels(self) -> int:
        """Number of map channels M; 0 without pose maps."""
        return 0 if self.pose_map is None else self.pose_map.channels

    def __len__(self) -> int:
        return len(self.records)

    def plain(self, maps: bool = False) -> 'ReIDDataset':
        """Copy without augmentation, for memory initialisation, AdaBN and fixed visuals.

        Args:
            maps: keep the pose maps; the novel view is then the first of the source's novel views.
        """
        plain = copy.copy(self)
        plain.transforms = without_chance(self.transforms)
        plain._random_view = False
        if not maps:
            plain.pose_map = None
        return plain

    def __getitem__(self, item: int | SeededIndex) -> ImageBatch | DomainBatch:
        """Item of a row: uint8 tensors without batch dimension, and ints, for default_collate.

        A SeededIndex's seed decides everything random about it; a plain row number is its own seed.
        torch's global random state is left as it was.
        """
        index, seed = item if isinstance(item, SeededIndex) else (int(item), int(item))
        if not 0 <= index < len(self.records):
            raise IndexError(f'row {index} of {self.name}, which has {len(self.records)} images')
        # what the cache holds has been resized
        rest = self.transforms if self.cache is None else self.transforms[1:]
        sample = transformed(lambda: self._load(index), rest, seed)
        ids: Any = self.pids[index].item(), self.camids[index].item(), index
        if sample.maps is None:
            return ImageBatch(sample.img, *ids)
        return DomainBatch(sample.img, sample.maps[0], sample.maps[-1], *ids)

    def _load(self, index: int) -> Sample:
        """Sample before its transforms; behind the first one, Resize, where there is a cache."""
        wanted = self._draw_views(index)
        if self.cache is None:
            return self._read(index, wanted)
        if self.records[index].path in self._blank:
            return self.cache.resize(self._read(index, wanted))
        sample = self.cache.load(index, wanted, lambda: self._read(index, wanted))
        return sample if self.pose_map is None else sample._replace(flip=self.pose_map.flip)

    def _draw_views(self, index: int) -> list[int | None]:
        """Views of the maps that are read: the own one, None, and one of the others."""
        if self.pose_map is None or self.records[index].path in self._blank:
            return []
        views = self.pose_map.novel_views
        if not views:
            return [None]
        return [None, views[int(torch.randint(len(views), ())) if self._random_view else 0]]

    def _read(self, index: int, wanted: Sequence[int | None]) -> Sample:
        record, pose_map = self.records[index], self.pose_map
        image = self.read_image(record)
        if pose_map is None:
            return Sample(image)
        if not wanted:
            blank = image.new_zeros(1, pose_map.channels, *image.shape[1:])
            return Sample(image, blank, pose_map.flip)
        maps = [pose_map.load(record, self._splits[index], view, image) for view in wanted]
        return Sample(image, stacked(maps, record.path, wanted), pose_map.flip)

    # ---- building ----

    def _read_part(self, part: str) -> list[Record]:
        what = f'{type(self).__name__} {part}'
        records = self.read_split(part)
        check_ranges(records, what, self.pid_range, self.camera_range, self.first_camera)
        if self.camera_ids is not None:
            kept = keep_cameras(records, self.camera_ids, what, self.first_camera)
            records = self._without(records, kept, 'images of other cameras')
        elif part in self.published:
            self._compare(count_difference(records, what, self.published[part]), self.root)
        if self.check_images:
            records = self._without_corrupt(records, what)
        records = self._without_missing(records, part, what)
        if not records:
            told = left_out_text(self.left_out)
            raise ValueError(f'{what}: no image is left of {self.root.absolute()}{told}')
        return records

    def _compare(self, difference: str | None, folder: Path) -> None:
        if difference is None:
            return
        if self.strict_stats:
            raise ValueError(f'{difference}; complete the data set, or set strict_stats=False')
        told = f'{difference} ({folder}); results are not comparable with published ones'
        log_once(told, logging.WARNING)

    def _without(self, records: list[Record], kept: list[Record], reason: str) -> list[Record]:
        return self.count_left_out(kept, {reason: len(records) - len(kept)})

    def _without_corrupt(self, records: list[Record], what: str) -> list[Record]:
        corrupt = find_corrupt([record.path for record in records])
        if not corrupt:
            return records
        listed = '\n  '.join([f'{path} ({reason})' for path, reason in corrupt.items()][:NUM_NAMED])
        found = f'{what}: {len(corrupt)} of {len(records)} images cannot be decoded:\n  {listed}'
        if not self.skip_corrupt:
            raise ValueError(
                f'{found}\nRestore them from the archive, or leave them out with skip_corrupt=True'
            )
        log_once(f'{found}\nThey are left out (skip_corrupt=True)', logging.WARNING)
        kept = [record for record in records if record.path not in corrupt]
        return self._without(records, kept, 'images that cannot be decoded')

    def _without_missing(self, records: list[Record], part: str, what: str) -> list[Record]:
        if (pose_map := self.pose_map) is None:
            return records
        lacking = {r.path: missing for r in records if (missing := pose_map.missing(r, part))}
        if not lacking:
            return records
        names = [name for missing in lacking.values() for name in missing]
        listed = '\n  '.join(names[:NUM_NAMED])
        found = f'{what}: {len(lacking)} of {len(records)} images lack pose maps:\n  {listed}'
        if self.on_missing == 'raise':
            raise ValueError(
                f"{found}\nFix: {pose_map.how_to_make()}; or set on_missing='drop' or 'blank'"
            )
        log_once(f"{found}\non_missing='{self.on_missing}'", logging.WARNING)
        if self.on_missing == 'blank':
            self._blank |= set(lacking)
            return records
        kept = [record for record in records if record.path not in lacking]
        return self._without(records, kept, 'images without pose maps')

    def _number(self, num_query: int) -> None:
        pids = [record.pid for record in self.records]
        if not self.labelled:
            pids = [-1] * len(pids)
        elif self.split == 'train':
            check_named(self.records, self.name)
            numbers = {pid: number for number, pid in enumerate(sorted(set(pids)))}
            pids = [numbers[pid] for pid in pids]
        self.pids = torch.tensor(pids, dtype=torch.int64)
        self.camids = torch.tensor([record.camid for record in self.records], dtype=torch.int64)
        counts = {'num_query': num_query, 'num_identities': self.num_identities}
        paths = tuple(record.path for record in self.records)
        self.metainfo: dict[str, Any] = {'name': self.name, **counts, 'paths': paths}
        log_once(
            f'{type(self).__name__} {self.split}: {len(self)} images, '
            f'{len({record.pid for record in self.records if record.pid >= 0})} identities, '
            f'{len(self.camids.unique())} cameras from {self.root}'
            f'{left_out_text(self.left_out)}'
        )
