"""Checks of names and counts; errors tell place, value and what is known."""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

T = TypeVar('T')


def hint(value: Any, known: Iterable[Any]) -> str:
    """Suggestion ` (did you mean 'x'?)` of the nearest known name; empty where none is near."""
    near = get_close_matches(str(value), [str(name) for name in known], 1)
    return f" (did you mean '{near[0]}'?)" if near else ''


def listed(known: Iterable[Any]) -> str:
    """Known names as listed in errors, in order; `none` where there is none."""
    return ', '.join(str(name) for name in known) or 'none'


def one_of(value: T, known: Collection[T], place: str) -> T:
    """The value itself, checked to be among the known ones.

    Args:
        place: what the value was given for, such as `model.bn_mode`.

    Raises:
        ValueError: it is not; names place, value, the nearest and all known ones.
    """
    # equal is not enough: True is no 1 and 2.0 is no 2 to whoever wrote the config
    if not any(value == name and type(value) is type(name) for name in known):
        raise ValueError(f'{place} is {value!r}{hint(value, known)}; choose one of {listed(known)}')
    return value


def check_keys(given: Iterable[Any], known: Sequence[str], place: str) -> None:
    """Raises ValueError for the first key that is not among the known ones.

    Args:
        place: where the keys stand in the config, such as `train_dataloader.source`.
    """
    for key in given:
        if key not in known:
            raise ValueError(
                f"{place}: unknown key '{key}'{hint(key, known)}; known: {listed(known)}"
            )


def is_whole(value: object, least: int = 0) -> bool:
    """Whether a value is a whole number, and no bool, from `least` on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def check_count(place: str, value: object) -> None:
    """Raises ValueError for what is no whole number from 1.

    Args:
        place: what the value was given for, such as `num_images`.
    """
    if not is_whole(value, 1):
        raise ValueError(f'{place} is {value!r}; it must be a whole number from 1')
