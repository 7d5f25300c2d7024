"""Evaluates frontal faces that are made of rendered profiles, on persons of no training.

python projects/face_frontalization/evaluate.py CONFIG CHECKPOINT [--reid CONFIG CHECKPOINT]

By angle |yaw|, over the faces of the config's `test_dataset`: L1 in grey levels of 255 and SSIM to
the person's true frontal face, of the profile as it is and of the frontal face made of it; and
rank-1 of profile, frontal face and truth among the test persons' faces at yaw 0 under other lights
than the profile's. Features are those of the encoder that the generator was trained with, which
favours the generator; with --reid also those of another encoder, such as face_encoder_synth.py of
another seed. A profile at yaw 0 is of the same moment as its match: its rank-1 says little.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path.cwd())]

import torch  # noqa: E402
import torch.nn.functional as nnf  # noqa: E402
from mmengine.device import get_device  # noqa: E402
from torch import Tensor  # noqa: E402
from tqdm import tqdm  # noqa: E402

from projects.face_frontalization.face_frontalization import FaceFrontalizer  # noqa: E402
from projects.face_frontalization.face_frontalization.recognition import (  # noqa: E402
    means_by_angle,
    rank1_hits,
)
from reidgen.choices import check_count  # noqa: E402
from reidgen.command_line import KeyValueAction, run  # noqa: E402
from reidgen.datasets import SyntheticFaces  # noqa: E402
from reidgen.engine.config import load_config  # noqa: E402
from reidgen.engine.image_features import reid_extractor  # noqa: E402
from reidgen.engine.loading import trained_model  # noqa: E402
from reidgen.files import sha256_of, write_json  # noqa: E402
from reidgen.registry import DATASETS, MODELS, build, find  # noqa: E402
from reidgen.visualization.grids import panel, save_png  # noqa: E402

BATCH = 50
KINDS = ('profile', 'frontalized', 'truth')

Embed = Callable[[Tensor], Tensor]  # (B, 3, H, W) uint8 to (B, D), L2-normalised


class Faces(NamedTuple):
    """Faces of a batch, (B, 3, H, W) uint8 each."""

    profile: Tensor
    frontalized: Tensor
    truth: Tensor


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='the Python config it was trained with')
    parser.add_argument('checkpoint', help='a .pth or .safetensors file')
    parser.add_argument('--out', help='folder of the results (default: beside the checkpoint)')
    parser.add_argument('--show', type=int, default=6, metavar='N', help='persons in the picture')
    parser.add_argument(
        '--reid', nargs=2, metavar=('CONFIG', 'CHECKPOINT'), help='another encoder of faces'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE'
    )
    return parser.parse_args(args)


def load(args: argparse.Namespace) -> tuple[FaceFrontalizer, SyntheticFaces]:
    """Trained model in eval mode, and the faces to test on.

    Raises:
        TypeError: the config's model is no FaceFrontalizer, or its test data no rendered faces.
        ValueError: the config has no test_dataset, or training persons in it.
    """
    cfg = load_config(args.config, args.cfg_options, reads=('test_dataset',))
    if not issubclass(find(cfg.model.type, MODELS), FaceFrontalizer):
        raise TypeError(f'{args.config} trains a {cfg.model.type}; give one of a FaceFrontalizer')
    if 'test_dataset' not in cfg:
        raise ValueError(
            f'{args.config} has no test_dataset; give a config for the rendered faces, such as '
            f"setting1_3_synth.py, or set test_dataset=dict(type='RenderedFaces', split='query')"
        )
    dataset = build(cfg.test_dataset.to_dict(), DATASETS, 'test_dataset')
    if not isinstance(dataset, SyntheticFaces):
        raise TypeError(
            f'test_dataset is a {type(dataset).__name__}, whose angles and true frontal faces are '
            f'not known; give RenderedFaces'
        )
    if dataset.split != 'query':
        raise ValueError(
            f"test_dataset.split is {dataset.split!r}; the faces of test persons are 'query'"
        )
    return trained_model(cfg, args.checkpoint), dataset


def evaluate(args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Means by angle; writes results.json and frontalized.png."""
    check_count('--show', args.show)
    model, dataset = load(args)
    encoders: dict[str, Embed] = {'E': lambda img: own_features(model, img)}
    if args.reid:
        encoders['other'] = reid_extractor(*args.reid).network
    measures, features = measured(model, dataset, encoders)
    faces = dataset.faces()
    pids, yaws, lights = (
        torch.tensor(values) for values in zip(*((f.record.pid, f.yaw_deg, f.light) for f in faces))
    )
    frontal = yaws == 0
    for name in encoders:
        gallery = features[name, 'profile'][frontal]
        for kind in KINDS:
            hits = rank1_hits(
                features[name, kind], gallery, pids, pids[frontal], lights, lights[frontal]
            )
            measures[f'rank1_{name}_{kind}'] = 100 * hits
    means = means_by_angle(measures, yaws)
    out = Path(args.out or Path(args.checkpoint).parent / 'frontalized')
    write(out, means, args, dataset)
    save_png(picture(model, dataset, args.show), out / 'frontalized.png')
    print(f'written to {out}')
    return means


