"""FolderReID: user-supplied person crops from a folder or a CSV list."""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

from reidgen.datasets import market_layout
from reidgen.datasets.csv_list import Row, read_rows
from reidgen.datasets.image_files import scan_images
from reidgen.datasets.market_layout import WHOLE
from reidgen.datasets.records import ListedImages, Record, without_junk
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.roots import Roots, as_path
from reidgen.registry import DATASETS

LAYOUTS = ('flat', 'market')
COLUMNS = ('path', 'pid', 'camid', 'split')
# at the start of the file's name: a number in a folder's name is no person
PATTERN = rf'(?:^|/){market_layout.PATTERN}[^/]*$'


@DATASETS.register_module()
class FolderReID(ReIDDataset):
    r"""User-supplied person crops; identities and cameras are optional.

    Without identities (pid -1) a set can be an unlabelled target or be searched, not trained on
    with labels.

    Args:
        root: see ReIDDataset.
        layout: 'flat': every image below root, sub-folders included, is of the split asked for;
            'market': the three folders of Market-1501.
        pattern: regular expression with the groups pid and camid, each optional, searched in the
            path below root ('flat') or matched at the start of the file name ('market'); None:
            names say nothing. `(?P<pid>\d+)/` takes the folder's name for the identity.
        csv_file: list with the columns path, and optionally pid, camid and split, read instead of
            listing the folder; it and its paths are relative to root. With a column split, its rows
            are of that split; without, all are of the split asked for. A row that is there twice is
            read once.
        csv_encoding: of the list; None: UTF-8, or that of its byte order mark.
        allow_outside: whether the list may name files outside root.
        junk_rule: whether pid -1 is left out, and pid 0 of the training, as Market-1501 numbers
            junk and distractors; None: in layout 'market' alone. Without it -1 is not known, and 0
            is a person like the others.
        first_camera: the number in names and lists that is camid 0.
        name: for messages and `metainfo`.
    """

    def __init__(
        self,
        root: Roots,
        split: str = 'train',
        *,
        layout: str = 'flat',
        pattern: str | None = PATTERN,
        csv_file: str | None = None,
        csv_encoding: str | None = None,
        allow_outside: bool = False,
        junk_rule: bool | None = None,
        first_camera: int = 1,
        name: str = 'folder',
        **kwargs: Any,
    ):
        if layout not in LAYOUTS:
            raise ValueError(f"layout is '{layout}'; it must be one of {', '.join(LAYOUTS)}")
        groups = set() if pattern is None else _groups(pattern)
        if layout == 'market' and (csv_file or groups != {'pid', 'camid'}):
            raise ValueError(
                "layout='market' takes no csv_file and needs a pattern with pid and camid"
            )
        if not isinstance(first_camera, int):
            raise TypeError(f'first_camera is {first_camera!r}; it must be a whole number')
        self.layout, self.pattern, self.allow_outside = layout, pattern, allow_outside
        self.csv_file = None if csv_file is None else as_path(csv_file, 'csv_file')
        self.csv_encoding = csv_encoding
        self.junk_rule = layout == 'market' if junk_rule is None else junk_rule
        self.first_camera, self.name = first_camera, name
        self.camera_range = (first_camera, 10**6)
        self.pid_range = (-1, 2**31)
        self.folders = market_layout.NEEDED if layout == 'market' else ()
        self._listed: list[Record] | None = None  # query and gallery of a flat folder are one
        super().__init__(root, split, **kwargs)

    def read_split(self, split: str) -> list[Record]:
        if self.layout == 'market':
            assert self.pattern is not None  # checked when built
            return self.count_left_out(
                *market_layout.read_market_split(
                    self.root, split, self.pattern, self.first_camera, self.junk_rule
                )
            )
        csv_file = self.csv_file
        records = self._from_folder() if csv_file is None else self._from_csv(csv_file, split)
        return self.count_left_out(*without_junk(records, split)) if self.junk_rule else records

    def _from_folder(self) -> list[Record]:
        if self._listed is None:
            images, left_out = scan_images(self.root, recursive=True)
            records = [self._from_name(path) for path in images]
            self._listed = self.count_left_out(records, left_out)
        return self._listed

    def _from_name(self, path: Path) -> Record:
        if self.pattern is None:
            return Record(str(path), -1, 0)
        below = path.relative_to(self.root).as_posix()
        match = re.search(self.pattern, below)
        groups = (
            {}
            if match is None
            else {name: text for name, text in match.groupdict().items() if text is not None}
        )
        if match is None or not all(map(WHOLE.fullmatch, groups.values())):
            raise ValueError(
                f'{path}: {below} does not fit the pattern {self.pattern} with '
                f'whole numbers; rename the file, give a pattern that fits, or '
                f'pattern=None if names say nothing'
            )
        return Record(
            str(path),
            int(groups.get('pid', -1)),
            int(groups.get('camid', self.first_camera)) - self.first_camera,
        )

    def _from_csv(self, csv_file: Path, split: str) -> list[Record]:
        """Sorted records of a split."""
        path = self.root / csv_file
        rows = read_rows(path, COLUMNS, self.csv_encoding)
        repeated: Counter[str] = Counter()
        listed, splits, records = ListedImages(), set(), []
        for row in rows:
            record, of = self._from_row(row), row.cells.get('split', split)
            if of not in market_layout.FOLDERS:
                known = ', '.join(market_layout.FOLDERS)
                raise ValueError(f"{row.where}: split is '{of}'; it must be one of {known}")
            splits.add(of)
            if not listed.is_new(record, row.where, of):
                repeated['rows that are there twice'] += of == split
            elif of == split:
                records.append(record)
        if not records:
            there = f'; it has rows of {", ".join(sorted(splits))}' if splits else ''
            raise ValueError(f"{path} has no row of split '{split}'{there}")
        return self.count_left_out(sorted(records), repeated)

    def _from_row(self, row: Row) -> Record:
        path = row.cells['path']
        numbers = row.cells.get('pid', '-1'), row.cells.get('camid', str(self.first_camera))
        if not path or not all(map(WHOLE.fullmatch, numbers)):
            raise ValueError(
                f'{row.where}: path {path!r:.99}, pid {numbers[0]!r:.30}, camid '
                f'{numbers[1]!r:.30}; path is a '
                f'file below root, pid and camid are whole numbers'
            )
        pid, camera = map(int, numbers)
        return Record(self._place(path, row.where), pid, camera - self.first_camera)

    def _place(self, path: str, where: str) -> str:
        """Path of a file listed with slashes or Windows' backslashes."""
        if '\\' in path and not os.path.exists(self.root / path):
            path = path.replace('\\', '/')
        place = os.path.normpath(self.root / path)
        if place == os.path.normpath(self.root):
            raise ValueError(f'{where}: path {path!r} is root itself; path is a file below root')
        # the second: root, or the file's path, leads through links
        inside = any(
            Path(of(place)).is_relative_to(of(self.root))
            for of in (os.path.abspath, os.path.realpath)
        )
        if not inside and not self.allow_outside:
            raise ValueError(
                f'{where}: {path} is outside root, {self.root.absolute()}; move root up, or set '
                f'allow_outside=True'
            )
        return place


def _groups(pattern: str) -> set[str]:
    """Names of a pattern's groups, pid or camid or both.

    Raises:
        TypeError: it is no text.
        ValueError: it is no regular expression, or has other groups or none.
    """
    if not isinstance(pattern, str):
        raise TypeError(f'pattern is {pattern!r}; it must be a text such as {PATTERN!r}, or None')
    try:
        groups = set(re.compile(pattern).groupindex)
    except re.error as error:
        raise ValueError(
            f"pattern '{pattern}' is no regular expression: {error}; give one such as '{PATTERN}'"
        ) from error
    if not groups or groups - {'pid', 'camid'}:
        raise ValueError(
            f'pattern {pattern} must have a named group pid or camid or both, as '
            f'in {PATTERN}; pattern=None if file names say nothing'
        )
    return groups
