"""Outcome of a case: harmless, told, named error; or unnamed error, silent, hang."""

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from logging import WARNING
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from mmengine.logging import MMLogger

from .case import Case

HARMLESS, TOLD, NAMED = 'harmless', 'told in the log', 'named error'
UNNAMED, SILENT, HANG = 'unnamed error', 'silent', 'hang'
GOOD, FAILED = (HARMLESS, TOLD, NAMED), (UNNAMED, SILENT, HANG)
KINDS_OF_ERRORS = (ValueError, OSError, TypeError, RuntimeError, ImportError)
LENGTH_SHOWN = 300  # of a text


class Outcome(NamedTuple):
    """Outcome of a case, with the error, the log line or the result that decided it."""

    outcome: str
    text: str


def outcome_of(case: Case, folder: Path, undamaged: dict[str, Any]) -> Outcome:
    """Outcome of one case.

    Args:
        folder: empty; the input is made in it.
        undamaged: result and log lines of each world that was read before; is added to.

    Raises:
        Exception: of the undamaged input, which must be read without an error.
    """
    if case.world not in undamaged:
        undamaged[case.world] = _read(case, folder / 'undamaged', damaged=False)
    (expected, lines), place = undamaged[case.world], folder / 'input'
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            result, told = _read(case, place, damaged=True)
    except SystemExit as error:
        return _of_error(case, printed.getvalue() + str(error), True)
    except Exception as error:
        text = f'{type(error).__name__}: {error}'
        return _of_error(case, text, isinstance(error, KINDS_OF_ERRORS))
    if case.harmless(result, expected):
        return Outcome(HARMLESS, '')
    known = {text for _, text in lines}
    for level, text in told:
        if text not in known and (level >= WARNING or any(word in text for word in case.told)):
            return Outcome(TOLD, text[:LENGTH_SHOWN])
    return Outcome(SILENT, f'{result!r} instead of {expected!r}'[:LENGTH_SHOWN])


def _of_error(case: Case, text: str, of_known_kind: bool) -> Outcome:
    named = of_known_kind and any(word in text for word in case.names)
    return Outcome(NAMED if named else UNNAMED, text[:LENGTH_SHOWN])


def _read(case: Case, place: Path, damaged: bool) -> tuple[Any, list[tuple[int, str]]]:
    """Result of reading, and the log's lines with their levels; the folder is named `.` there."""
    place.mkdir(parents=True)
    case.build(place)
    if damaged:
        case.damage(place)
    with _logged() as lines, warnings.catch_warnings(), open(os.devnull, 'w') as nowhere:
        warnings.simplefilter('ignore')
        with contextlib.redirect_stdout(nowhere):
            result = case.read(place)
    return result, [(level, text.replace(str(place), '.')) for level, text in lines]


@contextlib.contextmanager
def _logged() -> Iterator[list[tuple[int, str]]]:
    """Context with the lines that any logger of mmengine gets; they are not shown."""
    lines: list[tuple[int, str]] = []
    with mock.patch.object(
        MMLogger, 'handle', lambda _, record: lines.append((record.levelno, record.getMessage()))
    ):
        yield lines
