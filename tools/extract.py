"""Writes the features of images into a folder, for tools/search.py.

    python tools/extract.py CONFIG CHECKPOINT --images FOLDER --out DIR
    python tools/extract.py CONFIG CHECKPOINT --dataset market1501/gallery --out DIR
    torchrun --nproc_per_node=4 tools/extract.py CONFIG CHECKPOINT --images FOLDER --out DIR

The same command again continues what was stopped.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', str(os.cpu_count() or 1))
os.environ.setdefault('MKL_NUM_THREADS', os.environ['OMP_NUM_THREADS'])
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path.cwd())]

from mmengine.dist import is_main_process  # noqa: E402

from reidgen.datasets.folder import PATTERN  # noqa: E402
from reidgen.engine.command_line import KeyValueAction, run  # noqa: E402
from reidgen.retrieval import (  # noqa: E402
    Extraction,
    FeatureExtractor,
    extract,
    join_processes,
    open_dataset,
    open_images,
)
from reidgen.retrieval.manifest import DTYPES  # noqa: E402


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='the Python config it was trained with')
    parser.add_argument('checkpoint', help='a .pth or .safetensors file')
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--images', metavar='FOLDER', help='every image below it, or one image')
    source.add_argument(
        '--dataset',
        metavar='NAME/SPLIT',
        help='a data set of the config and its split, such as market1501/gallery',
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='folder of the features')
    parser.add_argument('--batch-size', type=int, default=128)
    parser.add_argument('--workers', type=int, default=4, help='processes that decode images')
    parser.add_argument(
        '--shard-size', type=int, default=4096, help='images a file; a kill costs at most one file'
    )
    parser.add_argument('--dtype', choices=DTYPES, default='float32', help='on disk')
    parser.add_argument(
        '--pattern',
        help='of --images: regular expression with the groups pid and camid, or one of them, in '
        f"the path below FOLDER, such as '{PATTERN}'",
    )
    parser.add_argument(
        '--skip-corrupt',
        action='store_true',
        help='of --images: decode every file first and leave out what cannot be',
    )
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast')
    parser.add_argument(
        '--cfg-options', nargs='+', action=KeyValueAction, default={}, metavar='KEY=VALUE'
    )
    return parser.parse_args(args)


def write_features(args: argparse.Namespace) -> Extraction:
    """Extracts as the command line says and prints a line of numbers."""
    if args.dataset and (args.pattern or args.skip_corrupt):
        raise ValueError('--pattern and --skip-corrupt go with --images, not with --dataset')
    join_processes()
    extractor = FeatureExtractor(args.config, args.checkpoint, args.cfg_options, args.amp)
    if args.images:
        dataset = open_images(args.images, extractor.transforms, args.pattern, args.skip_corrupt)
    else:
        dataset = open_dataset(extractor.cfg, args.dataset, extractor.transforms)
    done = extract(
        extractor, dataset, args.out, args.batch_size, args.workers, args.shard_size, args.dtype
    )
    if is_main_process():
        print(f'{done} in {args.out}')
    return done


def main() -> None:
    args = parse_args()
    run(lambda: write_features(args), args.out)


if __name__ == '__main__':
    main()
