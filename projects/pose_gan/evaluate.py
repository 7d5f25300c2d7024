"""Evaluates what a GAN generates of latent vectors against the images that it was trained on.

python projects/pose_gan/evaluate.py CONFIG CHECKPOINT [--out FOLDER] [--count N] [--other SPLIT]

FID and KID in the pooled features of ImageNet's MobileNetV2 (the weights that the re-identification
configs start from; not comparable with those of the Inception network), images brought to 128 rows;
diversity, also as share of the training images' (rho); and the mean difference of each image from
the training image nearest to it. With --other SPLIT the same of the real images of another split:
what a perfect generator would have. Of heatmaps that JointMaps draws also the statistics of their
channels and the distances between joints whose channels are neighbours. Writes results.json and, of
64 images, generated.png.
"""

import argparse
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path.cwd())]

import torch  # noqa: E402
from mmengine.device import get_device  # noqa: E402
from torch import Tensor  # noqa: E402
from torchvision.transforms.v2 import functional as vision  # noqa: E402
from tqdm import tqdm  # noqa: E402

from projects.pose_gan.pose_gan.map_statistics import limb_lengths, map_statistics  # noqa: E402
from reidgen.choices import check_count  # noqa: E402
from reidgen.command_line import KeyValueAction, run  # noqa: E402
from reidgen.datasets.joint_drawing import decode_joints  # noqa: E402
from reidgen.engine.config import load_config  # noqa: E402
from reidgen.engine.generation import check_generator, in_rows  # noqa: E402
from reidgen.engine.loading import trained_model  # noqa: E402
from reidgen.evaluation.diversity import diversity  # noqa: E402
from reidgen.evaluation.image_quality import frechet_distance, kernel_distance  # noqa: E402
from reidgen.files import sha256_of, write_json  # noqa: E402
from reidgen.models.preprocessor import IMAGENET_MEAN, IMAGENET_STD  # noqa: E402
from reidgen.registry import DATASETS, ENCODERS, build  # noqa: E402
from reidgen.spacing import evenly_spaced  # noqa: E402
from reidgen.visualization.grids import panel, save_png  # noqa: E402

BATCH = 64
HEIGHT = 128  # of the images that the network of FID is given
NUM_DIVERSE = 256  # images of which all pairs are compared
SHOWN, ROW = 64, 16
# its encoder is ImageNet's MobileNetV2
UNTRAINED = Path(__file__).resolve().parents[2] / 'configs/baselines/untrained.py'


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='the Python config it was trained with')
    parser.add_argument('checkpoint', help='a .pth or .safetensors file')
    parser.add_argument('--out', help='folder of the results (default: beside the checkpoint)')
    parser.add_argument('--count', type=int, default=1000, help='images of each kind')
    parser.add_argument('--other', metavar='SPLIT', help='split of real images of other persons')
    parser.add_argument('--seed', type=int, default=0, help='of the latent vectors')
    parser.add_argument(
        '--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE'
    )
    return parser.parse_args(args)


def evaluate(args: argparse.Namespace) -> dict:
    """Measures of generated images and of real ones; writes results.json and generated.png."""
    check_count('--count', args.count)
    cfg = load_config(args.config, args.cfg_options)
    model = trained_model(cfg, args.checkpoint)
    check_generator(model)
    wanted = cfg.train_dataloader.real.dataset.to_dict()
    training = real_images(wanted, args.count)
    kinds = dict(generated=generated_images(model, len(training), args.seed))
    if args.other:
        kinds['other'] = real_images(dict(wanted, split=args.other), len(training))
        if len(kinds['other']) < len(training):  # FID compares at equal numbers only
            raise ValueError(
                f'the split {args.other!r} has {len(kinds["other"])} images and the training split '
                f'{len(training)}; set --count {len(kinds["other"])}'
            )
    network = imagenet_network()
    features = network_features(network, training)
    drawn = wanted.get('pose_map', {}).get('type') == 'JointMaps'
    rows = {}
    for name, images in kinds.items():
        rows[name] = distances(features, network_features(network, images))
        rows[name] |= dict(nearest=nearest(images, training))
    for name, images in dict(training=training, **kinds).items():
        found = rows.setdefault(name, {})
        found['diversity'] = diversity(images[evenly_spaced(len(images), NUM_DIVERSE)] / 255)
        if drawn:
            found |= map_measures(images / 255)
    for found in rows.values():
        found['rho'] = found['diversity'] / rows['training']['diversity']
    result = dict(
        images=rows,
        num_images=len(training),
        seed=args.seed,
        other=args.other,
        config=args.config,
        checkpoint_sha256=sha256_of(args.checkpoint),
    )
    out = Path(args.out or Path(args.checkpoint).parent / 'generated')
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / 'results.json', result)
    save_png(picture(kinds['generated']), out / 'generated.png')
    tell(rows)
    print(f'written to {out}')
    return result


