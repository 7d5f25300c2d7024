"""Lists beside the pictures of SyntheticReID: joints and garments, checked as they are read."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from reidgen.datasets.csv_list import read_rows
from reidgen.datasets.records import Record
from reidgen.files import read_json
from reidgen.synthetic import JOINTS
from reidgen.synthetic.plan import FOLDERS, LONERS

COLUMNS = ('split', 'image', 'worn')  # of garment_pairs.csv
WITHOUT_GARMENT = tuple(f'{label}_' for label, _ in LONERS.values())  # how their names begin


def again(root: Path) -> str:
    """What to do about a damaged rendering, the end of an error."""
    return f'delete {root}, it is rendered again when it is needed'


def read_joint_lists(root: Path) -> dict[str, object]:
    """Joints of all splits by file name, see `as_joints`.

    Raises:
        ValueError: a list is no JSON object.
    """
    joints: dict[str, object] = {}
    for path in sorted((root / 'joints').glob('*.json')):
        try:
            told = read_json(path.read_bytes() if path.is_file() else b'')
            if not isinstance(told, dict):
                raise ValueError(f'it holds a {type(told).__name__}')
        except ValueError as error:
            raise ValueError(f'{path} is damaged ({error}); {again(root)}') from error
        joints |= told
    return joints


def as_joints(lists: Mapping[str, object], record: Record, root: Path) -> Tensor:
    """Joints (18, 3) float32 of an image, finite.

    Raises:
        ValueError: the lists have none of it, or no such numbers.
    """
    told = lists.get(Path(record.path).name)
    try:
        joints = torch.tensor(told, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        joints = torch.empty(0)
    if joints.shape != (len(JOINTS), 3) or not joints.isfinite().all():
        raise ValueError(
            f'joints of {record.path} are {told!r:.99} in {root / "joints"}, not {len(JOINTS)} '
            f'rows of x, y, visible; {again(root)}'
        )
    return joints


def read_garments(root: Path) -> list[tuple[str, str, str]]:
    """Split, image and worn garment, as paths below root, of each image of a person.

    Raises:
        FileNotFoundError: there is no list.
        ValueError: a row names what is not there, or an image of a person has no row.
    """
    path, found = root / 'garment_pairs.csv', []
    garments = {f'garment/{each.name}' for each in (root / 'garment').iterdir()}
    images = {
        f'{folder}/{each.name}': split
        for split, folder in FOLDERS.items()
        for each in (root / folder).iterdir()
        if not each.name.startswith(WITHOUT_GARMENT)
    }
    for row in read_rows(path, COLUMNS):
        split, image, garment = (row.cells.get(name, '') for name in COLUMNS)
        if images.get(image) != split or garment not in garments:
            raise ValueError(
                f'{row.where}: {split!r:.40}, {image!r:.99}, {garment!r:.99} are no split, image '
                f'and garment of {root}; {again(root)}'
            )
        found.append((split, image, garment))
    missing = sorted(images.keys() - {image for _, image, _ in found})
    if missing:
        raise ValueError(
            f'{path} lacks {len(missing)} images of persons, the first {missing[0]}; {again(root)}'
        )
    return found
