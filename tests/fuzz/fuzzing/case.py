"""A damaged input: how it is made, read, and judged."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import eq
from pathlib import Path
from typing import Any

Words = tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """Damage to an input that is otherwise good.

    Attributes:
        name: of the damage; says what was done, so that it can be done by hand.
        world: of the undamaged input: cases of one world have one undamaged result.
        build: writes the undamaged input into an empty folder.
        damage: damages it there.
        read: reads it through the public API, as a user would; returns what is compared.
        names: words of which the error must have one: of the file, key or option.
        harmless: (result, undamaged result) -> whether the damage has done nothing.
        told: words of which one must be in a log line that the undamaged input does not cause,
            where the result is another; a warning always counts.
    """

    name: str
    world: str
    build: Callable[[Path], None]
    damage: Callable[[Path], None]
    read: Callable[[Path], Any]
    names: Words
    harmless: Callable[[Any, Any], bool] = eq
    told: Words = ('left out',)


def never(result: Any, undamaged: Any) -> bool:
    """`harmless` of a damage that must be refused."""
    return False


def anything(result: Any, undamaged: Any) -> bool:
    """`harmless` where every result will do: only errors and hangs are judged."""
    return True
