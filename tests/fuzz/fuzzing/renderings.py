"""Renderings of the built-in people: manifest, lists, pictures, and an interrupted rendering."""

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from reidgen.datasets import SyntheticReID
from reidgen.synthetic import SIZES, Plan, Size, ensure
from reidgen.synthetic.records import write_record
from reidgen.synthetic.store import describe, libraries
from reidgen.synthetic.writer import render_job

from .case import Case, Words
from .damage import BYTES, ENTRIES, damage_bytes, replace_entry
from .datasets import rows

FEW = Size(num_train=1, num_test=1, num_distractors=1, num_junk=1)
SIZES['few'] = FEW  # beside those that a user has
PLAN = Plan.of('synth_a', 'few')
FOLDER = 'synth_a/few'
MANIFEST, GARMENTS, JOINTS = 'manifest.json', 'garment_pairs.csv', 'joints/query.json'
PICTURES = ('bounding_box_train', 'query', 'bounding_box_test', 'mask', 'parts', 'mesh', 'garment')


@cache
def _rendered() -> dict[str, bytes]:
    """Content of a finished rendering of four persons, by path."""
    with TemporaryDirectory() as folder:
        root = ensure(PLAN, folder)
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob('*'))
            if path.is_file()
        }


def _write(folder: Path) -> None:
    for name, data in _rendered().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _read(root: Path) -> dict[str, Any]:
    """All that the data set tells, every file compared with the manifest; joints without place."""
    found: dict[str, Any] = {}
    for split in ('train', 'query+gallery'):
        dataset = SyntheticReID(
            'synth_a', 'few', str(root), split, check='all', pose_map=dict(type='SyntheticMesh')
        )
        pairs = dataset.garment_pairs()
        found[split] = rows(dataset, root)
        found[f'{split} beside'] = [
            (
                # numbers have no checksum: which of them a joint has is not judged
                dataset.read_joints(record).shape,
                dataset.read_mask(record).numpy().tobytes(),
                dataset.read_parts(record).numpy().tobytes(),
            )
            for record in dataset.records
        ]
        found[f'{split} garments'] = [
            [each.replace(str(root), '.') for each in (pair.record.path, pair.worn, *pair.others)]
            for pair in pairs
        ]
    return found


def case(rng: Random) -> Case:
    """Damage to a rendering."""
    return rng.choice((_bytes, _entry, _field, _field, _joints, _garments, _interrupted))(rng)


def _of(name: str, damage: Callable[[Path], None], names: Words) -> Case:
    return Case(
        name=name,
        world='rendering',
        build=lambda root: _write(root / FOLDER),
        damage=lambda root: damage(root / FOLDER),
        read=_read,
        names=names,
    )


def _any_file(rng: Random) -> str:
    """Path of a file below the folder; a list as often as a picture."""
    if rng.random() < 0.5:
        return rng.choice((MANIFEST, GARMENTS, JOINTS))
    folder = rng.choice(PICTURES)
    return rng.choice([name for name in _rendered() if name.startswith(f'{folder}/')])


def _names(path: str) -> Words:
    # a manifest that is another is told by the files that are not its
    return (FOLDER, 'synth_a') if path == MANIFEST else (path, Path(path).name)


def _bytes(rng: Random) -> Case:
    path, how, seed = _any_file(rng), rng.choice(list(BYTES)), rng.getrandbits(32)
    return _of(
        f'{path}: {how} (seed {seed})',
        lambda folder: damage_bytes(folder / path, how, seed),
        _names(path),
    )


def _entry(rng: Random) -> Case:
    path, how = _any_file(rng), rng.choice([*ENTRIES, 'nothing'])

    def damage(folder: Path) -> None:
        if how == 'nothing':
            (folder / path).unlink()
        else:
            replace_entry(folder / path, how)

    return _of(f'{how} for {path}', damage, _names(path))


FIELDS: dict[str, tuple] = {
    'version': ('synth-0.9', '', None, 5),
    'domain': ('synth_b', None, []),
    'size': ('tiny', None),
    'counts': (None, [], {}, dict(num_train=2)),
    'seeds': (None, {}, dict(camera=1, identity=0, image=0)),
    'validation': (True, None, 'false'),
    'maps': (None, 1, 'true', False),
    'libraries': (None, 5, []),
    'mesh_iou': (None, [], {}),
    'splits': (None, [], {}, dict(train=[1, 2]), dict(train=5, query=[1, 4], gallery=[2, 9])),
    'splits.train': (None, [1], [1, 2, 3], [1.5, 2], ['1', '2'], [7, 8], [True, 1]),
    'num_images': (None, '5', 1.5, True),
    'files': (None, [], {}, 5, dict(a=5), {'query/a.jpg': 'zz' * 32}, {'../../a.jpg': '0' * 8}),
}


