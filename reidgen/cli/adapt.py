"""Adaptation to cameras of one's own: the subcommand `adapt`."""

import argparse
import os
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import torch

from reidgen.adaptation.measures import (
    agreement,
    embed_images,
    embed_target,
    evenly_spaced,
    original_images,
    separation,
    source_scores,
    translated_images,
)
from reidgen.adaptation.pictures import check_pictures, check_readable, is_labelled_layout
from reidgen.adaptation.recipe import Counts, config_text, sizes_for
from reidgen.adaptation.rerun import (
    check_outside,
    check_same,
    check_unedited,
    is_begun,
    note_config,
)
from reidgen.adaptation.results import Encoder, as_json
from reidgen.adaptation.source import (
    Source,
    as_expression,
    find_source,
    source_folder,
    source_test,
)
from reidgen.adaptation.target import Target, list_target, write_target
from reidgen.datasets.cluster_samplers import TooFewClusters
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.engine.config import load_config
from reidgen.engine.loading import trained_model
from reidgen.files import write_json, write_text
from reidgen.inference.batch_norm import write_camera_file
from reidgen.inference.packing import Packing, pack
from reidgen.registry import CLUSTERINGS, DATASETS, build
from reidgen.reporting import write_report
from reidgen.shipped import root

from . import train
from .main import parse

PROTOCOL = 'market1501'


class Measured(NamedTuple):
    """What the encoders are measured on."""

    source: ReIDDataset
    target: ReIDDataset
    test: ReIDDataset | None  # query and gallery of the source
    clustering: Any
    last: str  # stage of the config
    adabn_by: str | None  # whose batch-norm statistics images of the target are embedded with


def run(args: argparse.Namespace) -> None:
    """Checks, trains, measures and packs.

    Raises:
        FileNotFoundError, ValueError: folders, names or pictures are wrong, told before anything is
            trained; or --out holds another adaptation, or one whose config has been edited since.
    """
    out = Path(args.out)
    made_by = command_of(args)
    check_out(args)
    check_same(out / 'config.py', made_by)
    check_unedited(out)
    target = list_target(args.target, args.camera_pattern)
    check_readable(target)
    source = find_source(args.source)
    out.mkdir(parents=True, exist_ok=True)
    write_target(target, out / 'target.csv', is_begun(out))
    dataset = build(target_config(target, out), DATASETS, 'target')
    check(source.dataset, dataset, target)
    config = write_config(out, made_by, source, dataset, target)
    measured_on = find_measured(config)
    note_config(out)
    left_out = train_config(config, out)
    results = measure(config, measured_on, out, left_out)
    write_json(out / 'adapt.json', results)
    print('\n' + '\n'.join(results['text']))
    adapted = out / results['adapted']['checkpoint']
    model = out / 'model.safetensors'
    info = pack(config, adapted, model, Packing())
    if measured_on.adabn_by == 'camera':
        info = write_camera_file(model, target.root, model, args.camera_pattern)
    print(info)
    write_report([out], out / 'report.html')
    print(
        f'\n{out}: config.py (edit it), adapt.json, model.safetensors (adapted), report.html; '
        f'checkpoints {results["direct"]["checkpoint"]} (direct transfer) and {adapted.name}'
    )


def command_of(args: argparse.Namespace) -> str:
    """The command in one line with absolute folders, which the config keeps."""
    source, target = source_folder(args.source), os.path.abspath(Path(args.target).expanduser())
    words = ['reidgen', 'adapt', '--source', str(source or args.source), '--target', target]
    if args.camera_pattern is not None:
        words += ['--camera-pattern', args.camera_pattern]
    return shlex.join([*words, '--out', os.path.abspath(args.out)]).replace('\\', '\\\\')


def check_out(args: argparse.Namespace) -> None:
    """Raises ValueError where --out lies among the pictures of the target or the source."""
    check_outside(args.out, '--target', Path(args.target).expanduser())
    folder = source_folder(args.source)
    if folder is not None and not is_labelled_layout(folder):
        check_outside(args.out, '--source', folder)


def target_config(target: Target, out: Path) -> dict[str, Any]:
    """Config of the target's images, without labels."""
    csv_file = (out / 'target.csv').absolute()
    return dict(
        type='FolderReID', root=str(target.root), csv_file=str(csv_file), labelled=False,
        name='target',
    )  # fmt: skip


