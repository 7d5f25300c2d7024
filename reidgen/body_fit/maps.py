"""Maps of a data set from key points, in the folders that RenderedMesh reads."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
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
        ValueError: no picture has key points; or maps of other key points, or made elsewhere, lie
            there already.
        OSError: a file cannot be written.
    """
    names = [Path(record.path).name for record in dataset.records]
    if not any(files.of(name) for name in names):
        raise ValueError(
            f'none of the {len(names)} pictures of {type(dataset).__name__} {split} has key '
            f'points: pictures are named like {names[0]}, key points are of '
            f'{", ".join(sorted(files.persons)[:3]) or "no picture"}; give those of these pictures'
        )
    folder = mesh.path_of(dataset.records[0], split, None).parents[1 + mesh.subfolders]
    folder.mkdir(parents=True, exist_ok=True)
    done = {
        Path(record.path).name
        for record in dataset.records
        if mesh.path_of(record, split, None).is_file()
    }
    stamp = dict(fit=FIT, renderer=VERSION, key_points=_digest(files))
    check_stamp(folder / f'maps_{split}.json', stamp, 'maps', bool(done))
    result = Written([], sorted(done), [], [], {}, files.unknown(names))
    waiting = list(_waiting(dataset, split, files, result))
    sizes = [tuple(dataset.read_image(record).shape[-2:]) for record, _ in waiting]
    resized = len(set(sizes)) < 2
    works = iter(
        _Work(record, as_points(person, height), width * HEIGHT / height)
        for (record, person), (height, width) in zip(waiting, sizes)
    )
    with tqdm(total=len(waiting), desc='fitting bodies', unit='image', disable=None) as bar:
        while batch := list(islice(works, BATCH)):
            _write_batch(batch, resized, lambda r, v: mesh.path_of(r, split, v), result, bar.update)
    write_json(folder / f'left_out_{split}.json', dict(sorted(result.left_out.items())))
    return result


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


def reason_to_leave_out(persons: Sequence[PersonJoints] | None) -> str:
    """Why no body can be fitted to a picture's persons; '' where one can."""
    if not persons:
        return 'nobody is in it' if persons is not None else 'no key points'
    person = best_person(persons)
    weights = dict(zip(LAYOUTS[person.layout].names, person.joints[:, 2].tolist()))
    seen = [name for name in LIMB_ENDS if weights.get(name, 0) >= SEEN]
    trunk = [name for name in seen if name.endswith(('shoulder', 'hip'))]
    if len(seen) >= MIN_JOINTS and len(trunk) >= 2:
        return ''
    told = ', '.join(seen) or 'none'
    return (
        f'too few joints: {told}; {MIN_JOINTS} of limbs are needed, two of them shoulders or hips'
    )


def _waiting(
    dataset: ReIDDataset, split: str, files: JointFiles, result: Written
) -> Iterator[tuple[Record, PersonJoints]]:
    """Pictures to be made and their persons; the others are entered into the result."""
    there = set(result.there)
    for record in dataset.records:
        name = Path(record.path).name
        persons = files.of(name)
        reason = reason_to_leave_out(persons)
        if reason:
            result.left_out[name] = reason
            continue
        assert persons is not None
        if len(persons) > 1:
            result.crowded.append(name)
        if name not in there:
            yield record, best_person(persons)


def _write_batch(
    batch: list[_Work],
    resized: bool,
    path_of: Callable[[Record, int | None], Path],
    result: Written,
    told: Callable[[int], object],
) -> None:
    fits = fit_bodies(torch.stack([work.joints for work in batch]), resized)
    for work, values, error in zip(batch, fits.values, fits.error.tolist()):
        views = dict(zip(TURNS, draw_views(values, work.width)))
        for turn in reversed(TURNS):  # the own view last
            path = path_of(work.record, turn or None)
            path.parent.mkdir(parents=True, exist_ok=True)
            data = cv2.imencode(path.suffix, views[turn], [cv2.IMWRITE_JPEG_QUALITY, MAP_QUALITY])[
                1
            ]
            write_bytes(path, data.tobytes())
        name = Path(work.record.path).name
        result.made.append(name)
        if error > POOR:
            result.poor.append(name)
        told(1)


def _digest(files: JointFiles) -> str:
    digest = hashlib.sha256()
    for name, persons in sorted(files.persons.items()):
        digest.update(name.encode(errors='backslashreplace'))
        for person in persons:
            digest.update(person.layout.encode() + person.joints.numpy().tobytes())
    return digest.hexdigest()
