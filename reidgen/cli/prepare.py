"""Archives of data sets in the layouts that reidgen reads: the subcommand `prepare`."""

import argparse

from reidgen.cli.verify import PARTS
from reidgen.datasets.archives import prepare
from reidgen.registry import DATASETS, build


def run(args: argparse.Namespace) -> None:
    """Unpacks, reads every part once, and says how the data set is used."""
    layout = prepare(args.archive, args.out, args.protocol)
    kind, *options = layout.dataset.format(root=args.out).split(' ')
    given = dict(option.split('=') for option in options)
    for split in PARTS:
        build(dict(type=kind, split=split, **given), DATASETS, f'{layout.name} {split}')
    print(
        f'{layout.name} is in {args.out}; look at it with\n'
        f'    reidgen verify {kind} {" ".join(options)}\n    reidgen browse {kind} '
        f'{" ".join(options)}'
    )