def check(source: ReIDDataset, dataset: ReIDDataset, target: Target) -> None:
    """Prints counts and remarks; raises ValueError, a line each, for what is wrong."""
    counts, findings = check_pictures(source, dataset, target)
    print('\n'.join(counts))
    wrong = [f'{each.text}. {each.fix}' for each in findings if each.wrong]
    for each in findings:
        if not each.wrong:
            print(f'remark: {each.text}. {each.fix}')
    if wrong:
        raise ValueError('\n'.join(wrong))


def write_config(
    out: Path, made_by: str, source: Source, dataset: ReIDDataset, target: Target
) -> Path:
    """Writes the config, unless the command has written one before, which may be edited."""
    path = out / 'config.py'
    if path.is_file():
        print(f'{path} is there: it is taken as it stands')
        return path
    machine = 'gpu' if torch.cuda.is_available() else 'cpu'
    counts = Counts(
        len(source.dataset), source.dataset.num_identities, len(dataset), len(target.names),
        min(target.images_of),
    )  # fmt: skip
    sizes = sizes_for(machine, counts.source, counts.persons, counts.target)
    settings = {k: v for k, v in target_config(target, out).items() if k != 'labelled'}
    text = config_text(
        made_by, root() / 'configs/_base_', source.expression, as_expression(settings), counts,
        sizes,
    )  # fmt: skip
    write_text(path, text)
    print(f'{path}: {sizes.told}')
    return path


def train_config(config: Path, out: Path) -> str | None:
    """Trains or continues the config, as `reidgen train` does.

    Returns:
        Why the last stage, clusters, was left out; None where it was trained.
    """
    try:
        train.run(parse('train', [str(config), '--work-dir', str(out), '--resume']))
    except TooFewClusters as error:
        if not (out / 'stage_joint.pth').is_file():
            raise
        print(f'stage clusters is left out: {error}')
        return str(error)
    return None


def find_measured(config: Path) -> Measured:
    """What the encoders of a config are measured on, built before they are trained.

    Raises:
        ValueError: the config, which may be edited, lacks something that measuring needs; names or
            files in the source's query or gallery are wrong.
    """
    cfg = load_config(config)
    stages = [stage['name'] for stage in cfg.train_cfg.stages]
    loaders = {name: loader['dataset'].to_dict() for name, loader in cfg.train_dataloader.items()}
    clustering = (cfg.default_hooks.get('pseudo_label') or {}).get('clustering')
    lacking = [f'stage {name}' for name in ('identity', 'joint') if name not in stages]
    lacking += [
        f'train_dataloader.{name}'
        for name in ('identity', 'source', 'target')
        if name not in loaders
    ]
    lacking += [] if clustering else ['default_hooks.pseudo_label.clustering']
    if lacking:
        raise ValueError(
            f'{config} has no {", ".join(lacking)}, by which adapt measures; put it back, or train '
            f'without measures: reidgen train {config} --work-dir ANOTHER'
        )
    return Measured(
        build(loaders['source'], DATASETS, 'train_dataloader.source.dataset'),
        build(loaders['target'], DATASETS, 'train_dataloader.target.dataset'),
        source_test(loaders['identity'], PROTOCOL),
        build(clustering.to_dict(), CLUSTERINGS, 'default_hooks.pseudo_label.clustering'),
        stages[-1],
        cfg.default_hooks.pseudo_label.get('adabn_by'),
    )


def measure(config: Path, on: Measured, out: Path, left_out: str | None) -> dict[str, Any]:
    """Measures of direct transfer and the adapted encoder, as plain data."""
    rows = evenly_spaced(on.source)
    generators = trained_model(load_config(config), out / 'stage_joint.pth')
    translated = translated_images(generators, on.source, rows)
    originals = original_images(on.source, rows)

    def measured(name: str) -> Encoder:
        model = trained_model(load_config(config), out / f'stage_{name}.pth', to_embed=True)
        features = embed_target(model, on.target, on.adabn_by)
        pair = embed_images(model, translated), embed_images(model, originals)
        return Encoder(
            f'stage_{name}.pth',
            separation(features, on.clustering(features), on.target.camids),
            agreement(*pair, on.source.pids[rows]),
            source_scores(model, on.test, PROTOCOL) if on.test else None,
        )

    results = as_json(measured('identity'), measured('joint' if left_out else on.last))
    return dict(results, clusters_left_out=left_out, config=config.name, adabn_by=on.adabn_by)
