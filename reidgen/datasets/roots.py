"""Root folders of data sets: checked paths, and the first existing one of several."""

import os
from collections.abc import Sequence
from pathlib import Path

Roots = str | os.PathLike[str] | Sequence[str]  # one place, or several to be tried in order


def as_path(value: str | os.PathLike, key: str) -> Path:
    """Path from a config, with `~` expanded.

    Raises:
        TypeError: it is no text and no path.
        ValueError: it is empty, which would mean the working directory, or has a NUL character.
    """
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{key} is {value!r}; it must be a path, such as {key}='data/crops'")
    text = os.fspath(value)
    if not isinstance(text, str) or not text.strip() or '\0' in text:
        raise ValueError(f"{key} is {value!r}; it must be a path ('.' is the working directory)")
    return Path(text).expanduser()


def as_places(root: Roots) -> list[Path]:
    """Paths from a data set's `root`; raises as `as_path`, ValueError for an empty list.

    Raises:
        TypeError: it is no path and no list of paths.
    """
    if isinstance(root, str | os.PathLike):
        return [as_path(root, 'root')]
    if not isinstance(root, list | tuple):
        raise TypeError(
            f"root is {root!r}; it must be a path or a list of paths, such as root='data/crops'"
        )
    if not root:
        raise ValueError("root is an empty list; name a folder, such as root=['data/crops']")
    return [as_path(place, f'root[{number}]') for number, place in enumerate(root)]


def find_root(root: Roots, inner: Sequence[str], who: str, expected: str) -> Path:
    """First of the places that is a folder, or the first of its subfolders `inner`.

    Args:
        who: class of the data set, for the error.
        expected: what the folder holds, for the error.

    Raises:
        FileNotFoundError: none is; they are listed. TypeError, ValueError: as `as_places`.
    """
    places = as_places(root)
    for place in places:
        if place.is_dir():
            return next((place / name for name in inner if (place / name).is_dir()), place)
    tried = '\n  '.join(str(place.absolute()) for place in places)
    raise FileNotFoundError(
        f'no {who} at any of\n  {tried}\nExpected is a folder{expected}. '
        f'Correct `root` of the data set; where the config has it from data_roots '
        f"(root='{{NAME}}/...'), correct that entry: `--cfg-options data_roots.NAME=/path`. "
        f'`configs/gcl_smoke.py` needs no files: its pictures are drawn in memory'
    )
