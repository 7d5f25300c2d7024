"""Images of a trained GAN: the subcommand `generate`."""

import argparse
from functools import partial
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
    over,
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
    # their faults show before weights are read
    real, inverted = image_paths(args.autoencode), image_paths(args.invert)
    model = trained_model(cfg, args.checkpoint, args.amp)
    check_generator(model)
    shown = [read_images(cfg, model, paths) for paths in (real, inverted) if paths]
    normalizer = model.data_preprocessor
    save = partial(_save, args, normalizer.mean, normalizer.std)
    if args.count:
        stamp = dict(
            config=Path(args.config).stem,
            checkpoint_sha256=sha256_of(args.checkpoint),
        )
        folder = generate_images(model, args.out, args.count, stamp, args.seed, args.batch_size)
        print(f'{args.count} generated images in {folder}')
    if args.grid:
        _save(args, (0, 0, 0), (1, 1, 1), 'grid', grid(Path(args.out), args.count))
    if args.interpolate:
        ends = model.gan.latents(range(2 * args.interpolate), args.seed)
        save('interpolation', interpolation(model, ends[::2], ends[1::2]))
    if real:
        save('autoencoded', autoencoded(model, shown[0]))
    if inverted:
        for what, columns in inversions(model, shown[-1], inverted, args.invert_iters).items():
            save(what, columns)
    return Path(args.out)


def grid(folder: Path, count: int) -> Columns:
    """Columns of a picture with the first generated images of a folder, in [0, 1]."""
    numbers = range(min(count, MAX_SHOWN))
    images = torch.stack([read_rgb(folder / image_name(number)) for number in numbers]) / 255
    return in_rows([*images.split(ROW)], torch.ones(3, 1, 1))


@torch.no_grad()
def autoencoded(model: AdversarialModel, img: Tensor) -> Columns:
    """Columns of a picture: images (B, C, H, W), each over what D makes of it."""
    with model.autocast():
        return over(img, model.autoencode(img).float())


def inversions(
    model: AdversarialModel, img: Tensor, paths: list[Path], iters: int
) -> dict[str, Columns]:
    """Pictures of images (B, C, H, W) over those of their latent vectors, and between each two.

    The error of each is printed, and their mean at every tenth of the iterations.
    """
    step = max(iters // 10, 1)

    def tell(done: int, errors: Tensor) -> None:
        if done % step == 0:
            print(f'inversion: {done} of {iters} iterations, mean |x - G(z)| {errors.mean():.4f}')

    z, errors = model.gan.invert(img, iters, tell)
    for path, error in zip(paths, errors.tolist()):
        print(f'{path}: mean |x - G(z)| {error:.4f} of [-1, 1]')
    with torch.no_grad():
        pictures = {'inversion': over(img, model.generate(z))}
    num = len(img) // 2 * 2
    if num:
        between = interpolation(model, z[:num:2], z[1:num:2])
        ends = [('x', img[:num:2]), ('x', img[1:num:2])]
        pictures['inversion_interpolation'] = [ends[0], *between, ends[1]]
    return pictures


def image_paths(given: list[str] | None) -> list[Path]:
    """Image files of an argument, of folders all below them; none where it is not given.

    Raises:
        FileNotFoundError: no such file or folder, or a folder without images.
        ValueError: more than a picture shows.
    """
    paths = []
    for path in map(Path, given or ()):
        if not path.exists():
            raise FileNotFoundError(
                f'no folder or image {path} (relative paths start at {Path.cwd()})'
            )
        paths += list_images(path, recursive=True) if path.is_dir() else [path]
    if len(paths) > MAX_SHOWN:
        raise ValueError(
            f'{len(paths)} images are given by {", ".join(given or ())}; a picture shows '
            f'{MAX_SHOWN} at most: name files, or a smaller folder'
        )
    return paths


def read_images(cfg: Config, model: AdversarialModel, paths: list[Path]) -> Tensor:
    """Image files as the GAN was trained on such: (B, 3, H, W), normalised, on its device.

    They go through the transforms of train_dataloader.real, those that draw and MapAsImage apart,
    and are resized where they are not of the size of G.

    Raises:
        ValueError: images of the model do not have three channels.
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
    batch = model.data_preprocessor(torch.stack(images))
    with torch.no_grad():
        channels = model.G(batch.new_zeros(1, model.gan.latent_dim)).shape[1]
    if channels != batch.shape[1]:
        raise ValueError(
            f'the model makes images of {channels} channels and files have {batch.shape[1]}; '
            f'--autoencode and --invert are for models of three channels'
        )
    return batch


def _check_arguments(args: argparse.Namespace, name: str, model_class: type) -> None:
    if not hasattr(model_class, 'generate'):
        raise ValueError(
            f'{name}, the model of {args.config}, generates no images from latent vectors; '
            f'choose a config with such a generator, such as projects/lsro/configs/lsro_synth_a.py'
        )
    if not (args.count or args.interpolate or args.autoencode or args.invert):
        raise ValueError(
            'nothing is asked for; give --count, --interpolate, --autoencode or --invert'
        )
    if (args.interpolate or 0) > MAX_SHOWN:
        raise ValueError(f'--interpolate is {args.interpolate}; a picture has {MAX_SHOWN} rows')
    if args.grid and not args.count:
        raise ValueError('--grid shows the first images of --count; give --count too')
    if args.autoencode and not hasattr(model_class, 'autoencode'):
        raise ValueError(
            f'{name}, the model of {args.config}, has no discriminator that restores images; '
            f'--autoencode is for a BEGAN'
        )


def _save(args: argparse.Namespace, mean, std, what: str, columns: Columns) -> None:
    # beside the folder, whose images are all read as generated ones
    out = Path(args.out).resolve()
    path = out.with_name(f'{out.name}_{what}.png')
    save_png(panel(columns, mean, std), path)
    print(f'picture {path}')
