"""Checks of single values of a table file: errors tell place, value and fix."""

import re
import shlex
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reidgen.choices import hint, listed

OPTIONS = re.compile(r'\{(\w+)\.options\}')  # of a run, as a word of a command


def texts(value: Any) -> Iterator[str]:
    """Texts of a value, however deep they lie in lists and dicts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def fields(text: str) -> list[str]:
    """What stands in braces, as it stands there."""
    return [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]


def placeholders(text: str) -> set[str]:
    """Names in braces, without `.options`."""
    return {name.removesuffix('.options') for name in fields(text)}


def checked_options(given: Any, place: str) -> dict[str, Any]:
    """Options by dotted name."""
    if not isinstance(given, dict) or not all(isinstance(key, str) for key in given):
        raise ValueError(f'{place} is {given!r:.60}; write dotted names and values')
    for key, value in given.items():
        for text in texts(value):
            checked_braces(text, f'{place}.{key}')
            if any(name.endswith('.options') for name in fields(text)):
                raise ValueError(
                    f'{place}.{key} is {text!r:.60}; {{NAME.options}} stands in prepare alone'
                )
            if text is not value and "'" in text and '"' in text:
                raise ValueError(
                    f'{place}.{key} has {text!r:.60}; in a list or dict a text has one kind of '
                    f'quotes at most'
                )
    return given


def checked_camera_seeds(given: Any, place: str) -> list[int]:
    """Camera seeds from 1 on, none twice; 0 is the benchmark's cameras, which every seed has."""
    if 0 in checked_seeds(given, place, least=0):
        raise ValueError(
            f'{place} is {given!r:.60}; 0, the cameras of the benchmark, is in every table: write '
            f'seeds from 1 on'
        )
    return given


def checked_seeds(given: Any, place: str, least: int = 1) -> list[int]:
    """Whole numbers from 0 on, none twice."""
    whole = isinstance(given, list) and all(type(seed) is int and seed >= 0 for seed in given)
    if not whole or len(given) < least or len(set(given)) < len(given):
        raise ValueError(f'{place} is {given!r:.60}; write a list of different whole numbers >= 0')
    return given


def checked_text(given: Any, place: str) -> str:
    """The value itself, checked to be a text."""
    if not isinstance(given, str) or not given:
        raise ValueError(f'{place} is {given!r:.60}; write a text, in quotes where it has : or {{')
    return given


def checked_command(given: Any, place: str) -> str:
    """Python script with its arguments."""
    try:
        words = shlex.split(checked_text(given, place))
    except ValueError as error:
        raise ValueError(f'{place} is {given!r:.60}: {error}; correct its quotes') from error
    for word in words:
        checked_braces(word, place)
        grouped = any(name.endswith('.options') for name in fields(word))
        if grouped and not OPTIONS.fullmatch(word):
            raise ValueError(f'{place} has {word!r:.60}; {{NAME.options}} is a word of its own')
    if not words or not Path(words[0]).is_file():
        raise ValueError(
            f'{place} begins with {"".join(words[:1])}, which is no file; write a python script'
        )
    return given


def checked_braces(text: str, place: str) -> None:
    """Raises ValueError for braces that name nothing or do not close."""
    try:
        names = placeholders(text)
    except ValueError as error:
        raise ValueError(f'{place} is {text!r:.60}: {error}; write {{{{ for {{') from error
    if not all(name.isidentifier() for name in names):
        raise ValueError(f'{place} is {text!r:.60}; in braces stands work_dir or the name of a run')


def as_list(given: Any, place: Any) -> list:
    """The value itself, checked to be a list."""
    if not isinstance(given, list):
        raise ValueError(f'{place}: {given!r:.60} is no list; write one')
    return given


def known(given: Any, names: Any, place: str) -> None:
    """Raises ValueError for a name that there is not."""
    if given not in names:
        raise ValueError(f'{place} {given!r}{hint(given, names)}; there are {listed(names)}')
