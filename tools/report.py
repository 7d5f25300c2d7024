"""Report of runs as an HTML page: python tools/report.py work_dirs/gcl_synth"""

import sys
from pathlib import Path

# `projects.*`, which configs import, is not installed
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path.cwd())]

from reidgen.cli import run_tool  # noqa: E402


def main() -> None:
    run_tool('report')


if __name__ == '__main__':
    main()
