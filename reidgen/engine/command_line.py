"""What the tools share: common options, and errors in one line."""

import argparse
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from mmengine.config import DictAction


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """--amp, --launcher and --cfg-options."""
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm'], default='none')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='override the config, e.g. data_roots.market1501=/data/market',
    )


def run(command: Callable[[], object], folder: str | Path) -> None:
    """Runs a command; what goes wrong ends the process with one line.

    The traceback goes to `error.txt` in the folder, or to the terminal if the folder is not there.
    """
    try:
        command()
    except Exception as error:
        told = f'{type(error).__name__}: {error}'
        if not Path(folder).is_dir():
            if not isinstance(error, ValueError | OSError):
                raise
            sys.exit(told)
        path = Path(folder, 'error.txt')
        path.write_text(traceback.format_exc())
        sys.exit(f'{told}\n(traceback: {path})')
