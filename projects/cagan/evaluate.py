"""Evaluates swaps against the ground truth of the synthetic people.

python projects/cagan/evaluate.py CONFIG CHECKPOINT [--reid CONFIG CHECKPOINT]

Every person of the config's `test_dataset` is dressed in another garment, drawn by the data set's
seed. Rows of the table: the identity mapping, the garment's picture in place of the person, the
model, and its candidate without mask (alpha = 1). Columns: L1 in grey levels of 255 and SSIM,
inside and outside the garment. With --reid also the cosine distance, in the features of a trained
re-identification model, to the truth (reid_truth), and to the person as they were, the garment
filled grey in both (reid_rest): whether the identity is preserved. With --lpips the perceptual
distance too.
"""

import argparse
import csv
import sys
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path.cwd())]

import torch  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.utils.data import default_collate  # noqa: E402
from tqdm import tqdm  # noqa: E402

from projects.cagan.cagan.inference import load_model, swap_batch  # noqa: E402
from projects.cagan.cagan.lpips import LPIPS  # noqa: E402
from projects.cagan.cagan.metrics import mean_over, regions, swap_errors  # noqa: E402
from reidgen.command_line import KeyValueAction, run  # noqa: E402
from reidgen.engine.image_features import reid_extractor  # noqa: E402
from reidgen.files import sha256_of, write_json, written_whole  # noqa: E402
from reidgen.registry import DATASETS, build  # noqa: E402
from reidgen.visualization.grids import panel, save_png  # noqa: E402

BATCH = 32
GREY = 128
NO_LPIPS = 'LPIPS is left out: no weights are shipped, give those of AlexNet with --lpips'

Embed = Callable[[Tensor], Tensor]  # (B, 3, H, W) uint8 to (B, D), L2-normalised


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='the Python config it was trained with')
    parser.add_argument('checkpoint', help='a .pth or .safetensors file')
    parser.add_argument('--out', help='folder of the results (default: beside the checkpoint)')
    parser.add_argument('--num', type=int, help='persons, evenly spaced (default: all)')
    parser.add_argument('--show', type=int, default=8, metavar='N', help='rows of the panel')
    parser.add_argument(
        '--reid', nargs=2, metavar=('CONFIG', 'CHECKPOINT'), help='a trained model that embeds'
    )
    parser.add_argument(
        '--lpips',
        nargs=2,
        metavar=('BACKBONE', 'HEADS'),
        help="torchvision's AlexNet, and alex.pth of the lpips wheel",
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE'
    )
    return parser.parse_args(args)


