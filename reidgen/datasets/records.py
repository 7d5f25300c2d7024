"""Lists of images with their persons and cameras, and the rules that such lists must obey."""

from collections.abc import Sequence
from typing import NamedTuple


class Record(NamedTuple):
    """One image of a data set."""

    path: str
    pid: int  # as in the file name; -1 where it is junk or not known
    camid: int  # from 0; file names count from 1


def without_junk(
    records: Sequence[Record], split: str, distractor_pid: int | None = 0
) -> list[Record]:
    """What Market-1501's protocol reads (Zheng et al., ICCV 2015).

    Args:
        split: pid -1 (badly drawn boxes) is dropped from every split; `distractor_pid` from 'train'
            alone, in the gallery it stays as a wrong answer to every query.
        distractor_pid: None if that number is a person like the others.
    """
    dropped = {-1} | ({distractor_pid} if split == 'train' else set())
    return [record for record in records if record.pid not in dropped]


def check_ranges(
    records: Sequence[Record],
    what: str,
    pids: tuple[int, int] | None,
    cameras: tuple[int, int] | None,
    first_camera: int = 1,
) -> None:
    """Identities and cameras are what the data set can have.

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
                f'{path} ({kind} {value}); is this another data set, or are files renamed?'
            )


def count_difference(
    records: Sequence[Record], what: str, published: tuple[int, int]
) -> str | None:
    """None if (identities, images) are the published ones, else a sentence with both."""
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
    """The images of these cameras, numbered as in the file names.

    Raises:
        ValueError: a camera has no image; those present are listed.
    """
    present = sorted({record.camid + first_camera for record in records})
    unknown = sorted(set(cameras) - set(present))
    if unknown or not cameras:
        raise ValueError(
            f'{what}: camera_ids={list(cameras)}, but no file is of camera {unknown}; present: '
            f'{present}. Cameras are numbered as in the file names'
        )
    wanted = {camera - first_camera for camera in cameras}
    return [record for record in records if record.camid in wanted]
