"""Maps of a data set from key points, in the folders that RenderedMesh reads."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import torch
from torch import Tensor
from tqdm import tqdm

from reidgen.body_fit.meshes import draw_views
from reidgen.body_fit.skeleton import ALIASES, POINTS
from reidgen.body_fit.solver import HEIGHT, fit_bodies
from reidgen.datasets.joint_files import JointFiles, PersonJoints, best_person
from reidgen.datasets.joint_layouts import LAYOUTS
from reidgen.datasets.pose_maps import RenderedMesh
from reidgen.datasets.records import Record
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.files import check_stamp, write_bytes, write_json
from reidgen.synthetic import TURNS, VERSION
from reidgen.synthetic.writer import MAP_QUALITY

FIT = '1'  # of what is fitted and how; another one gives other maps
BATCH = 64  # pictures fitted at a time
MIN_JOINTS = 6  # of LIMB_ENDS
SEEN = 0.05  # weight from which a joint is there
POOR = 6.0  # mean distance of joints, in pixels of a picture HEIGHT pixels high
# joints that tell where the body is; those of the face alone do not
LIMB_ENDS = tuple(
    f'{side}_{joint}'
    for joint in ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')
    for side in 'rl'
)


class Written(NamedTuple):
    """What was done with the pictures of a data set: names of their files.

    Attributes:
        made: maps written now; there: those of an earlier run; poor: made, but joints and body lie
            POOR pixels apart; crowded: with several persons, of whom the best was taken.
        left_out: reason by name.
        unknown: pictures of the key points that are none of the data set's.
    """

    made: list[str]
    there: list[str]
    poor: list[str]
    crowded: list[str]
    left_out: dict[str, str]
    unknown: list[str]


class _Work(NamedTuple):
    """A picture whose maps are to be made."""

    record: Record
    joints: Tensor  # (J, 3), see `as_points`
    width: float  # of the picture when it is HEIGHT pixels high


def write_maps(dataset: ReIDDataset, split: str, files: JointFiles, mesh: RenderedMesh) -> Written:
    """Writes eight maps of each picture that has key points enough.

    Each file is written whole, the own view last: a run that was interrupted goes on where it
    stopped. `maps_<split>.json` beside the maps says from which key points they are, and
    `left_out_<split>.json` which pictures have none and why.

    Args:
        dataset: of one split.
        mesh: whose root and sub-folders the maps go to.

    Raises:
        ValueError: no picture has key points, or two have one name; or maps of other key points, or
            made elsewhere, lie there already.
        OSError: a file cannot be written.
    """
    names = [Path(record.path).name for record in dataset.records]
    _check_names(names, f'{type(dataset).__name__} {split}', files)
    folder = mesh.path_of(dataset.records[0], split, None).parents[1 + mesh.subfolders]
    folder.mkdir(parents=True, exist_ok=True)
    done = [
        Path(record.path).name
        for record in dataset.records
        if mesh.path_of(record, split, None).is_file()
    ]
    stamp = dict(fit=FIT, renderer=VERSION, key_points=_digest(files))
    check_stamp(folder / f'maps_{split}.json', stamp, 'maps', bool(done))
    result = Written([], done, [], [], {}, files.unknown(names))
    shapes = [dataset.read_image(record).shape for record in dataset.records]
    sizes = [(shape[1], shape[2]) for shape in shapes]
    works = list(_waiting(dataset, sizes, files, result))
    with tqdm(total=len(works), desc='fitting bodies', unit='image', disable=None) as bar:
        for start in range(0, len(works), BATCH):
            batch = works[start : start + BATCH]
            fits = fit_bodies(
                torch.stack([work.joints for work in batch]), resized=len(set(sizes)) < 2
            )
            for work, values, error in zip(batch, fits.values, fits.error.tolist()):
                _write_views(work, values, mesh, split)
                result.made.append(Path(work.record.path).name)
                if error > POOR:
                    result.poor.append(result.made[-1])
                bar.update()
    write_json(folder / f'left_out_{split}.json', dict(sorted(result.left_out.items())))
    return result


def _check_names(names: Sequence[str], place: str, files: JointFiles) -> None:
    """Raises ValueError where two pictures have one name, or none has key points."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(
            f'{place}: {len(twice)} names are of several pictures, the first {twice[0]}; key '
            f'points go by file name: make maps of one folder at a time'
        )
    if not any(files.of(name) for name in names):
        told = ', '.join(sorted(files.persons)[:3]) or 'no picture'
        raise ValueError(
            f'none of the {len(names)} pictures of {place} has key points: pictures are named like '
            f'{names[0]}, key points are of {told}; give those of these pictures'
        )


