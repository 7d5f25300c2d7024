"""Records of images with identities and cameras, and the checks on lists of them."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

JUNK = {-1: 'junk (pid -1)'}
DISTRACTORS = {0: 'distractors (pid 0)'}


class Record(NamedTuple):
    """An image of a data set with its identity and camera."""

    path: str
    pid: int  # as in the file name; -1 where it is not known, or junk of Market-1501
    camid: int  # from 0; file names count from 1


def without_junk(records: Sequence[Record], split: str) -> tuple[list[Record], Counter[str]]:
    """Records without junk by Market-1501's protocol (Zheng et al., ICCV 2015), and junk counts.

    pid -1 (badly drawn boxes) is left out of every split; pid 0 (distractors) of 'train' alone, in
    the gallery they stay as false matches of every query.
    """
    dropped = JUNK | DISTRACTORS if split == 'train' else JUNK
    left_out = Counter(dropped[record.pid] for record in records if record.pid in dropped)
    return [record for record in records if record.pid not in dropped], left_out


class ListedImages:
    """Register of a list's images, none of which may have two identities or two cameras."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[Record, str, set[str]]] = {}

    def is_new(self, record: Record, where: str, split: str) -> bool:
        """Whether no earlier row has this image in this split.

        Args:
            where: file and line, for the error.

        Raises:
            ValueError: an earlier row has another identity or camera; names both rows.
        """
        first, earlier, splits = self._rows.setdefault(record.path, (record, where, set()))
        if first != record:
            kind = 'identities' if first.pid != record.pid else 'cameras'
            raise ValueError(
                f'{where}: {record.path} is of two {kind}: pid {record.pid}, camid '
                f'{record.camid} (from 0) here, pid {first.pid}, camid {first.camid} in '
                f'{earlier}; leave the row that is right'
            )
        new = split not in splits
        splits.add(split)
        return new


def check_ranges(
    records: Sequence[Record],
    what: str,
    pids: tuple[int, int] | None,
    cameras: tuple[int, int] | None,
    first_camera: int = 1,
) -> None:
    """Raises ValueError for identities or cameras outside the data set's range.

    Args:
        what: name and split, for the message.
        pids: lowest and highest identity, both allowed; None: any.
        cameras: lowest and highest camera as in the file names, both allowed; None: any.
        first_camera: the number in the file names that is camid 0.

    Raises:
        ValueError: with the count, the first offending file and its number.
    """
    for kind, limits, values in (
        ('identity', pids, [record.pid for record in records]),
        ('camera', cameras, [record.camid + first_camera for record in records]),
    ):
        if limits is None:
            continue
        low, high = limits
        wrong = [
            (value, record.path)
            for value, record in zip(values, records)
            if not low <= value <= high
        ]
        if wrong:
            value, path = wrong[0]
            raise ValueError(
                f'{what}: {len(wrong)} images with {kind} outside {low}..{high}, the first '
                f'{path} ({kind} {value}); is this another data set, or are files renamed? '
                f'FolderReID reads other numbers, cameras from 0 with first_camera=0'
            )


def check_named(records: Sequence[Record], what: str) -> None:
    """Raises ValueError, with their count and the first, for images without an identity."""
    nameless = [record.path for record in records if record.pid < 0]
    if nameless:
        raise ValueError(
            f'{what}: {len(nameless)} training images have no identity, the first {nameless[0]}; '
            f'give identities, set labelled=False, or, where -1 is junk as in Market-1501, '
            f'junk_rule=True of FolderReID'
        )


def count_difference(
    records: Sequence[Record], what: str, published: tuple[int, int]
) -> str | None:
    """Message where (identities, images) are not the published counts, else None."""
    counted = len({record.pid for record in records}), len(records)
    if counted == tuple(published):
        return None
    return (
        f'{what}: {counted[0]} identities, {counted[1]} images; '
        f'published: {published[0]}, {published[1]}'
    )


def keep_cameras(
    records: Sequence[Record], cameras: Sequence[int], what: str, first_camera: int = 1
) -> list[Record]:
    """Images of these cameras, numbered as in the file names.

    Raises:
        TypeError: cameras is no list.
        ValueError: a camera has no image; those present are listed.
    """
    if not isinstance(cameras, list | tuple):
        raise TypeError(f'camera_ids is {cameras!r}; it must be a list, such as [1, 3]')
    present = sorted({record.camid + first_camera for record in records})
    unknown = sorted(set(cameras) - set(present))
    if unknown or not cameras:
        raise ValueError(
            f'{what}: camera_ids={list(cameras)}, but no file is of camera {unknown}; present: '
            f'{present}. Cameras are numbered as in the file names'
        )
    wanted = {camera - first_camera for camera in cameras}
    return [record for record in records if record.camid in wanted]
