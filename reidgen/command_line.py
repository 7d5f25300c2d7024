"""Shared parts of the command lines: KEY=VALUE options, errors in one line, no slow imports."""

import argparse
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from itertools import dropwhile
from pathlib import Path
from typing import Any

from reidgen.shipped import shipped_config, shipped_configs

ERROR_FILE = 'error.txt'
ODD_NAMES = 'backslashreplace'  # of files whose names are no UTF-8, in an error
TRACEBACK = 'Traceback (most recent call last):'
# how torch begins the message of an error that it carries over from a worker of a loader
FROM_WORKER = re.compile(rf'Caught \w+ in .+\.\nOriginal {re.escape(TRACEBACK)}')

CONSTANTS = {'True': True, 'true': True, 'False': False, 'false': False, 'None': None}
# no underscores and no leading zeros: 2024_01_01 and 007 are names of folders
INTEGER = re.compile(r'[+-]?(0|[1-9]\d*)')
FLOAT = re.compile(r'[+-]?((\d+\.\d*|\.\d+)(e[+-]?\d+)?|\d+e[+-]?\d+|inf|nan)', re.IGNORECASE)
PAIRS = {'(': ')', '[': ']', '{': '}'}
CONFIG_FOLDERS = ('configs', 'configs/*', 'projects/*/configs')  # of the working directory


class KeyValueAction(argparse.Action):
    """Argparse action for KEY=VALUE pairs, collected as a dict with `parse_value`.

    What is no pair ends with the usage and the form, not with a traceback.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Sequence[str],
        option_string: str | None = None,
    ) -> None:
        place = option_string or self.metavar
        options = dict(getattr(namespace, self.dest, None) or {})
        for pair in values:
            key, sign, text = pair.partition('=')
            if not key or not sign:
                parser.error(
                    f"{place}: '{pair}' is not KEY=VALUE; give pairs such as "
                    f'optim_wrapper.I.lr=1e-4, a value with spaces in quotes (KEY="MY VALUE"), '
                    f'and other arguments before {place}'
                )
            try:
                options[key] = parse_value(text)
            except RecursionError:
                parser.error(f'{place}: brackets in one another without end in {pair[:60]}...')
            except ValueError:
                parser.error(
                    f"{place}: brackets of the value in '{pair}' do not close; give "
                    f"KEY='[V1,V2]' or KEY='(V1,V2)', and a text with one bracket in quotes of "
                    f'its own: KEY=\'"[V1"\''
                )
        setattr(namespace, self.dest, options)


def parse_value(text: str) -> Any:
    """Python value of a command line text.

    True, False (true, false), None, whole and decimal numbers, quoted texts, and lists, tuples and
    dicts in brackets, whose elements are read likewise and need no quotes: `[D,G]`. Anything else
    is the text itself, every space and comma kept: `/data/My Drive/a,b`. So are `1,2` (a list needs
    brackets), `2024_01_01` and `007`.

    Raises:
        ValueError: it begins with a bracket that is never closed.
    """
    word = text.strip()
    if word in CONSTANTS:
        return CONSTANTS[word]
    if INTEGER.fullmatch(word):
        return int(word)
    if FLOAT.fullmatch(word):
        return float(word)
    if word[:1] in ('"', "'") and _quote_end(word) == len(word) - 1:
        return word[1:-1]
    if word[:1] not in PAIRS or _bracket_end(word) < len(word) - 1:
        return text
    elements = [element.strip() for element in _elements(word[1:-1])]
    if word[0] == '[':
        return [parse_value(element) for element in elements]
    if word[0] == '(':
        return tuple(parse_value(element) for element in elements)
    pairs = [element.partition(':') for element in elements]
    if not all(colon for _, colon, _ in pairs):
        return text  # `{market1501}`, the name of a data root
    return {parse_value(key): parse_value(value.strip()) for key, _, value in pairs}


def _elements(text: str) -> Iterator[str]:
    """Parts of a text between commas outside brackets and quotes."""
    start = place = 0
    while place < len(text):
        place = _skipped(text, place)
        if text[place] == ',':
            yield text[start:place]
            start = place + 1
        place += 1
    if text[start:].strip():
        yield text[start:]


def _bracket_end(text: str, start: int = 0) -> int:
    """Index of the bracket matching the one at `start`.

    Raises:
        ValueError: none does.
    """
    place = start + 1
    while place < len(text):
        if text[place] == PAIRS[text[start]]:
            return place
        place = _skipped(text, place) + 1
    raise ValueError(f"the bracket at {start} of '{text}' is not closed")


def _skipped(text: str, place: int) -> int:
    """End index of the bracket or quote group at `place`; `place` where there is none."""
    if text[place] in PAIRS:
        return _bracket_end(text, place)
    # an apostrophe within a word quotes nothing
    begins = text[:place].rstrip()[-1:] in ('', ',', ':', *PAIRS)
    if text[place] in ('"', "'") and begins:
        return max(_quote_end(text, place), place)
    return place


def _quote_end(text: str, start: int = 0) -> int:
    """Index of the quote that closes the one at `start`; -1 where there is none."""
    return text.find(text[start], start + 1)


def count(text: str) -> int:
    """Non-negative integer, as `type` of an option."""
    if not re.fullmatch(r'\d+', text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0 upwards")
    return int(text)


def positive(text: str) -> int:
    """Positive integer, as `type` of an option."""
    if not re.fullmatch(r'\d+', text) or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 upwards")
    return int(text)


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Adds the option --cfg-options."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=KeyValueAction,
        default={},
        metavar='KEY=VALUE',
        help='override the config, e.g. data_roots.market1501=/data/market; lists and tuples need '
        "brackets, e.g. 'train_cfg.stages.1.phases=[D,G]'; every other text is taken as it stands",
    )


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options --amp, --launcher and --cfg-options."""
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm'], default='none')
    add_config_options(parser)


