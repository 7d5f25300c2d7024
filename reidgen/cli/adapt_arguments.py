"""Arguments of adapt, without slow imports."""

import argparse

from reidgen.adaptation.recipe import BUILT_IN

ADAPT = """\
Adapts a model to cameras of your own: labelled people and your unlabelled crops in, a model out.

    %(prog)s --source synth_a --target crops --out work_dirs/mine
    %(prog)s --source data/market1501 --target crops --camera-pattern 'cam(?P<camid>.+?)_' --out DIR

`crops` has a sub-folder a camera. The pictures are checked first. The folder of --out then holds
config.py, checkpoints, adapt.json, model.safetensors and report.html. The same command again
continues what was stopped.
"""


def add_adapt(parser: argparse.ArgumentParser) -> None:
    """Options of `adapt`."""
    parser.description = ADAPT
    parser.add_argument(
        '--source',
        required=True,
        metavar='NAME',
        help=f'people with labels: one of {", ".join(BUILT_IN)} (rendered on first use), or a '
        'folder in the layout of Market-1501, or of files named 0002_c1s1_... with person and '
        'camera',
    )
    parser.add_argument(
        '--target', required=True, metavar='FOLDER', help='crops of your cameras, without labels'
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='folder of the results')
    parser.add_argument(
        '--camera-pattern',
        metavar='REGEX',
        help='where names tell the camera: regular expression with the group camid in the path '
        r"below --target, such as '_c(?P<camid>\d+)' (default: the sub-folder)",
    )
