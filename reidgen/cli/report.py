"""Report of runs as one HTML page: the subcommand `report`."""

import argparse

from reidgen.reporting import write_report


def run(args: argparse.Namespace) -> None:
    """Writes the page and says where it is."""
    write_report(args.runs, args.out, args.queries)
    print(f'report: {args.out}')
