"""Key points of persons by picture, from the files of other programs.

    COCO annotations   {"images": [{"id", "file_name"}], "annotations": [{"image_id", "keypoints"}]}
    COCO results       [{"image_id", "keypoints", "score"}, ...]
    OpenPose           {"people": [{"pose_keypoints_2d"}]}, a file a picture: NAME_keypoints.json
    MPII               [{"image", "joints", "joints_vis"}, ...]
    reidgen            {"name.jpg": [[x, y, visible], ...], ...}, as JointHeatmap reads it

How many joints there are says which (LAYOUTS). Whole numbers in place of a picture's name are
looked up in the annotations' list of images.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from reidgen.datasets.joint_heatmap import FARTHEST
from reidgen.datasets.joint_layouts import LAYOUTS
from reidgen.files import read_json

BY_COUNT = {len(layout.names): name for name, layout in LAYOUTS.items()}
OPENPOSE_END = '_keypoints'
FORMS = (
    'COCO annotations or results, OpenPose (a file a picture), MPII with "image" and "joints", or '
    '{"name.jpg": [[x, y, visible], ...]}'
)


class PersonJoints(NamedTuple):
    """Joints of a person in a picture."""

    layout: str  # a name of LAYOUTS
    joints: Tensor  # (J, 3) float32: x, y in pixels, weight in [0, 1]; 0: not there


class JointFiles(NamedTuple):
    """Persons by picture; those of OpenPose under the name without suffix."""

    persons: dict[str, list[PersonJoints]]

    def of(self, picture: str) -> list[PersonJoints] | None:
        """Persons of a picture's file name; None where no file tells of it."""
        return self.persons.get(picture, self.persons.get(Path(picture).stem))

    def unknown(self, pictures: Sequence[str]) -> list[str]:
        """Sorted names that are none of the pictures'."""
        known = {*pictures, *(Path(name).stem for name in pictures)}
        return sorted(set(self.persons) - known)


def read_joint_files(places: Sequence[str | Path], image_list: str | None = None) -> JointFiles:
    """Persons of all files, and of the .json files in folders.

    Args:
        image_list: COCO annotations that tell the pictures' numbers; None: those of `places` do.

    Raises:
        FileNotFoundError: a place is missing, or a folder has no .json file.
        ValueError: a file is none of FORMS, a joint is no finite number, or a number is of no
            picture; names file, picture and joint.
    """
    files = [path for place in places for path in _files_of(Path(place))]
    contents = {path: _parsed(path) for path in files}
    numbers: dict[Any, str] = {}
    listed = {} if image_list is None else {Path(image_list): _parsed(Path(image_list))}
    for path, content in (listed or contents).items():
        numbers |= _picture_numbers(path, content)
    if image_list is not None and not numbers:
        raise ValueError(
            f'{image_list} has no list "images" of id and file_name; give one that has'
        )
    persons: dict[str, list[PersonJoints]] = {}
    for path, content in contents.items():
        for picture, told in _entries(path, content, numbers):
            found = persons.setdefault(picture, [])
            if told is not None:
                found.append(_person(told, f'{path}: {picture}'))
    return JointFiles(persons)


def best_person(persons: Sequence[PersonJoints]) -> PersonJoints:
    """Person with the largest sum of weights; of equal ones, the tallest."""

    def rank(person: PersonJoints) -> tuple[float, float]:
        there = person.joints[person.joints[:, 2] > 0]
        tall = there[:, 1].max() - there[:, 1].min() if len(there) else torch.zeros(())
        return float(there[:, 2].sum()), float(tall)

    return max(persons, key=rank)