def as_points(person: PersonJoints, height: int) -> Tensor:
    """Joints (J, 3) in the order of POINTS, in pixels of the picture when it is HEIGHT high."""
    names = LAYOUTS[person.layout].names
    aliases = ALIASES.get(person.layout, {})
    points = torch.zeros(len(POINTS), 3)
    for name, (x, y, weight) in zip(names, person.joints.tolist()):
        if weight >= SEEN:
            points[POINTS.index(aliases.get(name, name))] = torch.tensor([x, y, weight])
    points[:, :2] = (points[:, :2] + 0.5) * (HEIGHT / height)  # from the corner of the picture
    return points


def reason_to_leave_out(persons: Sequence[PersonJoints] | None, size: tuple[int, int]) -> str:
    """Why no body can be fitted to the persons of a picture (height, width); '' where one can."""
    if not persons:
        return 'nobody is in it' if persons is not None else 'no key points'
    person, (height, width) = best_person(persons), size
    at = dict(zip(LAYOUTS[person.layout].names, person.joints.tolist()))
    seen = [name for name in LIMB_ENDS if name in at and at[name][2] >= SEEN]
    trunk = [name for name in seen if name.endswith(('shoulder', 'hip'))]
    if len(seen) < MIN_JOINTS or len(trunk) < 2:
        told = ', '.join(seen) or 'none'
        return (
            f'too few joints: {told}; {MIN_JOINTS} of limbs are needed, two of them shoulders or '
            f'hips'
        )
    inside = [n for n in seen if -1 < at[n][0] < width and -1 < at[n][1] < height]
    if len(inside) < len(seen) / 2:
        return (
            f'joints beside the picture: {len(inside)} of {len(seen)} are inside of {width} x '
            f'{height} pixels; key points are needed in pixels of the crop'
        )
    return ''


def _waiting(
    dataset: ReIDDataset, sizes: Sequence[tuple[int, int]], files: JointFiles, result: Written
) -> Iterator[_Work]:
    """Pictures to be made; the others are entered into the result."""
    there = set(result.there)
    for record, (height, width) in zip(dataset.records, sizes):
        name = Path(record.path).name
        persons = files.of(name)
        reason = reason_to_leave_out(persons, (height, width))
        if reason or not persons:
            result.left_out[name] = reason
            continue
        if len(persons) > 1:
            result.crowded.append(name)
        if name not in there:
            joints = as_points(best_person(persons), height)
            yield _Work(record, joints, width * HEIGHT / height)


def _write_views(work: _Work, values: Tensor, mesh: RenderedMesh, split: str) -> None:
    """Writes the maps of a picture, that of its own view last."""
    views = dict(zip(TURNS, draw_views(values, work.width)))
    for turn in reversed(TURNS):
        path = mesh.path_of(work.record, split, turn or None)
        path.parent.mkdir(parents=True, exist_ok=True)
        quality = [cv2.IMWRITE_JPEG_QUALITY, MAP_QUALITY]
        _, data = cv2.imencode(path.suffix, views[turn], quality)
        write_bytes(path, data.tobytes())


def _digest(files: JointFiles) -> str:
    digest = hashlib.sha256()
    for name, persons in sorted(files.persons.items()):
        digest.update(name.encode(errors='backslashreplace'))
        for person in persons:
            digest.update(person.layout.encode() + person.joints.numpy().tobytes())
    return digest.hexdigest()
