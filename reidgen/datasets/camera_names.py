"""Names of cameras from paths: of a sub-folder, or by a pattern."""

import re
from collections.abc import Sequence

ONE = 'one camera'


def camera_names(
    below: Sequence[str], pattern: str | None, place: str, option: str = '--camera-pattern'
) -> list[str]:
    """Name of the camera of each image.

    Args:
        below: paths with slashes below the folder.
        pattern: regular expression with the group camid, searched in the path; None: the first
            sub-folder of a path is its camera, and without sub-folders all are of `ONE`.
        place, option: what the folder and the pattern are called in errors.

    Raises:
        ValueError: a pattern without the group or that a path does not fit; images beside
            sub-folders.
    """
    if pattern is None:
        return _by_folder(below, place, option)
    return _by_pattern(below, pattern, place, option)


def in_order(names: Sequence[str]) -> list[str]:
    """Each name once, sorted, as numbers where all are."""
    numbers = all(re.fullmatch(r'[0-9]{1,18}', name) for name in names)
    return sorted(set(names), key=lambda name: (int(name) if numbers else 0, name))


def _by_folder(below: Sequence[str], place: str, option: str) -> list[str]:
    beside = [name for name in below if '/' not in name]
    if not beside:
        return [name.partition('/')[0] for name in below]
    if len(beside) < len(below):
        raise ValueError(
            f'{place}: {len(beside)} images lie beside the sub-folders, the first '
            f'{beside[0]}, so their camera is not known; move them into a sub-folder, or give '
            f'{option}'
        )
    return [ONE] * len(below)


def _by_pattern(below: Sequence[str], pattern: str, place: str, option: str) -> list[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{option} '{pattern}' is no regular expression: {error}") from error
    if 'camid' not in compiled.groupindex:
        raise ValueError(
            f"{option} '{pattern}' has no group camid; write (?P<camid>...) around what tells the "
            rf"camera, such as '_c(?P<camid>\d+)'"
        )
    found = [compiled.search(name) for name in below]
    wrong = [name for name, match in zip(below, found) if match is None or not match['camid']]
    if wrong:
        raise ValueError(
            f"{option} '{pattern}' does not fit {len(wrong)} of {len(below)} images of {place}, "
            f'the first {wrong[0]}; correct it, or move these away'
        )
    return [match['camid'] for match in found if match is not None]
