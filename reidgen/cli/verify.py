"""Survey of data sets in plain words: the subcommand `verify`."""

import argparse

from reidgen.datasets import ReIDDataset
from reidgen.datasets.survey import Finding, survey
from reidgen.engine.config import load_config
from reidgen.registry import DATASETS, build

PARTS = ('train', 'query+gallery')


def run(args: argparse.Namespace) -> None:
    """Prints counts and findings.

    Raises:
        SystemExit: status 1 where something is wrong.
    """
    datasets, findings = build_datasets(args)
    counts, found = survey(datasets)
    print('\n'.join(['', *counts, '']))
    for finding in [*findings, *found]:
        print(f'{"WRONG" if finding.wrong else "remark"}: {finding.text}\n    {finding.fix}')
    num = sum(finding.wrong for finding in [*findings, *found])
    print(f'\n{num} things are wrong' if num != 1 else '\none thing is wrong')
    if num:
        raise SystemExit(1)


def build_datasets(args: argparse.Namespace) -> tuple[dict[str, ReIDDataset], list[Finding]]:
    """Data sets by name, with files left out that cannot be used, and what could not be built."""
    configs = dict(_configs(args))
    built, findings = {}, []
    for name, config in configs.items():
        lenient = dict(skip_corrupt=True, on_missing='drop')
        try:
            built[name] = build(dict(config) | lenient, DATASETS, name)
        except (OSError, TypeError, ValueError) as error:
            findings.append(Finding(True, f'{name} cannot be read', str(error)))
    return built, findings


def _configs(args: argparse.Namespace):
    options = dict(args.options)
    if not args.target.endswith('.py'):
        for split in args.split or PARTS:
            yield f'{args.target} {split}', dict(type=args.target, split=split) | options
        return
    cfg = load_config(args.target, options)
    seen = []
    for key in ('train_dataloader', 'val_dataloader'):
        for name, loader in (cfg.get(key) or {}).items():
            config = {k: v for k, v in loader['dataset'].items() if k != 'transforms'}
            if config not in seen:
                seen.append(config)
                yield f'{key}.{name}', config