@torch.no_grad()
def measured(
    model: FaceFrontalizer, dataset: SyntheticFaces, encoders: dict[str, Embed]
) -> tuple[dict[str, Tensor], dict[tuple[str, str], Tensor]]:
    """Errors (N,) by measure, and features (N, D) by encoder and kind of face, on the CPU."""
    errors: dict[str, list[Tensor]] = {}
    features: dict[tuple[str, str], list[Tensor]] = {}
    for start in tqdm(range(0, len(dataset), BATCH), 'evaluate', disable=None):
        faces = read(model, dataset, range(start, min(start + BATCH, len(dataset))))
        for kind in KINDS[:2]:
            for name, values in image_errors(getattr(faces, kind), faces.truth).items():
                errors.setdefault(f'{name}_{kind}', []).append(values)
        for name, embed in encoders.items():
            for kind in KINDS[:2]:
                found = embed(getattr(faces, kind).to(get_device())).float().cpu()
                features.setdefault((name, kind), []).append(found)
    pids, person = dataset.pids.unique(return_inverse=True)
    first = [(dataset.pids == pid).nonzero()[0].item() for pid in pids]
    truth = torch.stack([dataset.read_truth(dataset.records[row]) for row in first])
    for name, embed in encoders.items():
        found = torch.cat([embed(part.to(get_device())) for part in truth.split(BATCH)])
        features[name, 'truth'] = [found.float().cpu()[person]]
    return (
        {key: torch.cat(values) for key, values in errors.items()},
        {key: torch.cat(values) for key, values in features.items()},
    )


def read(model: FaceFrontalizer, dataset: SyntheticFaces, rows) -> Faces:
    """Profiles of rows of the data set, the frontal faces made of them, and the truth."""
    records = [dataset.records[row] for row in rows]
    profile = torch.stack([dataset.read_image(record) for record in records])
    truth = torch.stack([dataset.read_truth(record) for record in records])
    made = model.frontalize(model.data_preprocessor(profile.to(get_device())))
    made = ((made.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()
    return Faces(profile, made, truth)


def own_features(model: FaceFrontalizer, img: Tensor) -> Tensor:
    """Features of the encoder that the generator was trained with."""
    return nnf.normalize(model.E(model.data_preprocessor(img)))


def image_errors(img: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """`l1` in grey levels of 255 and `ssim` of images (B, 3, H, W) uint8, (B,) each.

    SSIM of Wang et al. (2004), an 11 x 11 Gaussian of sigma 1.5, a mean over channels and pixels.

    Raises:
        ImportError: torchmetrics is not installed.
    """
    try:
        from torchmetrics.functional.image import structural_similarity_index_measure as ssim
    except ImportError as error:
        raise ImportError(f"torchmetrics: {error}; pip install 'reidgen[metrics]'") from error
    img, truth = img.float(), truth.float()
    similar = ssim(img, truth, sigma=1.5, kernel_size=11, data_range=255.0, reduction='none')
    return dict(l1=(img - truth).abs().mean(dim=(1, 2, 3)), ssim=similar)


def write(out: Path, means: dict, args: argparse.Namespace, dataset: SyntheticFaces) -> None:
    """Writes results.json and prints its table."""
    out.mkdir(parents=True, exist_ok=True)
    result = dict(
        by_angle=means,
        dataset=f'{dataset.name} {dataset.plan.size}, {dataset.split}',
        num_persons=len(set(dataset.pids.tolist())),
        config=args.config,
        checkpoint_sha256=sha256_of(args.checkpoint),
        reid=list(args.reid) if args.reid else None,
    )
    write_json(out / 'results.json', result)
    keys = list(means['all'])[1:]
    print(f'\n{"|yaw|":>5} {"faces":>6} ' + ' '.join(f'{key:>{max(len(key), 7)}}' for key in keys))
    for angle, row in means.items():
        cells = (
            f'{row[key]:{max(len(key), 7)}.{3 if key.startswith("ssim") else 1}f}' for key in keys
        )
        print(f'{angle:>5} {row["num"]:6} ' + ' '.join(cells))
    if args.reid is None:
        print('Features of an encoder that the generator was not trained with need --reid.')


@torch.no_grad()
def picture(model: FaceFrontalizer, dataset: SyntheticFaces, num_persons: int) -> Tensor:
    """Picture (3, h, w) uint8: two rows a person, profiles at each yaw and their frontal faces.

    The last column is the truth, in both rows. Persons are evenly spaced; of each yaw the first
    picture is shown.
    """
    first: dict[tuple[int, int], int] = {}
    for row, face in enumerate(dataset.faces()):
        first.setdefault((face.record.pid, face.yaw_deg), row)
    pids = sorted({pid for pid, _ in first})
    count = min(num_persons, len(pids))
    pids = [pids[number * len(pids) // count] for number in range(count)]
    columns = []
    for yaw in sorted({yaw for _, yaw in first}):
        faces = read(model, dataset, [first[pid, yaw] for pid in pids])
        shown = torch.stack([faces.profile, faces.frontalized], dim=1).flatten(0, 1)
        columns.append((f'{yaw}', shown.float() / 255))
    columns.append(('truth', faces.truth.repeat_interleave(2, dim=0).float() / 255))
    return panel(columns, (0, 0, 0), (1, 1, 1))


def main() -> None:
    args = parse_args()
    run(lambda: evaluate(args), args.out or Path(args.checkpoint).parent)


if __name__ == '__main__':
    main()
