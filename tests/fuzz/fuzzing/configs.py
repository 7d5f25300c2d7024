"""Configs as Python, YAML and JSON: misspelt keys, values of other types, damaged text."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml
from mmengine.config import Config
from mmengine.hooks import Hook

from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config

from .case import Case, never
from .config_text import SYNTAX
from .damage import ENTRIES, replace_entry

CONFIG = Path(__file__).resolve().parents[2] / 'engine' / 'gcl_tiny.py'
PARTS = (
    *('model', 'train_cfg', 'optim_wrapper', 'train_dataloader', 'val_dataloader'),
    *('val_evaluator', 'val_cfg', 'default_hooks', 'randomness'),
)


@cache
def base() -> dict[str, Any]:
    """Tiny config as plain data."""
    cfg = json.loads(json.dumps(load_config(CONFIG).to_dict()))
    kept = {key: cfg[key] for key in (*PARTS, 'custom_imports', 'visualizer') if key in cfg}
    for name in ('default_scope', 'custom_hooks', 'env_cfg', 'val_cfg', 'log_processor'):
        if name in cfg:
            kept[name] = cfg[name]
    return kept


def _text(cfg: dict, suffix: str) -> str:
    if suffix == '.json':
        return json.dumps(cfg, indent=1)
    if suffix == '.yaml':
        return yaml.safe_dump(cfg)
    return ''.join(f'{key} = {value!r}\n' for key, value in cfg.items())


def _loaded(path: Path) -> dict:
    return json.loads(json.dumps(load_config(path).to_dict()))


class _Started(Exception):
    """End of a training before its first step."""


class _Stop(Hook):
    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        raise _Started


def start(cfg: Config, folder: Path) -> None:
    """Starts a training by a config as far as its first batch, and ends it there."""
    cfg.work_dir = str(folder / 'work')
    runner = ReIDRunner.from_cfg(cfg)
    runner.register_hook(_Stop(), 'HIGHEST')
    try:
        runner.train()
    except _Started:
        return
    raise AssertionError('no iteration was run')


def _trained(path: Path) -> dict:
    """The config, after a training by it was started."""
    start(load_config(path), path.parent)
    return _loaded(path)


def case(rng: Random) -> Case:
    """Damage to a config."""
    return rng.choice((_key, _value, _value, _value, _type, _missing, _syntax, _syntax, _entry))(
        rng
    )


def _of(name: str, suffix: str, damage, read, names, **kwargs) -> Case:
    file = f'config{suffix}'
    return Case(
        name=f'{file}: {name}',
        world=suffix,
        build=lambda root: (root / file).write_text(_text(base(), suffix)) and None,
        damage=lambda root: damage(root / file),
        read=lambda root: read(root / file),
        names=names,
        **kwargs,
    )


def _nodes(node: Any, place: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """Places and values of everything below a node."""
    below = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in below:
        yield (*place, key), value
        if isinstance(value, dict | list):
            yield from _nodes(value, (*place, key))


def _chosen(rng: Random, wanted: Callable[[tuple, Any], bool]) -> tuple[tuple, Any]:
    below = {key: base()[key] for key in PARTS if key in base()}
    found = [(place, value) for place, value in _nodes(below) if wanted(place, value)]
    return rng.choice(found)


def _changed(place: tuple, change: Callable[[Any, Any], None]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        cfg = deepcopy(base())
        node = cfg
        for key in place[:-1]:
            node = node[key]
        change(node, place[-1])
        path.write_text(_text(cfg, path.suffix))

    return damage


def _suffix(rng: Random) -> str:
    return rng.choice(('.py', '.yaml', '.json'))


def _words(place: tuple) -> tuple[str, ...]:
    """Words of which an error must say one: the whole place, its last key, the list it is in, or
    the stage, which is called by its name.
    """
    keys = [key for key in place if isinstance(key, str)]
    words = ['.'.join(map(str, place)), keys[-1]]
    if place[-1] == 'type' or isinstance(place[-1], int):
        words.append('.'.join(map(str, place[:-1])))
    if place[:2] == ('train_cfg', 'stages') and len(place) > 2:
        words.append(f'stage {base()["train_cfg"]["stages"][place[2]]["name"]}')
    return tuple(words)


def _key(rng: Random) -> Case:
    """A key with a letter too many, too few or changed, of a registered class, loader or stage."""
    place, _ = _chosen(
        rng,
        lambda place, value: (
            isinstance(place[-1], str)
            and len(place) > 1
            and place[-1] != 'type'
            and not _free(place[:-1])
        ),
    )
    key, how = place[-1], rng.randrange(3)
    at = rng.randrange(len(key))
    wrong = (key[:at] + 'x' + key[at:], key[:at] + key[at + 1 :], key[:at] + 'q' + key[at + 1 :])[
        how
    ]

    def change(node: dict, last: str) -> None:
        node[wrong or 'x'] = node.pop(last)

    return _of(
        f'{".".join(map(str, place))} is called {wrong}',
        _suffix(rng),
        _changed(place, change),
        _trained,
        (wrong or 'x', key),
        harmless=never,
    )


# dictionaries whose keys are names that the user gives
FREE = (('val_dataloader',), ('default_hooks',), ('train_dataloader',), ('optim_wrapper',))


def _free(place: tuple) -> bool:
    return place in FREE


WRONG: dict[type, tuple] = {
    int: ('many', '4', [1], {'a': 1}, None),
    float: ('much', '0.1', [0.1], {'a': 1}, None),
    bool: ('False', 'no', [True], 2, {}),
    str: (5, ['x'], {'a': 1}, 'no_such_name', '', None),
    list: ('x', 5, {'a': 1}, True),
    dict: (5, 'x', [1], True),
}


def _value(rng: Random) -> Case:
    """A value of another type, or a name that is none."""
    place, value = _chosen(rng, lambda place, value: value is not None)
    wrong = rng.choice(WRONG[type(value)])

    def change(node, last) -> None:
        node[last] = wrong

    return _of(
        f'{".".join(map(str, place))} is {wrong!r} instead of {value!r:.40}',
        _suffix(rng),
        _changed(place, change),
        _trained,
        _words(place),
        harmless=never,
    )


def _type(rng: Random) -> Case:
    """A registered name with a letter changed, or of another kind of thing."""
    place, value = _chosen(rng, lambda place, value: place[-1] == 'type')
    wrong = rng.choice((value[:-1], f'{value}2', value.lower(), 'os.system', 'no.such.Class', ''))

    def change(node: dict, last: str) -> None:
        node[last] = wrong

    name = f'{".".join(map(str, place))} is {wrong!r}'
    return _of(
        name,
        _suffix(rng),
        _changed(place, change),
        _trained,
        _words(place),
        harmless=never,
    )


def _missing(rng: Random) -> Case:
    """A key left out: told if it is needed."""
    place, _ = _chosen(rng, lambda place, value: isinstance(place[-1], str))
    name = '.'.join(map(str, place))

    def read(path: Path) -> None:
        _trained(path)  # what has a default may be left out

    return _of(
        f'{name} left out',
        _suffix(rng),
        _changed(place, lambda node, last: node.pop(last)),
        read,
        (*_words(place), '.'.join(map(str, place[:-1]))),
        harmless=lambda result, undamaged: True,
    )


def _syntax(rng: Random) -> Case:
    suffix = _suffix(rng)
    how, seed = rng.choice(list(SYNTAX[suffix])), rng.getrandbits(32)

    def damage(path: Path) -> None:
        text = SYNTAX[suffix][how](path.read_text(), Random(seed))
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return _of(
        f'{how} (seed {seed})',
        suffix,
        damage,
        _trained,
        (f'config{suffix}', 'none.', 'train_cgf', 'modle'),
    )


def _entry(rng: Random) -> Case:
    suffix = _suffix(rng)
    how = rng.choice([*ENTRIES, 'another suffix', 'no file'])
    other = Path(f'config{suffix}x')

    def damage(path: Path) -> None:
        if how in ENTRIES:
            replace_entry(path, how)
        elif how == 'no file':
            path.unlink()
        else:
            path.rename(path.with_name(other.name))

    def read(path: Path) -> dict:
        return _trained(path.with_name(other.name) if path.with_name(other.name).exists() else path)

    return _of(how, suffix, damage, read, (f'config{suffix}',))
