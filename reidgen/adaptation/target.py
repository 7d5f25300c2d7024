"""Crops of one's own cameras without labels: which camera each is of, and their list on disk."""

import csv
import io
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from reidgen.datasets.camera_names import camera_names, in_order
from reidgen.datasets.image_files import Listing, left_out_text, scan_images
from reidgen.datasets.market_layout import FOLDERS
from reidgen.files import write_text


class Target(NamedTuple):
    """Crops of a folder with their cameras."""

    root: Path  # absolute
    paths: list[str]  # below root, sorted, with slashes
    cameras: list[int]  # of each path, from 1
    names: list[str]  # of camera 1, 2, ...
    left_out: str  # entries that are no images, as text; '' for none

    @property
    def images_of(self) -> list[int]:
        """Number of images of camera 1, 2, ..."""
        count = Counter(self.cameras)
        return [count[number + 1] for number in range(len(self.names))]


def list_target(folder: str | Path, pattern: str | None = None) -> Target:
    """Crops of a folder: a sub-folder is a camera, or `pattern` tells it.

    Cameras are numbered from 1 in the order of their names, as numbers where all are.

    Args:
        pattern: regular expression with the group camid, searched in the path below the folder;
            None: the first sub-folder of a path is its camera, and without sub-folders all are of
            one camera.

    Raises:
        FileNotFoundError: no such folder, or no image in it.
        ValueError: a pattern without the group or that a path does not fit; images beside
            sub-folders; a data set in the layout of Market-1501; a name that is no UTF-8.
    """
    root = Path(folder).expanduser().absolute()
    images, left_out = _scan(root)
    below = [path.relative_to(root).as_posix() for path in images]
    _check_names(root, below)
    if pattern is None:
        _check_layout(root)
    named = camera_names(below, pattern, f'--target {root}')
    names = in_order(named)
    number = {name: place + 1 for place, name in enumerate(names)}
    return Target(root, below, [number[name] for name in named], names, left_out_text(left_out))


def write_target(target: Target, path: Path, begun: bool = False) -> None:
    """Writes the list that FolderReID reads (`csv_file`): path, pid -1, camid from 1.

    Args:
        begun: a config or checkpoints were made for the list that is there, so it must stay.

    Raises:
        ValueError: it must stay, and is another one, as images came or went.
    """
    text = io.StringIO(newline='')
    rows = csv.writer(text, lineterminator='\n')
    rows.writerow(('path', 'pid', 'camid'))
    rows.writerows(zip(target.paths, [-1] * len(target.paths), target.cameras))
    if begun and path.is_file():
        if path.read_text(encoding='utf-8') != text.getvalue():
            raise ValueError(
                f'{path} lists other images or cameras than {target.root} holds now, and the '
                f'config beside it was made for that list; give another --out, or the crops back'
            )
        return
    write_text(path, text.getvalue())


def _scan(root: Path) -> Listing:
    try:
        return scan_images(root, recursive=True)
    except FileNotFoundError as error:
        text = str(error).partition('; give')[0].partition(': give')[0]
        raise FileNotFoundError(
            f'--target: {text}; give the folder of the crops of your cameras, a sub-folder each'
        ) from error


def _check_names(root: Path, below: list[str]) -> None:
    for name in below:
        if name != name.encode('utf-8', 'replace').decode() or any(c in name for c in '\r\n'):
            raise ValueError(
                f'--target {root}: the name {name!a} is no UTF-8 or has a line break, and cannot '
                f'be listed; rename it'
            )


def _check_layout(root: Path) -> None:
    found = sorted(name for name in FOLDERS.values() if (root / name).is_dir())
    if FOLDERS['train'] in found:
        raise ValueError(
            f'--target {root} is a data set in the layout of Market-1501 ({", ".join(found)}), '
            f'whose sub-folders are no cameras; give its folder {FOLDERS["train"]} with '
            rf"--camera-pattern '_c(?P<camid>\d+)'"
        )
