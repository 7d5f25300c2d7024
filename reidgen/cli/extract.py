"""Features of images on disk: the subcommand `extract`."""

import argparse

from mmengine.dist import is_main_process

from reidgen.retrieval import (
    Extraction,
    FeatureExtractor,
    extract,
    join_processes,
    open_dataset,
    open_images,
)


def run(args: argparse.Namespace) -> Extraction:
    """Extracts features and prints a summary line."""
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