def _files_of(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise FileNotFoundError(f'no file or folder {place.absolute()} with key points')
    found = sorted(place.glob('*.json'))
    if not found:
        raise FileNotFoundError(
            f'{place.absolute()} has no .json file; give the folder of key points'
        )
    return found


def _parsed(path: Path) -> Any:
    try:
        return read_json(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'{path} is no JSON: {error}; write it again') from error


def _picture_numbers(path: Path, content: Any) -> dict[Any, str]:
    """File names by number, of COCO annotations; empty for other files."""
    if not isinstance(content, dict) or not isinstance(content.get('images'), list):
        return {}
    try:
        return {each['id']: each['file_name'] for each in content['images']}
    except (TypeError, KeyError) as error:
        raise ValueError(
            f'{path}: an image of its list has no id and file_name; write both for each'
        ) from error


def _entries(
    path: Path, content: Any, numbers: dict[Any, str]
) -> Iterator[tuple[str, tuple[Any, Any] | None]]:
    """Picture and (joints, their visibility or None) of each person; None where nobody is."""
    if isinstance(content, dict) and isinstance(content.get('people'), list):
        stem = path.stem.removesuffix(OPENPOSE_END)
        if not content['people']:
            yield stem, None
        for person in content['people']:
            yield stem, (_key(person, 'pose_keypoints_2d', f'{path}: a person'), None)
    elif isinstance(content, dict) and isinstance(content.get('annotations'), list):
        for name in numbers.values():
            yield Path(name).name, None
        yield from _coco(path, content['annotations'], numbers)
    elif isinstance(content, list) and content and all(isinstance(e, dict) for e in content):
        if 'joints' in content[0]:
            for row, each in enumerate(content):
                place = f'{path}: entry {row}'
                picture = Path(str(_key(each, 'image', place))).name
                yield picture, (_key(each, 'joints', place), each.get('joints_vis'))
        else:
            yield from _coco(path, content, numbers)
    elif (
        isinstance(content, dict) and content and all(isinstance(e, list) for e in content.values())
    ):
        for name, joints in content.items():
            yield Path(name).name, (joints, None)
    else:
        raise ValueError(f'{path} holds no key points in a form that is known; give {FORMS}')


def _coco(path: Path, annotations: list, numbers: dict[Any, str]) -> Iterator[tuple[str, tuple]]:
    for row, each in enumerate(annotations):
        place = f'{path}: entry {row}'
        picture = _key(each, 'image_id', place)
        known = isinstance(picture, str) or (isinstance(picture, int) and picture in numbers)
        if not known:
            raise ValueError(
                f'{place} is of the picture {picture}, which no list of images explains; '
                f'give the annotations with "images" as --image-list'
            )
        yield Path(str(numbers.get(picture, picture))).name, (_key(each, 'keypoints', place), None)


def _key(entry: Any, key: str, place: str) -> Any:
    if not isinstance(entry, dict) or key not in entry:
        raise ValueError(f'{place} has no "{key}"; give key points as {FORMS}')
    return entry[key]


def _person(told: tuple[Any, Any], place: str) -> PersonJoints:
    """Checked joints of a person: flat [x, y, weight, ...], or rows of three or of two."""
    points, visible = told
    try:
        table = torch.tensor(points, dtype=torch.float64)
        if table.ndim == 1:
            table = table.view(-1, 3)
        if visible is not None:
            weights = torch.tensor(visible, dtype=torch.float64).view(len(table), -1)[:, :1]
            table = torch.cat([table[:, :2], weights], 1)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ValueError(
            f'{place} has joints that are no numbers x, y, weight, {str(points)[:80]}; correct them'
        ) from error
    if table.ndim != 2 or table.shape[1] != 3 or len(table) not in BY_COUNT:
        known = ', '.join(f'{count} ({name})' for count, name in sorted(BY_COUNT.items()))
        raise ValueError(
            f'{place} has joints of shape {tuple(table.shape)}; rows of x, y, weight are known for '
            f'{known} joints'
        )
    names = LAYOUTS[BY_COUNT[len(table)]].names
    for row, (x, y, weight) in enumerate(table.tolist()):
        if not all(map(math.isfinite, (x, y, weight))) or max(abs(x), abs(y)) >= FARTHEST:
            raise ValueError(
                f'{place}, joint {row} ({names[row]}) is [{x:g}, {y:g}, {weight:g}]; write finite '
                f'pixels below {FARTHEST:,}, and 0, 0, 0 for a joint that is not seen'
            )
        if weight < 0:
            raise ValueError(
                f'{place}, joint {row} ({names[row]}) has the weight {weight:g}; write 0 for a '
                f'joint that is not seen, or its confidence up to 1'
            )
    table[:, 2].clamp_(max=1)  # COCO writes 2 for a visible joint
    return PersonJoints(BY_COUNT[len(table)], table.float())
