"""Checks of source and target before an adaptation, in plain words."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from PIL import Image

from reidgen.datasets.camera_names import ONE
from reidgen.datasets.image_files import find_corrupt
from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.survey import NUM_NAMED, Finding, survey

from .target import Target

FEWEST_TARGET = 32  # images: two batches of the stage clusters
FEWEST_PERSONS, FEWEST_SOURCE = 4, 16
OTHER_SIZE = 1.5  # ratio of median heights from which cameras count as of different size
MANY_CAMERAS = 50


def check_readable(target: Target) -> None:
    """Raises ValueError for files of the target that are no pictures; names the first."""
    corrupt = find_corrupt([str(target.root / path) for path in target.paths])
    if corrupt:
        path, reason = next(iter(corrupt.items()))
        more = f' and {len(corrupt) - 1} more' if len(corrupt) > 1 else ''
        raise ValueError(
            f'--target: {path}{more} cannot be read as a picture ({reason}); remove or restore '
            f'what is none'
        )


def check_pictures(
    source: ReIDDataset, dataset: ReIDDataset, target: Target
) -> tuple[list[str], list[Finding]]:
    """Counts in words, and findings about source and target, the wrong ones first.

    Args:
        source: labelled training images.
        dataset: of the target, without labels.
        target: whose names of cameras are told.
    """
    found = survey(dict(source=source, target=dataset))
    findings = [*found.findings, *_too_few(source, dataset), *_cameras(target)]
    sizes = _sizes_of_cameras(dataset.records, target.names)
    counts = [*found.counts]
    if len(target.names) > 1:
        counts.append(f'target: {_told_cameras(target)}')
    else:
        name = 'no sub-folders' if target.names[0] == ONE else target.names[0]
        counts.append(f'target: all of one camera ({name})')
    if target.left_out:
        counts.append(f'target{target.left_out}')
    return counts, sorted([*findings, *sizes], key=lambda finding: not finding.wrong)


def _told_cameras(target: Target) -> str:
    told = [
        f'camera {number} is {name} ({count} images)'
        for number, (name, count) in enumerate(zip(target.names, target.images_of), 1)
    ]
    more = f', and {len(told) - MANY_CAMERAS} more' if len(told) > MANY_CAMERAS else ''
    return ', '.join(told[:MANY_CAMERAS]) + more


def _too_few(source: ReIDDataset, dataset: ReIDDataset) -> list[Finding]:
    found = []
    if len(dataset) < FEWEST_TARGET:
        found.append(
            Finding(
                True,
                f'target: {len(dataset)} images are too few for batches and for clustering',
                f'give {FEWEST_TARGET} or more, some hundred for a result that means something',
            )
        )
    if source.num_identities < FEWEST_PERSONS or len(source) < FEWEST_SOURCE:
        found.append(
            Finding(
                True,
                f'source: {len(source)} images of {source.num_identities} persons are too few for '
                f'batches',
                f'give {FEWEST_SOURCE} or more of {FEWEST_PERSONS} or more persons, or --source '
                f'synth_a',
            )
        )
    return found


def _cameras(target: Target) -> list[Finding]:
    if len(target.names) <= MANY_CAMERAS:
        return []
    return [
        Finding(
            False,
            f'target: {len(target.names)} cameras, the first {", ".join(target.names[:NUM_NAMED])}',
            'are these persons? Then put the crops of a camera into one folder, or give '
            '--camera-pattern',
        )
    ]


def _sizes_of_cameras(records: Sequence[Record], names: Sequence[str]) -> list[Finding]:
    """Remark on cameras whose crops differ in size, and what is done about it."""
    heights: dict[int, list[int]] = {}
    for record in records:
        with Image.open(record.path) as image:
            heights.setdefault(record.camid, []).append(image.size[1])
    middle = {camera: median(values) for camera, values in heights.items()}
    small, large = min(middle, key=middle.__getitem__), max(middle, key=middle.__getitem__)
    if middle[large] < OTHER_SIZE * middle[small]:
        return []
    return [
        Finding(
            False,
            f'target: crops of camera {names[small]} are {middle[small]:g} pixels high (median), '
            f'those of {names[large]} {middle[large]:g}',
            'all are resized to one size, nothing else is done: those of the first are less sharp '
            'then, by which an encoder may tell the cameras. Crops of a like resolution are better',
        )
    ]


def is_labelled_layout(folder: Path) -> bool:
    """Whether a folder is in the layout of Market-1501."""
    return (folder / 'bounding_box_train').is_dir()
