"""Pose maps, foreground masks and body joints."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

from PIL import Image

from projects.ptgan.ptgan import masks as _registered  # noqa: F401

from .case import Case
from .damage import BYTES, ENTRIES, replace_entry
from .datasets import (
    LAYOUTS,
    MARKET_TREE,
    encoded,
    open_dataset,
    picture,
    rows,
    same_labels,
    write_dataset,
    write_picture,
)
from .image_content import MADE, MODES, in_mode

LAYOUT = LAYOUTS['Market-1501']
NAMES = [name for name in MARKET_TREE['bounding_box_train'] if name[:4] not in ('-1_c', '0000')]
VICTIM = NAMES[1]
FOLDERS = {
    'RenderedMesh': ('maps/train/render', 'maps/train/render_45'),
    'MaskFolder': ('maps',),
}
OPTIONS = {'RenderedMesh': dict(views=[45]), 'MaskFolder': {}}
NUM_JOINTS = 4


def _build(kind: str) -> Callable[[Path], None]:
    def build(root: Path) -> None:
        write_dataset(root, LAYOUT)
        for folder in FOLDERS[kind]:
            for name in NAMES:
                grey = Image.open(io.BytesIO(picture(f'{folder}{name}'))).convert('L')
                write_picture(root / folder / f'{name}.png', encoded(grey, '.png'))

    return build


def _read(kind: str, **options) -> Callable[[Path], list[tuple]]:
    def read(root: Path) -> list[tuple]:
        maps = dict(type=kind, root=str(root / 'maps'), **OPTIONS[kind])
        return rows(open_dataset(root, LAYOUT, 'train', pose_map=maps, **options), root)

    return read


def maps(rng: Random) -> Case:
    """Damage to the file of a rendered map."""
    return _of_kind('RenderedMesh', rng)


def masks(rng: Random) -> Case:
    """Damage to the file of a foreground mask."""
    return _of_kind('MaskFolder', rng)


def _of_kind(kind: str, rng: Random) -> Case:
    folder, seed, chance = rng.choice(FOLDERS[kind]), rng.getrandbits(32), rng.random()
    path = f'{folder}/{VICTIM}.png'
    if chance < 0.45:
        how = rng.choice(list(BYTES))
        damage = lambda root: _write(root / path, BYTES[how], seed)  # noqa: E731
        name = f'{how} (seed {seed})'
    elif chance < 0.7:
        name = rng.choice([*MADE, *MODES])
        data = MADE[name](Random(seed)) if name in MADE else in_mode(name)
        damage = lambda root: (root / path).write_bytes(data)  # noqa: E731
    elif chance < 0.9:
        name = rng.choice(list(ENTRIES))
        damage = lambda root: replace_entry(root / path, name)  # noqa: E731
    else:
        name = 'is missing'
        damage = lambda root: (root / path).unlink()  # noqa: E731
    on_missing = rng.choice(('raise', 'raise', 'drop', 'blank'))
    return Case(
        f'{kind} {folder}: {name}, on_missing={on_missing}',
        f'{kind}',
        _build(kind),
        damage,
        _read(kind, on_missing=on_missing),
        (VICTIM,),
        harmless=same_labels,
    )


def _write(path: Path, how: Callable[[bytes, Random], bytes], seed: int) -> None:
    path.write_bytes(how(path.read_bytes(), Random(seed)))


# ---- joints ----


def _told() -> dict[str, list]:
    return {f'{name}.jpg': [[joint, 2 * joint, 1] for joint in range(4)] for name in NAMES}


def _value(value: object) -> Callable[[dict, Random], str]:
    """Joints of which one number of the victim is another."""

    def changed(told: dict, rng: Random) -> str:
        told[f'{VICTIM}.jpg'][rng.randrange(4)][rng.randrange(2)] = value
        return json.dumps(told)

    return changed


def _victim(value: object) -> Callable[[dict, Random], str]:
    return lambda told, rng: json.dumps(told | {f'{VICTIM}.jpg': value})


JOINTS: dict[str, Callable[[dict, Random], str | bytes]] = {
    **{
        f'a coordinate is {value!r:.30}': _value(value)
        for value in (
            *(float('nan'), float('inf'), -float('inf'), 1e300, 1e30, -1e9, 10**400, None, '3'),
            *('x', [1], {}, []),
        )
    },
    **{
        f'joints are {value!r:.30}': _victim(value)
        for value in (
            *(None, 5, 'x', {}, [], [[]], [[0, 0, 1]], [[0, 0]] * 4, [0, 0, 1] * 4, [[[0, 0, 1]]]),
            *([[0, 0, 1]] * 3, [[0, 0, 1]] * 5, [[0, 0, 1], [0, 0]] * 2, {'0': [0, 0, 1]}),
        )
    },
    'a picture is not in it': lambda told, rng: json.dumps(
        {name: value for name, value in told.items() if VICTIM not in name}
    ),
    'a picture is there twice': lambda told, rng: (
        json.dumps(told)[:-1] + f', "{VICTIM}.jpg": [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]}}'
    ),
    'pictures without suffix': lambda told, rng: json.dumps(
        {name.removesuffix('.jpg'): value for name, value in told.items()}
    ),
    'a list': lambda told, rng: json.dumps(list(told.values())),
    'a number': lambda told, rng: '5',
    'null': lambda told, rng: 'null',
    'two values': lambda told, rng: json.dumps(told) * 2,
    'lists without end': lambda told, rng: '[' * 100_000,
    'objects without end': lambda told, rng: '{"a":' * 100_000,
    'a number of 9999 digits': lambda told, rng: json.dumps(told).replace('6', '9' * 9999),
    'a comma at the end': lambda told, rng: json.dumps(told)[:-1] + ',}',
    'single quotes': lambda told, rng: json.dumps(told).replace('"', "'"),
    'a comment': lambda told, rng: '// joints\n' + json.dumps(told),
    'UTF-16': lambda told, rng: json.dumps(told).encode('utf-16'),
    'a byte order mark': lambda told, rng: json.dumps(told).encode('utf-8-sig'),
    'cut short': lambda told, rng: json.dumps(told)[: rng.randrange(1, 200)],
    'a byte of Latin-1': lambda told, rng: json.dumps(told).encode().replace(b'_', b'\xf6', 1),
    'a NUL byte': lambda told, rng: json.dumps(told).replace(' ', '\0', 1),
    'empty': lambda told, rng: '',
    'random bytes': lambda told, rng: rng.randbytes(200),
    'gzipped': lambda told, rng: BYTES['gzipped'](json.dumps(told).encode(), rng),
}


def joints(rng: Random) -> Case:
    """Damage to the joints of a split."""
    seed, path = rng.getrandbits(32), Path('maps/train.json')

    def build(root: Path) -> None:
        write_dataset(root, LAYOUT)
        (root / 'maps').mkdir()
        (root / path).write_text(json.dumps(_told()))

    def read(root: Path) -> list[tuple]:
        pose_map = dict(
            type='JointHeatmap', root=str(root / 'maps'), num_joints=NUM_JOINTS, swap=[(0, 1)]
        )
        return rows(open_dataset(root, LAYOUT, 'train', pose_map=pose_map), root)

    if rng.random() < 0.15:
        name = rng.choice(list(ENTRIES))
        damage = lambda root: replace_entry(root / path, name)  # noqa: E731
    else:
        name = rng.choice(list(JOINTS))

        def damage(root: Path) -> None:
            content = JOINTS[name](_told(), Random(seed))
            (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())

    return Case(f'joints: {name}', 'joints', build, damage, read, ('train.json',))