def real_images(dataset: dict, count: int) -> Tensor:
    """(N, C, H, W) uint8 images of a config's data set as a GAN is trained on them, evenly spaced.

    All, where there are fewer than `count`.
    """
    images = build(dict(dataset), DATASETS, 'train_dataloader.real.dataset')
    rows = evenly_spaced(len(images), min(count, len(images)))
    return torch.stack([images[row].img for row in tqdm(rows, images.name, disable=None)])


@torch.no_grad()
def generated_images(model, count: int, seed: int) -> Tensor:
    """(N, C, H, W) uint8 images of the first latent vectors of a seed."""
    normalizer = model.data_preprocessor
    mean, std = (torch.tensor(v).reshape(-1, 1, 1) for v in (normalizer.mean, normalizer.std))
    made = []
    for start in tqdm(range(0, count, BATCH), 'generated', disable=None):
        z = model.gan.latents(range(start, min(start + BATCH, count)), seed)
        made.append(model.generate(z.to(normalizer.device)).float().cpu() * std + mean)
    return (torch.cat(made).clamp(0, 1) * 255).round().to(torch.uint8)


def imagenet_network() -> torch.nn.Module:
    """ImageNet's MobileNetV2, in eval mode."""
    encoder = load_config(UNTRAINED).model.networks.E_c.to_dict()
    return build(encoder, ENCODERS, 'model.networks.E_c').to(get_device()).eval()


@torch.no_grad()
def network_features(network: torch.nn.Module, images: Tensor) -> Tensor:
    """Pooled features (N, D) of images (N, 3, H, W) uint8, on the CPU."""
    mean, std = (torch.tensor(v).reshape(-1, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    size = [HEIGHT, round(HEIGHT * images.shape[3] / images.shape[2])]
    found = []
    for part in tqdm(images.split(BATCH), 'features', disable=None):
        resized = vision.resize(part, size, vision.InterpolationMode.BICUBIC, antialias=True)
        img = (resized.float() / 255 - mean) / std
        found.append(network(img.to(get_device())).pre_bn.float().cpu())
    return torch.cat(found)


def distances(real: Tensor, other: Tensor) -> dict[str, float]:
    """FID and KID x 1000, over subsets of half of the images, of two sets of features (N, D)."""
    kid = kernel_distance(real, other, subset_size=len(real) // 2)
    return dict(
        fid=frechet_distance(real, other), kid_1000=1000 * kid.mean, kid_1000_std=1000 * kid.std
    )


def nearest(images: Tensor, training: Tensor) -> float:
    """Mean over images of the mean absolute pixel difference, in grey levels of 255, from the
    nearest training image.
    """
    flat, known = (each.flatten(1).float() for each in (images, training))
    found = torch.cat([torch.cdist(part, known, p=1).amin(1) for part in flat.split(BATCH)])
    return found.mean().item() / flat.shape[1]


def map_measures(maps: Tensor) -> dict[str, float]:
    """Statistics of heatmaps (N, J, H, W) in [0, 1], and distances between neighbouring joints."""
    found = dict(map_statistics(maps)._asdict())
    joints = decode_joints(maps)
    for first in range(maps.shape[1] - 1):
        lengths = limb_lengths(joints, first, first + 1)
        found[f'length_{first}_{first + 1}'] = lengths.mean().item()
        found[f'length_{first}_{first + 1}_std'] = lengths.std().item()
    return found


def picture(images: Tensor) -> Tensor:
    """Picture (3, h, w) uint8 of the first images (N, 3, H, W) uint8."""
    rows = (images[:SHOWN].float() / 255).split(ROW)
    return panel(in_rows([*rows], torch.ones(3, 1, 1)), (0, 0, 0), (1, 1, 1))


def tell(rows: dict[str, dict[str, float]]) -> None:
    keys = list(dict.fromkeys(key for row in rows.values() for key in row))
    width = max(map(len, keys))
    print(f'\n{"":{width}} ' + ' '.join(f'{name:>10}' for name in rows))
    for key in keys:
        cells = (f'{row[key]:10.3f}' if key in row else f'{"":10}' for row in rows.values())
        print(f'{key:{width}} ' + ' '.join(cells))


def main() -> None:
    args = parse_args()
    run(lambda: evaluate(args), args.out or Path(args.checkpoint).parent)


if __name__ == '__main__':
    main()
