"""Comparison of two pictures: the subcommand `compare`."""

import argparse

from reidgen.datasets.scenes import warn_of_scenes
from reidgen.inference import Comparison, Model


def run(args: argparse.Namespace) -> Comparison:
    """Compares two pictures and prints the decision, the score and what they rest on."""
    model = Model(args.model)
    warn_of_scenes([args.first, args.second], 'compare')
    found = model.compare(args.first, args.second, *args.cameras)
    print(
        f'{"one person" if found.match else "two persons"}: similarity {found.similarity:.3f}, '
        f'threshold {found.threshold:.3f}; probability {found.score:.2f} if both were equally '
        f'likely before'
    )
    calibration = model.calibration
    print(
        f'at this threshold {calibration.fmr:.1%} of the pairs of two persons were called one, '
        f'and {calibration.fnmr:.1%} of the pairs of one person two, on {model.info.tested_on}'
    )
    return found
