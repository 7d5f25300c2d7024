"""Distances between translated and real images: the subcommand `evaluate-images`."""

import argparse
from importlib.metadata import version
from pathlib import Path

from reidgen.datasets.image_files import list_images, read_rgb
from reidgen.engine.image_features import (
    ImageFolder,
    image_features,
    inception_extractor,
    reid_extractor,
)
from reidgen.evaluation.image_quality import (
    frechet_distance,
    kernel_distance,
    ssim_diversity,
)
from reidgen.files import write_json


def run(args: argparse.Namespace) -> list[dict]:
    """Rows of FID and KID, one for each metric and network; also written as JSON."""
    if {'reid_fid', 'reid_kid'} & set(args.metrics) and not (args.config and args.checkpoint):
        raise ValueError('reid_fid and reid_kid need --config and --checkpoint of a trained model')
    folders = dict(real=args.real, translated=args.translated)
    counts = {name: len(list_images(Path(path), recursive=True)) for name, path in folders.items()}
    # FID compares at equal numbers only, and at the translated images' size
    number = args.num_images or min(counts.values())
    size = read_rgb(list_images(Path(args.translated), recursive=True)[0]).shape[1:]
    sets = {name: ImageFolder(path, size, number) for name, path in folders.items()}
    rows = []
    if {'fid', 'kid'} & set(args.metrics):
        rows += distances(inception_extractor(args.inception), sets, args)
    if {'reid_fid', 'reid_kid'} & set(args.metrics):
        rows += distances(reid_extractor(args.config, args.checkpoint), sets, args)
    if 'ssim' in args.metrics:
        rows += [
            dict(
                metric=f'ssim_diversity_{name}',
                value=ssim_diversity(images.__getitem__, len(images), seed=args.seed),
            )
            for name, images in sets.items()
        ]
    shared = dict(
        num_real=number,
        num_translated=number,
        image_size=list(size),
        seed=args.seed,
        versions={name: version(name) for name in ('torch', 'torchvision', 'torchmetrics')},
    )
    rows = [row | shared for row in rows]
    Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    write_json(Path(args.out), rows)
    tell(rows, counts, number, args.out)
    return rows


def distances(extractor, sets: dict[str, ImageFolder], args: argparse.Namespace) -> list[dict]:
    """Rows of FID and KID for one network's features."""
    real, translated = (
        image_features(extractor, sets[name], args.batch_size, args.num_workers)
        for name in ('real', 'translated')
    )
    facts = dict(
        extractor=extractor.name,
        weights_sha256=extractor.weights_sha256,
        resize=extractor.resize,
        num_features=real.shape[1],
    )
    rows = []
    if f'{extractor.prefix}fid' in args.metrics:
        value = frechet_distance(real, translated)
        rows.append(dict(metric=f'{extractor.prefix}fid', value=value, **facts))
    if f'{extractor.prefix}kid' in args.metrics:
        found = kernel_distance(real, translated, seed=args.seed)
        rows.append(
            dict(
                metric=f'{extractor.prefix}kid',
                value=found.mean,
                std=found.std,
                subset_size=found.subset_size,
                **facts,
            )
        )
    return rows


def tell(rows: list[dict], counts: dict[str, int], number: int, out: str) -> None:
    for row in rows:
        spread = f' +- {row["std"]:.4f}' if 'std' in row else ''
        print(f'{row["metric"]:24}{row["value"]:12.4f}{spread}')
    print(
        f'{number} of {counts["real"]} real and {counts["translated"]} translated images; see {out}'
    )
    dims = max((row.get('num_features', 0) for row in rows), default=0)
    if number <= dims:
        print(
            f'fewer images than the {dims} features: FID is biased upwards and compares only with '
            f'values at {number} images'
        )
