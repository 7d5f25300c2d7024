"""Survey of a data set: python tools/verify.py Market1501 root=data/market1501"""

import sys
from pathlib import Path

# `projects.*`, which configs import, is not installed
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path.cwd())]

from reidgen.cli import run_tool  # noqa: E402


def main() -> None:
    run_tool('verify')


if __name__ == '__main__':
    main()