def _field(rng: Random) -> Case:
    key = rng.choice(list(FIELDS))
    value = rng.choice((*FIELDS[key], 'is missing'))
    first, _, second = key.partition('.')

    def damage(folder: Path) -> None:
        told = json.loads((folder / MANIFEST).read_text())
        place, last = (told[first], second) if second else (told, first)
        if value == 'is missing':
            place.pop(last)
        else:
            place[last] = value
        (folder / MANIFEST).write_text(json.dumps(told))

    return _of(f'manifest.json: {key} {value!r:.40}', damage, _names(MANIFEST))


def _victim() -> str:
    return next(Path(name).name for name in _rendered() if name.startswith('query/'))


def _value(value: object) -> Callable[[dict], Any]:
    return lambda told: told | {_victim(): value}


JOINT_LISTS: dict[str, Callable[[dict], Any]] = {
    **{
        f'joints are {value!r:.30}': _value(value)
        for value in (None, 5, 'x', {}, [], [[]], [[0, 0, 1]], [[0, 0]] * 18, [[0, 0, 1]] * 17)
    },
    'a coordinate is NaN': _value([[float('nan'), 0, 1]] * 18),
    'a coordinate is huge': _value([[10**400, 0, 1]] * 18),
    'a coordinate is a text': _value([['x', 0, 1]] * 18),
    'a picture is not in it': lambda told: {k: v for k, v in told.items() if k != _victim()},
    'a list': lambda told: list(told.values()),
    'null': lambda told: None,
    'a number': lambda told: 5,
}


def _joints(rng: Random) -> Case:
    how = rng.choice(list(JOINT_LISTS))

    def damage(folder: Path) -> None:
        told = JOINT_LISTS[how](json.loads((folder / JOINTS).read_text()))
        (folder / JOINTS).write_text(json.dumps(told))

    return _of(f'{JOINTS}: {how}', damage, ('query.json', _victim()))


GARMENT_LISTS: dict[str, Callable[[str], str]] = {
    'another split': lambda text: text.replace('query,', 'quer,', 1),
    'another image': lambda text: text.replace('query/5001', 'query/5002', 1),
    'an image outside': lambda text: text.replace('query/', '../query/', 1),
    'another garment': lambda text: text.replace('5001.jpg', '5009.jpg', 1),
    'a cell less': lambda text: text.replace(',garment/5001.jpg', '', 1),
    'a cell more': lambda text: text.replace('5001.jpg', '5001.jpg,x', 1),
    'no header': lambda text: text.partition('\n')[2],
    'another header': lambda text: text.replace('worn', 'garment', 1),
    'columns in another order': lambda text: text.replace('split,image', 'image,split', 1),
    'a row less': lambda text: text[: text.rindex('train,')],
    'a row twice': lambda text: text + text.splitlines()[-1] + '\n',
    'nothing': lambda text: '',
    'an open quote': lambda text: text.replace('query/', '"query/', 1),
    'a NUL character': lambda text: text.replace('query/', 'query\0/', 1),
    'UTF-16': lambda text: text.encode('utf-16').decode('latin-1'),
}


def _garments(rng: Random) -> Case:
    how = rng.choice(list(GARMENT_LISTS))

    def damage(folder: Path) -> None:
        text = GARMENT_LISTS[how]((folder / GARMENTS).read_text())
        (folder / GARMENTS).write_bytes(text.encode('latin-1'))

    return _of(f'{GARMENTS}: {how}', damage, (GARMENTS,))


def _interrupted(rng: Random) -> Case:
    """A rendering that goes on from what an interrupted one left, which is damaged."""
    what = rng.choice(('plan.json', 'progress/train-1.json'))
    how, seed = rng.choice([*BYTES, *ENTRIES]), rng.getrandbits(32)

    def damage(folder: Path) -> None:
        shutil.rmtree(folder)
        part = folder.with_name('few.part')
        for name in (*PICTURES, 'progress'):
            (part / name).mkdir(parents=True)
        record = render_job(PLAN, PLAN.jobs()[0], part)
        write_record(part / 'progress/train-1.json', record)
        write_record(part / 'plan.json', dict(describe(PLAN), maps=True, libraries=libraries()))
        if how in BYTES:
            damage_bytes(part / what, how, seed)
        else:
            replace_entry(part / what, how)

    return _of(f'interrupted, {what}: {how} (seed {seed})', damage, ('few',))
