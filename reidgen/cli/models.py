"""Trained models that come with reidgen: the subcommand `models`."""

import argparse

from reidgen.inference.model_file import read_model_file
from reidgen.inference.zoo import find_model, model_names


def run(args: argparse.Namespace) -> None:
    """Prints the models, or all that one file says of itself."""
    if args.model:
        print(read_model_file(find_model(args.model))[0])
        return
    for name in model_names():
        info, _ = read_model_file(find_model(name))
        scores = ', '.join(f'{key} {value:.1f}' for key, value in list(info.metrics.items())[:2])
        print(f'{name}  {info.name}, {scores} on {info.tested_on}; {info.licence}')
