"""Copies of a data set in another domain's style: the subcommand `translate`."""

import argparse
from pathlib import Path

import torch
from torch.utils.data import Dataset, default_collate

from reidgen.datasets.market_layout import FOLDERS
from reidgen.datasets.pose_maps import build_pose_map
from reidgen.engine.config import load_config
from reidgen.engine.loading import trained_model
from reidgen.engine.translation import ModelTranslator, translate_dataset
from reidgen.files import sha256_of
from reidgen.inference import Model
from reidgen.models.adversarial import AdversarialModel
from reidgen.registry import DATASETS, MODELS, find
from reidgen.retrieval import open_images
from reidgen.spacing import evenly_spaced
from reidgen.visualization.grids import panel, save_png

from .main import is_model

OTHER = dict(target='source', source='target')  # whose images are translated in a domain's style
GRID_ROWS = 12


def run(args: argparse.Namespace) -> list[Path]:
    """Writes translated images, a folder a split, with `grid_<split>.png` of before and after; of a
    model file, those of a folder.
    """
    if is_model(args.config):
        return [translate_folder(args)]
    if args.checkpoint is None or args.images:
        raise ValueError(
            f'{args.config} is a config: give its checkpoint; --images goes with a model file, a '
            f'config has data sets (--loader)'
        )
    cfg = load_config(args.config, args.cfg_options)
    model_type = cfg.model['type']
    if find(model_type, MODELS).translate is AdversarialModel.translate:
        raise ValueError(
            f'{model_type}, the model of {args.config}, translates no images; choose a config with '
            f'generators, such as configs/gcl_synth.py'
        )
    loader = args.loader or OTHER.get(args.domain)
    if loader not in cfg.train_dataloader:
        raise ValueError(
            f'style {args.domain!r} has no loader {loader!r} to translate: name the training '
            f'loader by --loader; there are {", ".join(cfg.train_dataloader)}'
        )
    settings = cfg.train_dataloader[loader]['dataset'].to_dict()
    kind = find(settings.pop('type'), DATASETS)
    # before the model: their faults show before weights are read
    datasets = {split: kind(**dict(settings, split=split)) for split in args.splits or ['train']}
    model = trained_model(cfg, args.checkpoint, args.amp)
    for dataset in datasets.values():
        model.check_translation(dataset, loader, args.domain)
    stamp = dict(
        config=Path(args.config).stem,
        checkpoint_sha256=sha256_of(args.checkpoint),
    )
    written = []
    for split, dataset in datasets.items():
        folder = translate_dataset(
            ModelTranslator(model, args.domain),
            dataset,
            Path(args.out) / FOLDERS[split],
            stamp,
            args.batch_size,
            args.num_workers,
        )
        draw(model, dataset, args.domain, Path(args.out) / f'grid_{split}.png')
        print(f'{len(dataset)} pictures of {dataset.name} {split} in {folder}')
        written.append(folder)
    return written


def translate_folder(args: argparse.Namespace) -> Path:
    """Writes what a model file makes of every image below a folder, in the same sub-folders."""
    if not args.images or args.checkpoint or args.loader or args.splits or args.cfg_options:
        raise ValueError(
            f'{args.config} is a model file: give the pictures by --images FOLDER, and no '
            f'checkpoint, loader, splits or options'
        )
    model = Model(args.config)
    model.check_domain(args.domain)
    model.extractor.model.amp = args.amp
    dataset = open_images(args.images, model.info.transforms)
    dataset.pose_map = build_pose_map(model.info.pose_map or None)
    folder = translate_dataset(
        ModelTranslator(model.extractor.model, args.domain),
        dataset,
        Path(args.out),
        dict(config=model.info.name, checkpoint_sha256=model.extractor.info.checkpoint_sha256),
        args.batch_size,
        args.num_workers,
        name=lambda path, style: below(args.images, path),
    )
    print(f'{len(dataset)} pictures of {args.images} in {folder}')
    return folder


def below(root: str, path: str) -> str:
    """Path of an image below a folder; the name of an image given by itself."""
    return Path(path).relative_to(root).as_posix() if Path(root).is_dir() else Path(path).name


@torch.no_grad()
def draw(model, dataset: Dataset, domain: str, path: Path) -> None:
    """Draws images from all over the data set beside their translations."""
    count, plain = min(GRID_ROWS, len(dataset)), dataset.plain(maps=True)
    images = [plain[row] for row in evenly_spaced(len(dataset), count)]
    batch = model.data_preprocessor(default_collate(images))
    columns = [(dataset.name, batch.img), (f'as {domain}', model.translate(batch, domain))]
    save_png(panel(columns, model.data_preprocessor.mean, model.data_preprocessor.std), path)
