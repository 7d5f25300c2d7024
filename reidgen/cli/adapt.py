"""Adaptation to cameras of one's own: the subcommand `adapt`."""

import argparse
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import torch

from reidgen.adaptation.measures import (
    agreement,
    embed_images,
    embed_rows,
    evenly_spaced,
    separation,
    source_scores,
    translated_images,
)
from reidgen.adaptation.pictures import check_pictures, check_readable, is_labelled_layout
from reidgen.adaptation.recipe import Counts, config_text, made_by_of, sizes_for
from reidgen.adaptation.results import Encoder, as_json
from reidgen.adaptation.target import Target, list_target, write_target
from reidgen.datasets.cluster_samplers import TooFewClusters
from reidgen.datasets.folder import PATTERN
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.engine.config import load_config
from reidgen.engine.loading import trained_model
from reidgen.files import write_json, write_text
from reidgen.inference.packing import Packing, pack
from reidgen.registry import CLUSTERINGS, DATASETS, build
from reidgen.reporting import write_report
from reidgen.shipped import root

from . import train
from .main import parse

BUILT_IN = ('synth_a', 'synth_b', 'synth_a2b', 'synth_n', 'synth_a2n')
PROTOCOL = 'market1501'


class Source(NamedTuple):
    """Labelled people."""

    expression: str  # of the config
    dataset: ReIDDataset  # its training images


def run(args: argparse.Namespace) -> None:
    """Checks, trains, measures and packs.

    Raises:
        FileNotFoundError, ValueError: folders, names or pictures are wrong, told before anything is
            trained; or --out holds another adaptation.
    """
    out = Path(args.out)
    made_by = command_of(args)
    check_same(out / 'config.py', made_by)
    target = list_target(args.target, args.camera_pattern)
    check_readable(target)
    source = find_source(args.source)
    out.mkdir(parents=True, exist_ok=True)
    write_target(target, out / 'target.csv')
    dataset = build(target_config(target, out), DATASETS, 'target')
    check(source.dataset, dataset, target)
    config = write_config(out, made_by, source, dataset, target)
    left_out = train_config(config, out)
    results = measure(config, out, left_out)
    write_json(out / 'adapt.json', results)
    print('\n' + '\n'.join(results['text']))
    adapted = out / results['adapted']['checkpoint']
    print(pack(config, adapted, out / 'model.safetensors', Packing()))
    write_report([out], out / 'report.html')
    print(
        f'\n{out}: config.py (edit it), adapt.json, model.safetensors (adapted), report.html; '
        f'checkpoints {results["direct"]["checkpoint"]} (direct transfer) and {adapted.name}'
    )


def command_of(args: argparse.Namespace) -> str:
    """The command in one line, which the config keeps."""
    words = ['reidgen', 'adapt', '--source', args.source, '--target', args.target]
    if args.camera_pattern is not None:
        words += ['--camera-pattern', args.camera_pattern]
    return shlex.join([*words, '--out', args.out]).replace('\\', '\\\\')


def check_same(config: Path, made_by: str) -> None:
    """Raises ValueError where the folder of results holds the config of another command."""
    if not config.is_file():
        return
    earlier = made_by_of(config.read_text(encoding='utf-8'))
    if earlier != made_by:
        raise ValueError(
            f'{config} was made by `{earlier}`, not by `{made_by}`; give another --out, or the '
            f'same command to continue'
        )


def find_source(name: str) -> Source:
    """Labelled training images of a name or folder.

    Raises:
        FileNotFoundError: neither; or no image there. ValueError: names without person and camera.
    """
    if name in BUILT_IN:
        base = load_config(root() / 'configs/_base_/datasets.py')
        config, expression = dict(base[name]), f'_base_.{name}'
    else:
        folder = Path(name).expanduser().absolute()
        if not folder.is_dir():
            raise FileNotFoundError(
                f'--source: no folder {folder}, and no built-in set of that name '
                f'({", ".join(BUILT_IN)}); give one of these or a folder of labelled crops'
            )
        layout = 'market' if is_labelled_layout(folder) else 'flat'
        config = dict(type='FolderReID', root=str(folder), layout=layout)
        expression = as_expression(config)
    try:
        dataset = build(dict(config, split='train'), DATASETS, 'source')
    except ValueError as error:
        if name in BUILT_IN or 'does not fit the pattern' not in str(error):
            raise
        path = str(error).partition(':')[0]
        raise ValueError(
            f'--source: {path} does not tell person and camera like 0002_c1s1_... (pattern '
            f'{PATTERN}); rename the files of the source, or give --source synth_a'
        ) from error
    return Source(expression, dataset)


def as_expression(config: dict[str, Any]) -> str:
    """Text of a data set's config."""
    return 'dict(' + ', '.join(f'{key}={value!r}' for key, value in config.items()) + ')'


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
        len(source.dataset), source.dataset.num_identities, len(dataset), len(target.names)
    )
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


def measure(config: Path, out: Path, left_out: str | None) -> dict[str, Any]:
    """Measures of direct transfer and the adapted encoder, as plain data."""
    cfg = load_config(config)
    stages = [stage['name'] for stage in cfg.train_cfg.stages]
    last = 'joint' if left_out else stages[-1]
    loaders = {name: loader['dataset'].to_dict() for name, loader in cfg.train_dataloader.items()}
    source = build(loaders['source'], DATASETS, 'train_dataloader.source.dataset')
    target = build(loaders['clusters'], DATASETS, 'train_dataloader.clusters.dataset')
    clustering = build(cfg.default_hooks.pseudo_label.clustering.to_dict(), CLUSTERINGS)
    rows, test = evenly_spaced(source), source_test(loaders['identity'])
    generators = trained_model(load_config(config), out / 'stage_joint.pth')
    translated = translated_images(generators, source, rows)

    def measured(name: str) -> Encoder:
        model = trained_model(load_config(config), out / f'stage_{name}.pth', to_embed=True)
        features, originals = embed_rows(model, target), embed_rows(model, source)
        return Encoder(
            f'stage_{name}.pth',
            separation(features, clustering(features), target.camids),
            agreement(embed_images(model, translated), originals[rows], source.pids[rows]),
            source_scores(model, test, PROTOCOL) if test else None,
        )

    results = as_json(measured('identity'), measured(last))
    return dict(results, clusters_left_out=left_out, config=config.name)


def source_test(training: dict[str, Any]) -> ReIDDataset | None:
    """Query and gallery of the source with the test transforms of its training; None: it has none.

    Args:
        training: config of its training images.
    """
    flat = training['type'] == 'FolderReID' and training.get('layout') != 'market'
    resize = [each for each in training['transforms'] if each['type'] == 'Resize']
    config = training | dict(split='query+gallery', transforms=resize)
    if flat or not _has_test(training):
        return None
    return build(config, DATASETS, 'source')


def _has_test(training: dict[str, Any]) -> bool:
    if training['type'] != 'FolderReID':
        return True
    place = Path(training['root'])
    return (place / 'query').is_dir() and (place / 'bounding_box_test').is_dir()