def evaluate(args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Mean errors by method and measure; writes swaps.json, swaps.csv and swaps.png."""
    model, cfg = load_model(args.config, args.checkpoint, args.cfg_options)
    dataset = build(cfg.test_dataset, DATASETS)
    if not dataset.has_truth:
        raise ValueError(
            f'{type(dataset).__name__} does not know what its persons look like in other garments; '
            'evaluate on SyntheticGarments'
        )
    num = min(args.num or len(dataset), len(dataset))
    rows = [number * len(dataset) // num for number in range(num)]
    embed = reid_extractor(*args.reid).network if args.reid else None
    perceptual = LPIPS(*args.lpips) if args.lpips else None
    found: dict[str, list[dict[str, Tensor]]] = {}
    for start in tqdm(range(0, num, BATCH), 'evaluate', disable=None):
        for method, errors in batch_errors(
            model, dataset, rows[start : start + BATCH], embed, perceptual
        ):
            found.setdefault(method, []).append(errors)
    means = {method: averaged(batches) for method, batches in found.items()}
    out = Path(args.out or Path(args.checkpoint).parent / 'swaps')
    write(out, means, num, args, dataset)
    shown = [number * num // min(args.show, num) for number in range(min(args.show, num))]
    save_png(picture(model, dataset, [rows[number] for number in shown]), out / 'swaps.png')
    return means


def batch_errors(model, dataset, rows: list[int], embed: Embed | None, perceptual: LPIPS | None):
    """Methods with their errors of each image, for some rows."""
    batch, truth, garment = load(dataset, rows)
    made = swap_batch(model, batch)
    inside, outside = regions(garment)
    methods = {
        'identity mapping': batch.person,
        "garment's picture": batch.wanted,
        'model': made['swapped'],
        'model, alpha = 1': made['candidate'],
    }
    for method, image in methods.items():
        errors = swap_errors(image, truth, garment)
        if perceptual is not None:
            for side, region in (('in', inside), ('out', outside)):
                errors[f'lpips_{side}'] = perceptual(torch.where(region, image, truth), truth)
        if embed is not None:
            errors |= reid_distances(embed, image, truth, batch.person, inside)
        if method == 'model':
            alpha = made['alpha'][:, 0]
            errors['alpha_in'] = mean_over(alpha, inside[:, 0])
            errors['alpha_out'] = mean_over(alpha, outside[:, 0])
        yield method, errors


def load(dataset, rows: list[int]):
    """SwapBatch, ground truth (B, 3, H, W) uint8 and garment region (B, 1, H, W) bool."""
    truths = [dataset.read_truth(row, dataset.wanted(row)) for row in rows]
    images, garments = (torch.stack(each) for each in zip(*truths))
    return default_collate([dataset[row] for row in rows]), images, garments


def reid_distances(
    embed: Embed, image: Tensor, truth: Tensor, person: Tensor, inside: Tensor
) -> dict[str, Tensor]:
    """Cosine distances (B,) of re-ID embeddings, in [0, 2]."""

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return 1 - (embed(a) * embed(b)).sum(dim=1).cpu()

    bare = [torch.where(inside, GREY, picture) for picture in (image, person)]
    return {'reid_truth': distance(image, truth), 'reid_rest': distance(*bare)}


def averaged(batches: list[dict[str, Tensor]]) -> dict[str, float]:
    """Mean of each measure over the images where it is defined."""
    return {
        key: torch.cat([batch[key].double() for batch in batches]).nanmean().item()
        for key in batches[0]
    }


def write(out: Path, means: dict, num: int, args: argparse.Namespace, dataset) -> None:
    """Writes the table as files and prints it."""
    out.mkdir(parents=True, exist_ok=True)
    result = dict(
        methods=means,
        num_persons=num,
        dataset=dataset.name,
        seed=dataset.seed,
        config=args.config,
        checkpoint_sha256=sha256_of(args.checkpoint),
        reid=list(args.reid) if args.reid else None,
        lpips=list(args.lpips) if args.lpips else NO_LPIPS,
    )
    write_json(out / 'swaps.json', result)
    keys = list(means['model'])
    with written_whole(out / 'swaps.csv') as part, open(part, 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['method', *keys])
        writer.writerows([[m, *(row.get(key, '') for key in keys)] for m, row in means.items()])
    width = max(len(method) for method in means)
    print(f'\n{"":{width}}  ' + ' '.join(f'{key:>10}' for key in keys))
    for method, row in means.items():
        cells = (f'{row[key]:10.3f}' if key in row else ' ' * 10 for key in keys)
        print(f'{method:{width}}  ' + ' '.join(cells))
    print(f'{num} persons{"" if args.lpips else ". " + NO_LPIPS}.')
    if args.reid is None:
        print('Re-identification distances need --reid CONFIG CHECKPOINT.')
    print(f'written to {out}')


def picture(model, dataset, rows: list[int]) -> Tensor:
    """Picture of the swaps, (3, h, w) uint8: inputs, outputs, ground truth and garment region."""
    batch, truth, garment = load(dataset, rows)
    made = swap_batch(model, batch)
    columns = [
        ('x_i', batch.person),
        ('y_i', batch.worn),
        ('y_j', batch.wanted),
        ('x_ij', made['swapped']),
        ('truth', truth),
        ('x~', made['candidate']),
    ]
    columns = [(title, images.float() / 255) for title, images in columns]
    columns.insert(5, ('alpha', 2 * made['alpha'] - 1))
    columns.append(('garment', 2 * garment.float() - 1))
    return panel(columns, (0, 0, 0), (1, 1, 1))


def main() -> None:
    args = parse_args()
    run(lambda: evaluate(args), args.out or Path(args.checkpoint).parent)


if __name__ == '__main__':
    main()