def find_config(path: str | Path) -> Path:
    """Path of a config: the file, else the one of that name that comes with reidgen.

    Raises:
        ValueError: a model file, which is no config.
        FileNotFoundError: there is neither. The nearest names are given, of its folder, of the
            configs below the working directory and of those that come with reidgen; where none is
            near, what its folder has.
    """
    path = Path(path)
    if path.suffix == '.safetensors':
        raise ValueError(
            f'{path} is no config; a model file has no data sets: give a config before it, '
            f'CONFIG {path}'
        )
    if path.is_file():
        return path
    shipped = shipped_config(path)
    if shipped is not None:
        return shipped
    beside = sorted(path.parent.glob('*.py'))
    others = [found for folder in CONFIG_FOLDERS for found in sorted(Path().glob(f'{folder}/*.py'))]
    stems: dict[str, list[str]] = {}
    for found in dict.fromkeys([*map(str, beside + others), *shipped_configs()]):
        stems.setdefault(Path(found).stem, []).append(found)
    near = [name for stem in get_close_matches(path.stem, stems, 3) for name in stems[stem]]
    if near:
        raise FileNotFoundError(f'no config {path}; did you mean {" or ".join(near)}?')
    there = ', '.join(map(str, beside)) or 'none in that folder'
    raise FileNotFoundError(
        f'no config {path}; there are: {there}. `reidgen configs` lists those that come with it'
    )


def run(command: Callable[[], object], folder: str | Path | None) -> None:
    """Runs a command; an error ends the process with one line.

    The traceback goes to `error.txt` in the folder, or to a temporary file if the folder is not
    there; a second line says where. A command that ends well removes the `error.txt` of an earlier
    one.

    Args:
        folder: of the results; where it cannot be written into, the command is not run. None: the
            command finds it itself.
    """
    path = None if folder is None else Path(folder, ERROR_FILE)
    try:
        if path is not None:
            check_writable(path.parent)
        command()
    except BrokenPipeError:  # what reads the output, such as `head`, has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        sys.exit(f'{in_one_line(error)}\n(traceback: {_write_traceback(path)})')
    # in a folder like `.` a file of that name may be somebody else's
    if path is not None and path.is_file() and TRACEBACK in path.read_text(errors='replace'):
        path.unlink(missing_ok=True)


def check_writable(folder: str | Path) -> None:
    """Raises OSError where a folder of results cannot be written into.

    It need not be there yet, and is not made: tried is the nearest folder that is there.
    """
    folder = Path(folder).absolute()
    there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    try:
        tempfile.TemporaryDirectory(prefix='.reidgen_', dir=there).cleanup()
    except OSError as error:
        told = type(error)(
            f'cannot write into {folder}: {there}: {error.strerror or error}; give another folder '
            f'for the results (--work-dir of train and test, else --out), or change its rights'
        )
        raise told from error


def in_one_line(error: Exception) -> str:
    """Error text `Type: message`; for an error in a loader's worker, the worker's own message."""
    text = str(error)
    if not FROM_WORKER.match(text):
        return f'{type(error).__name__}: {text}'
    last = text.rpartition(TRACEBACK)[2].strip('\n').splitlines()
    return '\n'.join(dropwhile(lambda line: line.startswith('  '), last))


def _write_traceback(path: Path | None) -> Path:
    """Writes the current traceback; returns its path."""
    text = traceback.format_exc()
    if path is not None and path.parent.is_dir():
        try:
            path.write_text(text, errors=ODD_NAMES)
            return path
        except OSError:  # a full disk, perhaps the very error; the temporary folder may have room
            with suppress(OSError):
                path.unlink(missing_ok=True)
    with tempfile.NamedTemporaryFile(
        'w', prefix='reidgen_error_', suffix='.txt', delete=False, errors=ODD_NAMES
    ) as file:
        file.write(text)
    return Path(file.name)
