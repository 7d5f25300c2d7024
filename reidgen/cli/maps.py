"""Mesh views from key points: the subcommand `maps`."""

import argparse
from collections import Counter
from pathlib import Path

from reidgen.body_fit import Written, write_maps
from reidgen.datasets import RenderedMesh
from reidgen.datasets.joint_files import read_joint_files
from reidgen.datasets.scenes import warn_of_scenes
from reidgen.registry import DATASETS, build

NUM_NAMED = 5  # files that a line lists


def run(args: argparse.Namespace) -> None:
    """Writes the maps and prints what was left out."""
    files = read_joint_files(args.joints, args.image_list)
    config = dict(type=args.target, split=args.split) | dict(args.options)
    dataset = build(config, DATASETS, f'{args.target} {args.split}')
    warn_of_scenes([record.path for record in dataset.records], args.target)
    written = write_maps(dataset, args.split, files, RenderedMesh(args.out, (), args.subfolders))
    print('\n'.join(lines(written, Path(args.out), args.split)))


def lines(written: Written, out: Path, split: str) -> list[str]:
    """Counts and names, a line each."""
    told = [f'{out}: maps of {len(written.made)} pictures written']
    if written.there:
        told[0] += f', of {len(written.there)} there from an earlier run'
    reasons = Counter(reason.partition(':')[0] for reason in written.left_out.values())
    for reason, count in sorted(reasons.items()):
        names = [name for name, why in written.left_out.items() if why.startswith(reason)]
        told.append(f'left out, {reason}: {count} ({_some(names)})')
    for what, names in (
        ('several persons, of whom the one with the surest joints was taken', written.crowded),
        ('poor fits, look at them', written.poor),
        (f'key points of pictures that are not in {split}', written.unknown),
    ):
        if names:
            told.append(f'{what}: {len(names)} ({_some(names)})')
    if written.left_out:
        part = 'train' if split == 'train' else 'test'
        told.append(
            f'every name is in {out / part / f"left_out_{split}.json"}; a data set with '
            f"on_missing='drop' leaves these pictures out"
        )
    return told


def _some(names: list[str]) -> str:
    more = ', ...' if len(names) > NUM_NAMED else ''
    return ', '.join(sorted(names)[:NUM_NAMED]) + more
