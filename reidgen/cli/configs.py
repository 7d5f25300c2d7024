"""Configs that come with reidgen: the subcommand `configs`."""

import argparse
import shutil
from pathlib import Path

from reidgen.choices import hint
from reidgen.shipped import root, shipped_configs, summary_of


def run(args: argparse.Namespace) -> None:
    """Prints names and summaries, or copies one config with its bases."""
    if args.copy:
        for path in copied(args.copy, Path(args.out)):
            print(path)
        return
    names = shipped_configs()
    width = max(map(len, names))
    for name in names:
        print(f'{name:{width}}  {summary_of(name)}')


def copied(name: str, out: Path) -> list[Path]:
    """Copies a config and its bases, in the folders that they have; the paths, config first.

    Raises:
        FileNotFoundError: there is no config of that name; the nearest is given.
        FileExistsError: another file lies where one is copied to.
    """
    from reidgen.engine.config_file import with_bases  # here: listing needs no mmengine

    found = [each for each in shipped_configs() if name in (each, Path(each).name, Path(each).stem)]
    if len(found) != 1:
        stems = [Path(each).stem for each in shipped_configs()]
        near = f'there are {", ".join(found)}' if found else 'see `reidgen configs`'
        raise FileNotFoundError(f"no config '{name}'{hint(name, stems)}; {near}")
    sources = list(with_bases(root() / found[0]))
    targets = [out / source.relative_to(root()) for source in sources]
    for source, target in zip(sources, targets):
        if target.exists() and target.read_bytes() != source.read_bytes():
            raise FileExistsError(f'{target} is there and is another file; give another folder')
    for source, target in zip(sources, targets):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return targets
