"""Evaluates pictures to maps of joints, or maps to pictures, on persons of another split.

python projects/pose_gan/evaluate_translation.py CONFIG CHECKPOINT [--split SPLIT] [--out FOLDER]

To maps: the joints at the maps' peaks against the true ones: mean distance in pixels and the share
of those there that are found within 2 (missed ones are not within), beside a prediction of each
joint at its mean place in training. To pictures: L1 in grey levels of 255, beside that of the mean
training picture; FID and KID as evaluate.py has them, at equal numbers; and with --pose CONFIG
CHECKPOINT of the other direction, how well the joints that this finds in the made pictures are
those asked for, beside what it finds in the real ones. Writes results.json and translated.png.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path.cwd())]

import torch  # noqa: E402
from mmengine.config import Config  # noqa: E402
from torch import Tensor  # noqa: E402
from tqdm import tqdm  # noqa: E402

from projects.pose_gan.evaluate import distances, imagenet_network, network_features  # noqa: E402
from projects.pose_gan.pose_gan import PoseTranslation  # noqa: E402
from reidgen.command_line import KeyValueAction, run  # noqa: E402
from reidgen.datasets.joint_drawing import decode_joints  # noqa: E402
from reidgen.engine.config import load_config  # noqa: E402
from reidgen.engine.generation import shown  # noqa: E402
from reidgen.engine.loading import trained_model  # noqa: E402
from reidgen.files import sha256_of, write_json  # noqa: E402
from reidgen.registry import DATASETS, MODELS, build, find  # noqa: E402
from reidgen.spacing import evenly_spaced  # noqa: E402
from reidgen.visualization.grids import panel, save_png  # noqa: E402

BATCH, SHOWN = 64, 12
NEAR = 2.0  # pixels


class Pairs(NamedTuple):
    """Pictures and the maps that belong to them."""

    img: Tensor  # (N, 3, H, W) in [-1, 1]
    maps: Tensor  # (N, J, H, W) in [-1, 1]


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='the Python config it was trained with')
    parser.add_argument('checkpoint', help='a .pth or .safetensors file')
    parser.add_argument('--split', default='gallery', help='of the data set (default: gallery)')
    parser.add_argument('--out', help='folder of the results (default: beside the checkpoint)')
    parser.add_argument(
        '--pose', nargs=2, metavar=('CONFIG', 'CHECKPOINT'), help='a trained model to maps'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE'
    )
    return parser.parse_args(args)


def load(config: str, checkpoint: str, options: dict) -> tuple[Config, PoseTranslation]:
    """Config and trained model.

    Raises:
        TypeError: the config's model is no PoseTranslation.
    """
    cfg = load_config(config, options)
    if not issubclass(find(cfg.model.type, MODELS), PoseTranslation):
        raise TypeError(f'{config} trains a {cfg.model.type}; give one of a PoseTranslation')
    return cfg, trained_model(cfg, checkpoint)


def evaluate(args: argparse.Namespace) -> dict:
    """Measures; writes results.json and translated.png."""
    cfg, model = load(args.config, args.checkpoint, args.cfg_options)
    to_maps = None
    if args.pose:
        to_maps = load(*args.pose, {})[1]
        if model.made != 'picture' or to_maps.made != 'maps':
            raise ValueError(
                '--pose is a model to maps, for a config to pictures; leave it out, or exchange '
                'the two'
            )
    wanted = cfg.train_dataloader.real.dataset.to_dict()
    training, test = (read_pairs(model, dict(wanted, split=s)) for s in ('train', args.split))
    made = translated(model, test.img if model.made == 'maps' else test.maps)
    if model.made == 'maps':
        result = joint_measures(training, test, made)
    else:
        result = picture_measures(training, test, made)
        if to_maps is not None:
            truth = joints_of(test.maps)
            for name, img in dict(made=made, real=test.img).items():
                result[f'pose_{name}'] = joint_errors(joints_of(translated(to_maps, img)), truth)
    out = Path(args.out or Path(args.checkpoint).parent / 'translated')
    out.mkdir(parents=True, exist_ok=True)
    facts = dict(
        num_images=len(made),
        split=args.split,
        config=args.config,
        checkpoint_sha256=sha256_of(args.checkpoint),
        pose=args.pose,
    )
    write_json(out / 'results.json', dict(measures=result) | facts)
    save_png(picture(model.made, test, made), out / 'translated.png')
    for name, row in result.items():
        print(f'{name:20} ' + '  '.join(f'{key} {value:.3f}' for key, value in row.items()))
    print(f'written to {out}')
    return result


def read_pairs(model: PoseTranslation, dataset: dict) -> Pairs:
    """All pictures and maps of a data set, as the model is trained on them."""
    images = build(dataset, DATASETS, 'train_dataloader.real.dataset')
    items = [images[row] for row in tqdm(range(len(images)), images.name, disable=None)]
    stacks = {name: [getattr(item, name) for item in items] for name in ('img', 'pose_map')}
    batch = model.data_preprocessor({name: torch.stack(each) for name, each in stacks.items()})
    return Pairs(batch['img'].cpu(), batch['pose_map'].cpu())


@torch.no_grad()
def translated(model: PoseTranslation, x: Tensor) -> Tensor:
    """What G makes of conditions (N, C, H, W), on the CPU."""
    device = model.data_preprocessor.device
    return torch.cat([model.G(part.to(device)).float().cpu() for part in x.split(BATCH)])


def joints_of(maps: Tensor) -> Tensor:
    """Joints (N, J, 3) at the peaks of maps in [-1, 1]."""
    return decode_joints((maps.clamp(-1, 1) + 1) / 2)


def joint_errors(found: Tensor, truth: Tensor) -> dict[str, float]:
    """Errors of joints (N, J, 3) where the true one is there, and joints found where none is.

    Returns:
        `distance`: mean of found ones, in pixels; `near`: share within 2 pixels, of all that are
        there; `missed`: share of these that are not found; `invented`: found joints among those
        that are not there, 0 where there are none.
    """
    there, seen = truth[..., 2] > 0, found[..., 2] > 0
    apart = (found[..., :2] - truth[..., :2]).norm(dim=-1)
    both, count = there & seen, there.sum().clamp_min(1)
    return dict(
        distance=apart[both].mean().item(),
        near=((both & (apart <= NEAR)).sum() / count).item(),
        missed=((there & ~seen).sum() / count).item(),
        invented=((~there & seen).sum() / (~there).sum().clamp_min(1)).item(),
    )


def joint_measures(training: Pairs, test: Pairs, made: Tensor) -> dict[str, dict[str, float]]:
    """Errors of the joints found, and of each joint at its mean place in training."""
    truth, known = joints_of(test.maps), joints_of(training.maps)
    count = known[..., 2].sum(0).clamp_min(1)
    place = (known[..., :2] * known[..., 2:]).sum(0) / count[:, None]
    mean = torch.cat([place, torch.ones(len(place), 1)], 1).expand_as(truth)
    return dict(made=joint_errors(joints_of(made), truth), mean_place=joint_errors(mean, truth))


def picture_measures(training: Pairs, test: Pairs, made: Tensor) -> dict[str, dict[str, float]]:
    """L1, FID and KID of pictures; of the mean training picture L1, of training pictures the
    distances.
    """
    network = imagenet_network()
    rows = evenly_spaced(len(training.img), min(len(training.img), len(made)))
    real, fake, known = (
        network_features(network, as_bytes(img)) for img in (test.img, made, training.img[rows])
    )
    mean = training.img.mean(0, keepdim=True)
    return dict(
        made=dict(l1=grey_levels(made, test.img), **distances(real, fake)),
        mean_picture=dict(l1=grey_levels(mean.expand_as(made), test.img)),
        training=distances(real, known),
    )


def grey_levels(img: Tensor, truth: Tensor) -> float:
    """Mean absolute difference, of 255, of images in [-1, 1]."""
    return (img - truth).abs().mean().item() * 127.5


def as_bytes(img: Tensor) -> Tensor:
    return ((img.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def picture(made_is: str, test: Pairs, made: Tensor) -> Tensor:
    """Picture (3, h, w) uint8: condition, what is made of it and the truth, evenly spaced rows."""
    rows = evenly_spaced(len(made), min(SHOWN, len(made)))
    x, y = (test.img, test.maps) if made_is == 'maps' else (test.maps, test.img)
    columns = [('x', x), ('G(x)', made), ('y', y)]
    half = (0.5, 0.5, 0.5)
    return panel([(title, shown(each[rows])) for title, each in columns], half, half)


def main() -> None:
    args = parse_args()
    run(lambda: evaluate(args), args.out or Path(args.checkpoint).parent)


if __name__ == '__main__':
    main()
