"""Archive of a data set, unpacked: python tools/prepare.py Market.zip --out data/market1501"""

import sys
from pathlib import Path

# `projects.*`, which configs import, is not installed
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path.cwd())]

from reidgen.cli import run_tool  # noqa: E402


def main() -> None:
    run_tool('prepare')


if __name__ == '__main__':
    main()
