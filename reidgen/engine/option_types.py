"""Checks of config values against the annotations of the classes that they are given to."""

import inspect
import math
import os
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from reidgen.registry import NAMED

TEXTS = (str, Path, os.PathLike)
ROWS = (list, tuple, Sequence)
MAPS = (dict, Mapping)
UNIONS = (typing.Union, types.UnionType)
WORDS = {
    int: 'a whole number',
    float: 'a number',
    bool: 'True or False',
    str: 'a text',
    Path: 'a path',
    os.PathLike: 'a path',
    type(None): 'None',
}


def check_option_types(kind: Callable, options: Mapping[str, Any], place: str) -> None:
    """Raises ValueError for the first option that is of another type than is annotated.

    Checked are numbers, True and False, texts, lists, dictionaries and what is in them. What is
    annotated as an object may be given as its config, a dictionary; what is not annotated, or in a
    way that is not known here, may be anything.

    Args:
        kind: class or function.
        place: of the options in the config, for the error.
    """
    known = annotations(kind)
    for key, value in options.items():
        if key in known and not fits(value, known[key]):
            where, wrong, wanted = _innermost(f'{place and f"{place}."}{key}', value, known[key])
            raise ValueError(f'{where} is {wrong!r:.200}; it must be {described(wanted)}')


def annotations(kind: Callable) -> dict[str, Any]:
    """Annotations of the arguments, through `**kwargs` up the bases of a class; those of a default
    None allow None.
    """
    found: dict[str, Any] = {}
    makers = (
        [vars(cls).get('__init__') for cls in kind.__mro__] if inspect.isclass(kind) else [kind]
    )
    for function in makers:
        if not inspect.isfunction(function):
            continue
        parameters = inspect.signature(function).parameters.values()
        for parameter in parameters:
            if parameter.kind in NAMED and parameter.annotation is not parameter.empty:
                annotation = _evaluated(parameter.annotation, function)
                if parameter.default is None:
                    annotation = typing.Optional[annotation]  # noqa: UP045
                found.setdefault(parameter.name, annotation)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


def _evaluated(annotation: Any, function: Callable) -> Any:
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, function.__globals__)
    except (NameError, AttributeError, TypeError):  # a name for type checkers alone
        return Any


def fits(value: Any, annotation: Any) -> bool:
    """Whether a config's value may be given where this annotation is."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    kind = origin or annotation
    if kind in UNIONS:
        return any(fits(value, each) for each in inner)
    if kind is typing.Literal:
        return any(value == each and type(value) is type(each) for each in inner)
    if kind is None or kind is type(None):
        return value is None
    if kind in (bool, str):
        return isinstance(value, kind)
    if kind in (int, float):
        return _is_number(value, kind)
    if kind in TEXTS:
        return isinstance(value, TEXTS)
    if kind in ROWS:
        return _rows_fit(value, kind, inner)
    if kind in MAPS:
        return isinstance(value, Mapping) and (
            not inner or all(fits(k, inner[0]) and fits(v, inner[1]) for k, v in value.items())
        )
    if kind in (Any, object, set, frozenset) or not inspect.isclass(kind):
        return True
    # an object: itself, its config, or what else stands for it, such as a name
    return not isinstance(value, bool | int | float | list) or isinstance(value, kind)


def _innermost(place: str, value: Any, annotation: Any) -> tuple[str, Any, Any]:
    """Place, value and annotation of the value that does not fit, within lists and dictionaries."""
    kind = typing.get_origin(annotation) or annotation
    if kind in UNIONS:
        # the one that has values in it as the value has
        kinds = MAPS if isinstance(value, Mapping) else ROWS
        inner = [each for each in typing.get_args(annotation) if typing.get_origin(each) in kinds]
        return _innermost(place, value, inner[0]) if len(inner) == 1 else (place, value, annotation)
    if kind in MAPS and isinstance(value, Mapping):
        items, wanted = value.items(), typing.get_args(annotation)[1:]
    elif kind in ROWS and isinstance(value, list | tuple):
        items, wanted = enumerate(value), typing.get_args(annotation)[:1]
    else:
        return place, value, annotation
    for key, item in items:
        if wanted and not fits(item, wanted[0]):
            return _innermost(f'{place}.{key}', item, wanted[0])
    return place, value, annotation


def _is_number(value: Any, kind: type) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return not math.isnan(value) and (kind is float or isinstance(value, int))


def _rows_fit(value: Any, kind: type, inner: tuple) -> bool:
    if not isinstance(value, list | tuple | range):
        return False
    if kind is not tuple or inner[1:] == (...,):
        return not inner or all(fits(each, inner[0]) for each in value)
    return not inner or (len(value) == len(inner) and all(map(fits, value, inner)))


def described(annotation: Any) -> str:
    """Annotation in words: 'a list of whole numbers, or None'."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    kind = origin or annotation
    if kind in UNIONS:
        return ' or '.join(dict.fromkeys(map(described, inner)))
    if kind is typing.Literal:
        return f'one of {", ".join(map(repr, inner))}'
    if kind in WORDS or kind is None:
        return WORDS.get(kind, 'None')
    if kind in ROWS:
        each = [described(item) for item in inner if item is not ...]
        if kind is tuple and ... not in inner and inner:
            return f'{len(inner)} values in brackets ({", ".join(each)})'
        return f'a list, each {each[0]}' if each else 'a list'
    if kind in MAPS:
        return f'dict(...), each {described(inner[1])}' if inner else 'dict(...)'
    return f'dict(type=...) or a {kind.__name__}' if inspect.isclass(kind) else str(annotation)
