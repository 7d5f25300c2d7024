"""FolderReID: crops of one's own, from a folder or a CSV list."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from reidgen.datasets import market_layout
from reidgen.datasets.image_files import list_images
from reidgen.datasets.records import Record, without_junk
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.registry import DATASETS

LAYOUTS = ('flat', 'market')
COLUMNS = ('path', 'pid', 'camid', 'split')
PATTERN = r'(?P<pid>-?\d+)_c(?P<camid>\d+)'


@DATASETS.register_module()
class FolderReID(ReIDDataset):
    r"""Any folder of crops; identities and cameras are optional, no counts are published.

    Without identities (pid -1) a set can be an unlabelled target or be searched, not trained on
    with labels.

    Args:
        root: see ReIDDataset.
        layout: 'flat': every image below root, sub-folders included, is of the split asked for;
            'market': the three folders of Market-1501.
        pattern: regular expression with the groups pid and camid, each optional, searched in the
            path below root ('flat') or matched at the start of the file name ('market'); None:
            names say nothing. `(?P<pid>\d+)/` takes the folder's name for the identity.
        csv_file: list in UTF-8 with the columns path, and optionally pid, camid and split, read
            instead of listing the folder; it and its paths are relative to root. With a column
            split, its rows are of that split; without, all are of the split asked for.
        distractor_pid: left out of training; None if 0 is a person like the others.
        first_camera: the number in names and lists that is camid 0.
        name: for messages and `metainfo`.
    """

    def __init__(
        self,
        root: str | Sequence[str],
        split: str = 'train',
        *,
        layout: str = 'flat',
        pattern: str | None = PATTERN,
        csv_file: str | None = None,
        distractor_pid: int | None = 0,
        first_camera: int = 1,
        name: str = 'folder',
        **kwargs,
    ):
        if layout not in LAYOUTS:
            raise ValueError(f"layout is '{layout}'; it must be one of {', '.join(LAYOUTS)}")
        groups = _groups(pattern) if pattern else set()
        if pattern and (not groups or groups - {'pid', 'camid'}):
            raise ValueError(
                f'pattern {pattern} must have a named group pid or camid or both, as '
                f'in {PATTERN}; pattern=None if file names say nothing'
            )
        if layout == 'market' and (csv_file or groups != {'pid', 'camid'}):
            raise ValueError(
                "layout='market' takes no csv_file and needs a pattern with pid and camid"
            )
        self.layout, self.pattern, self.csv_file = layout, pattern, csv_file
        self.distractor_pid, self.first_camera, self.name = distractor_pid, first_camera, name
        self.camera_range = (first_camera, 10**6)
        self.pid_range = (-1, 2**31)
        self.folders = market_layout.NEEDED if layout == 'market' else ()
        super().__init__(root, split, **kwargs)

    def read_split(self, split: str) -> list[Record]:
        if self.layout == 'market':
            return market_layout.read_market_split(
                self.root, split, self.pattern, self.distractor_pid, self.first_camera
            )
        if self.csv_file:
            records, named = self._read_csv(self.root / self.csv_file, split)
        else:
            records = [self._from_name(path) for path in list_images(self.root, recursive=True)]
            named = self.pattern is not None and 'pid' in _groups(self.pattern)
        # pid -1 is junk where identities are told, and all there is where they are not
        return without_junk(records, split, self.distractor_pid) if named else records

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
        if match is None or not all(re.fullmatch(r'-?\d+', text) for text in groups.values()):
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

    def _read_csv(self, path: Path, split: str) -> tuple[list[Record], bool]:
        """Sorted records, and whether the list tells identities."""
        if not path.is_file():
            raise FileNotFoundError(f'no list {path.absolute()}; csv_file is relative to root')
        # Excel begins a file with a byte order mark, and people put spaces behind commas
        with path.open(newline='', encoding='utf-8-sig') as file:
            rows = csv.DictReader(file, skipinitialspace=True)
            rows.fieldnames = [name.strip() for name in rows.fieldnames or ()]
            columns = set(rows.fieldnames)
            if 'path' not in columns or columns - set(COLUMNS):
                raise ValueError(
                    f'{path}, line 1: columns are '
                    f'{", ".join(rows.fieldnames) or "none"}; path is needed, '
                    f'{", ".join(COLUMNS[1:])} are optional, others are not known'
                )
            records = [
                self._from_row(row, f'{path}, line {rows.line_num}')
                for row in map(_stripped, rows)
                if self._is_of(row, split, f'{path}, line {rows.line_num}')
            ]
        return sorted(records), 'pid' in columns

    @staticmethod
    def _is_of(row: dict, split: str, where: str) -> bool:
        known = tuple(market_layout.FOLDERS)
        if row.get('split', split) not in known:
            raise ValueError(
                f"{where}: split is '{row['split']}'; it must be one of {', '.join(known)}"
            )
        return row.get('split', split) == split

    def _from_row(self, row: dict, where: str) -> Record:
        numbers = row.get('pid', '-1'), row.get('camid', str(self.first_camera))
        whole = [re.fullmatch(r'\s*-?\d+\s*', number or '') for number in numbers]
        if not row['path'] or not all(whole):
            raise ValueError(
                f'{where}: path {row["path"]!r}, pid {numbers[0]!r}, camid '
                f'{numbers[1]!r}; path is a file below root, pid and camid are whole '
                'numbers'
            )
        pid, camera = map(int, numbers)
        return Record(str(self.root / row['path']), pid, camera - self.first_camera)


def _groups(pattern: str) -> set[str]:
    """Names of the groups of a regular expression; ValueError if it is none."""
    try:
        return set(re.compile(pattern).groupindex)
    except re.error as error:
        raise ValueError(
            f"pattern '{pattern}' is no regular expression: {error}; give one such as '{PATTERN}'"
        ) from error


def _stripped(row: dict) -> dict:
    return {key: cell.strip() if isinstance(cell, str) else cell for key, cell in row.items()}
