"""Config files: what is wrong with their text, their bases and their data, by name."""

import ast
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config
from mmengine.fileio import YamlHandler, register_handler

from reidgen.files import read_json
from reidgen.shipped import shipped_config

SUFFIXES = ('.py', '.yaml', '.yml', '.json')
MOST_VALUES = 1_000_000  # in a YAML file once its aliases are followed


class _Loader(yaml.SafeLoader):
    """YAML without tags that construct Python objects, and without a key twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number] and key != '<<':
                raise yaml.constructor.ConstructorError(
                    None, None, f'{key} is there twice', node.value[number][0].start_mark
                )
        return super().construct_mapping(node, deep)


@register_handler(['yaml', 'yml'])
class SafeYamlHandler(YamlHandler):
    """mmengine's reader of YAML, safe as the text of any file."""

    def load_from_fileobj(self, file, **kwargs):
        return yaml.load(file, _Loader)


def read_config(path: str | Path) -> Config:
    """Config of a file and its bases, not yet merged with options or checked.

    Raises:
        FileNotFoundError: a base is not there.
        ValueError: another suffix; no UTF-8; a text that is no Python, YAML or JSON, or has a key
            twice; a file that is its own base; an error of the program in a Python config. Names
            the file.
    """
    path = Path(path)
    _check_with_bases(path, ())
    try:
        return Config.fromfile(path)
    except (Exception, SystemExit) as error:
        reason = ' '.join(str(error).split())[:500]
        raise ValueError(
            f'the config {path}, or a base of it, fails with {type(error).__name__}: {reason}'
        ) from error


def _check_with_bases(path: Path, above: tuple[Path, ...]) -> None:
    """Raises an error for what is wrong with a config or, in turn, its bases."""
    for base in _bases(path, _parsed(path)):
        place = path.parent / base
        if place.resolve() in (path.resolve(), *above):
            raise ValueError(f"{path}: its _base_ '{base}' has it as a base; take one of them out")
        if not place.is_file():
            raise FileNotFoundError(
                f"{path}: there is no base '{base}' ({place}); correct _base_{_copied(base, path)}"
            )
        _check_with_bases(place, (*above, path.resolve()))


def _copied(base: str, path: Path) -> str:
    """How a base that comes with reidgen gets to where a config looks for it; '' for others."""
    name = Path(base).as_posix()
    if shipped_config(name) is None:
        return ''
    stem = Path(name).stem
    folder = path.parent.as_posix()
    return f', or copy the config of that name there: reidgen configs --copy {stem} {folder}'


def with_bases(path: Path) -> list[Path]:
    """Resolved paths of a config and, in turn, its bases, each once."""
    found = [path.resolve()]
    for base in _bases(path, _parsed(path)):
        found += with_bases(path.parent / base)
    return list(dict.fromkeys(found))


def _parsed(path: Path) -> Any:
    """Syntax tree of a Python config, data of another."""
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"{path} ends in '{path.suffix}'; a config ends in {', '.join(SUFFIXES)}: rename it"
        )
    try:
        text = path.read_bytes().decode()
        if path.suffix == '.py':
            return ast.parse(text)
        data = read_json(text) if path.suffix == '.json' else yaml.load(text, _Loader)
        if not isinstance(data, dict):
            raise ValueError(f'it holds a {type(data).__name__}, not keys with values')
        wrong = [key for key in data if not isinstance(key, str)]
        if wrong:
            raise ValueError(f'its key {wrong[0]!r} is no text')
        _check_size(data)
        return data
    except (SyntaxError, ValueError, RecursionError, MemoryError, yaml.YAMLError) as error:
        kind = {'.py': 'Python', '.json': 'JSON'}.get(path.suffix, 'YAML')
        line = f', line {error.lineno}' if isinstance(error, SyntaxError) else ''
        reason = ' '.join(str(error).split())
        raise ValueError(f'{path}{line} is no plain {kind}: {reason}') from error


def _bases(path: Path, data: Any) -> list[str]:
    """Paths in `_base_`, relative to the config; those of installed packages are left out."""
    if isinstance(data, dict):
        given = data.get('_base_', [])
    else:
        given = [
            node.value
            for node in data.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '_base_'
        ]
        try:
            given = ast.literal_eval(given[0]) if given else []
        except ValueError:  # worked out from other names
            return []
    given = [given] if isinstance(given, str) else given
    if not isinstance(given, list | tuple) or not all(isinstance(base, str) for base in given):
        raise ValueError(f"{path}: _base_ is {given!r}; write paths, such as _base_ = ['base.py']")
    return [base for base in given if '::' not in base]


def _check_size(data: Any) -> None:
    """Raises ValueError for data that contain themselves, or grow by aliases without measure."""
    sizes: dict[int, int] = {}

    def size(node: Any, above: frozenset[int]) -> int:
        if not isinstance(node, dict | list):
            return 1
        if id(node) in above:
            raise ValueError('it has a list or keys that contain themselves; write them out')
        if id(node) not in sizes:
            inner = node.values() if isinstance(node, dict) else node
            sizes[id(node)] = 1 + sum(size(each, above | {id(node)}) for each in inner)
        return sizes[id(node)]

    if isinstance(data, dict) and size(data, frozenset()) > MOST_VALUES:
        raise ValueError(
            f'it has more than {MOST_VALUES:,} values once its aliases are followed; write what '
            f'is meant'
        )
