"""What the tools share: common options, and errors in one line."""

import argparse
import re
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from itertools import dropwhile
from pathlib import Path

from mmengine.config import DictAction

ERROR_FILE = 'error.txt'
TRACEBACK = 'Traceback (most recent call last):'
# how torch begins the message of an error that it carries over from a worker of a loader
FROM_WORKER = re.compile(rf'Caught \w+ in .+\.\nOriginal {re.escape(TRACEBACK)}')


class KeyValueAction(DictAction):
    """mmengine's KEY=VALUE pairs; what is none of them ends with the usage, not a traceback."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Sequence[str],
        option_string: str | None = None,
    ) -> None:
        for pair in values:
            key, sign, _ = pair.partition('=')
            if not key or not sign:
                parser.error(
                    f"{option_string}: '{pair}' is not KEY=VALUE; give pairs such as "
                    f'optim_wrapper.I.lr=1e-4, and other arguments before {option_string}'
                )
            try:
                super().__call__(parser, namespace, [pair], option_string)
            except AssertionError:
                parser.error(
                    f"{option_string}: brackets of the value in '{pair}' do not close; give "
                    f"KEY='[V1,V2]' or KEY='(V1,V2)'"
                )


def count(text: str) -> int:
    """A whole number from 0 upwards, as `type` of an option."""
    if not re.fullmatch(r'\d+', text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0 upwards")
    return int(text)


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """--amp, --launcher and --cfg-options."""
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm'], default='none')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=KeyValueAction,
        default={},
        metavar='KEY=VALUE',
        help='override the config, e.g. data_roots.market1501=/data/market',
    )


def run(command: Callable[[], object], folder: str | Path) -> None:
    """Runs a command; what goes wrong ends the process with one line.

    The traceback goes to `error.txt` in the folder, or to a temporary file if the folder is not
    there; a second line says where. A command that ends well removes the `error.txt` of an earlier
    one.
    """
    folder = Path(folder)
    try:
        command()
    except Exception as error:
        sys.exit(f'{in_one_line(error)}\n(traceback: {_write_traceback(folder)})')
    path = folder / ERROR_FILE
    # in a folder like `.` a file of that name may be somebody else's
    if path.is_file() and TRACEBACK in path.read_text(errors='replace'):
        path.unlink(missing_ok=True)


def in_one_line(error: Exception) -> str:
    """`Type: message`; of an error in a worker of a loader the worker's own, not its traceback."""
    text = str(error)
    if not FROM_WORKER.match(text):
        return f'{type(error).__name__}: {text}'
    last = text.rpartition(TRACEBACK)[2].strip('\n').splitlines()
    return '\n'.join(dropwhile(lambda line: line.startswith('  '), last))


def _write_traceback(folder: Path) -> Path:
    """Writes the traceback of the error at hand; where it is."""
    text = traceback.format_exc()
    if folder.is_dir():
        path = folder / ERROR_FILE
        try:
            path.write_text(text)
            return path
        except OSError:  # a full disk, perhaps the very error; the temporary folder may have room
            path.unlink(missing_ok=True)
    with tempfile.NamedTemporaryFile(
        'w', prefix='reidgen_error_', suffix='.txt', delete=False
    ) as file:
        file.write(text)
    return Path(file.name)
