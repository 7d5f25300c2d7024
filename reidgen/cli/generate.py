"""Images of a trained GAN: the subcommand `generate`."""

import argparse
from pathlib import Path

import torch
from mmengine.config import Config
from torch import Tensor
from torchvision.transforms.v2 import functional as vision

from reidgen.datasets.image_files import list_images, read_rgb
from reidgen.datasets.transforms import Sample, build_transforms, transformed, without_chance
from reidgen.engine.config import load_config
from reidgen.engine.generation import (
    ROW,
    check_generator,
    generate_images,
    image_name,
    in_rows,
    interpolation,
    shown,
)
from reidgen.engine.loading import trained_model
from reidgen.files import sha256_of
from reidgen.models.adversarial import AdversarialModel
from reidgen.registry import MODELS, find
from reidgen.visualization.grids import panel, save_png

MAX_SHOWN = 64  # images in a picture
Columns = list[tuple[str, Tensor]]


def run(args: argparse.Namespace) -> Path:
    """Writes generated images, and pictures beside them: path of the folder of the images."""
    cfg = load_config(args.config, args.cfg_options)
    model_class = find(cfg.model['type'], MODELS)
    _check_arguments(args, cfg.model['type'], model_class)
    real = image_paths(args.autoencode or ())  # their faults show before weights are read
    model = trained_model(cfg, args.checkpoint, args.amp)
    check_generator(model)
    if args.count:
        stamp = dict(
            config=Path(args.config).stem,
            checkpoint_sha256=sha256_of(args.checkpoint),
        )
        folder = generate_images(model, args.out, args.count, stamp, args.seed, args.batch_size)
        print(f'{args.count} generated images in {folder}')
    if args.grid:
        _save(args, 'grid', grid(Path(args.out), args.count), (0, 0, 0), (1, 1, 1))
    normalizer = model.data_preprocessor
    if args.interpolate:
        ends = model.gan.latents(range(2 * args.interpolate), args.seed)
        columns = interpolation(model, ends[::2], ends[1::2])
        _save(args, 'interpolation', columns, normalizer.mean, normalizer.std)
    if real:
        columns = autoencoded(model, read_images(cfg, model, real))
        _save(args, 'autoencoded', columns, normalizer.mean, normalizer.std)
    return Path(args.out)


def grid(folder: Path, count: int) -> Columns:
    """Columns of a picture with the first generated images of a folder, in [0, 1]."""
    numbers = range(min(count, MAX_SHOWN))
    images = torch.stack([read_rgb(folder / image_name(number)) for number in numbers]) / 255
    return in_rows([*images.split(ROW)], torch.ones(3, 1, 1))


@torch.no_grad()
def autoencoded(model: AdversarialModel, img: Tensor) -> Columns:
    """Columns of a picture: rows of images (B, C, H, W), each over the row of what D makes of it.

    Raises:
        ValueError: D takes images of another number of channels.
    """
    _check_channels(model, img)
    with model.autocast():
        restored = model.autoencode(img).float()
    rows = [row for pair in zip(img.split(ROW), restored.split(ROW)) for row in pair]
    return in_rows([shown(row) for row in rows], img.new_ones(1, 1, 1))


def image_paths(given: list[str]) -> list[Path]:
    """Image files of an argument, of folders all below them.

    Raises:
        FileNotFoundError: no such file or folder, or a folder without images.
        ValueError: more than a picture shows.
    """
    paths = []
    for path in map(Path, given):
        if not path.exists():
            raise FileNotFoundError(
                f'no folder or image {path} (relative paths start at {Path.cwd()})'
            )
        paths += list_images(path, recursive=True) if path.is_dir() else [path]
    if len(paths) > MAX_SHOWN:
        raise ValueError(
            f'{len(paths)} images are given by {", ".join(given)}; a picture shows {MAX_SHOWN} at '
            f'most: name files, or a smaller folder'
        )
    return paths


def read_images(cfg: Config, model: AdversarialModel, paths: list[Path]) -> Tensor:
    """Image files as the GAN was trained on such: (B, 3, H, W), normalised, on its device.

    They go through the transforms of train_dataloader.real, those that draw and MapAsImage apart,
    and are resized where they are not of the size of G.
    """
    loader = cfg.get('train_dataloader', {}).get('real', {})
    transforms = loader.get('dataset', {}).get('transforms', ())
    used = [dict(each) for each in transforms if each['type'] != 'MapAsImage']
    fixed = without_chance(build_transforms(used))
    size = list(model.gan.image_size)
    images = []
    for path in paths:
        image = transformed(lambda path=path: Sample(read_rgb(path)), fixed, seed=0).img
        images.append(vision.resize(image, size, antialias=True))
    return model.data_preprocessor(torch.stack(images))


def _check_arguments(args: argparse.Namespace, name: str, model_class: type) -> None:
    if not hasattr(model_class, 'generate'):
        raise ValueError(
            f'{name}, the model of {args.config}, generates no images from latent vectors; '
            f'choose a config with such a generator, such as projects/lsro/configs/lsro_synth_a.py'
        )
    if not (args.count or args.interpolate or args.autoencode):
        raise ValueError('nothing is asked for; give --count, --interpolate or --autoencode')
    if args.grid and not args.count:
        raise ValueError('--grid shows the first images of --count; give --count too')
    if args.autoencode and not hasattr(model_class, 'autoencode'):
        raise ValueError(
            f'{name}, the model of {args.config}, has no discriminator that restores images; '
            f'--autoencode is for a BEGAN'
        )


def _check_channels(model: AdversarialModel, img: Tensor) -> None:
    channels = model.G(img.new_zeros(1, model.gan.latent_dim)).shape[1]
    if channels != img.shape[1]:
        raise ValueError(
            f'the images have {img.shape[1]} channels, those of the model {channels}; files are '
            f'compared with models of three channels alone'
        )


def _save(args: argparse.Namespace, what: str, columns: Columns, mean, std) -> None:
    # beside the folder, whose images are all read as generated ones
    out = Path(args.out).resolve()
    path = out.with_name(f'{out.name}_{what}.png')
    save_png(panel(columns, mean, std), path)
    print(f'picture {path}')
