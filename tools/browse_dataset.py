"""Contact sheets of a data set: python tools/browse_dataset.py Market1501 root=data/market1501"""

import sys
from pathlib import Path

# `projects.*`, which configs import, is not installed
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path.cwd())]

from reidgen.cli import run_tool  # noqa: E402


def main() -> None:
    run_tool('browse')


if __name__ == '__main__':
    main()
