"""Features of images on disk: the subcommand `extract`."""

import argparse

from mmengine.dist import is_main_process

from reidgen.choices import listed
from reidgen.inference.model import open_model
from reidgen.retrieval import (
    Extraction,
    FeatureExtractor,
    extract,
    join_processes,
    open_dataset,
    open_images,
)

from .main import is_model


def open_extractor(args: argparse.Namespace) -> FeatureExtractor:
    """Extractor of a config and a checkpoint, or of a model file."""
    if not is_model(args.config):
        if args.checkpoint is None:
            raise ValueError(
                f'{args.config} needs a checkpoint: `reidgen extract CONFIG CHECKPOINT`'
            )
        return FeatureExtractor(args.config, args.checkpoint, args.cfg_options, args.amp)
    given = dict(CHECKPOINT=args.checkpoint, dataset=args.dataset, cfg_options=args.cfg_options)
    surplus = [name for name, value in given.items() if value]
    if surplus:
        raise ValueError(
            f'{args.config} is a model file, which has weights and settings of its own and no data '
            f'sets: leave {listed(surplus)} out, and give pictures by --images'
        )
    return open_model(args.config, args.amp)[1]


def run(args: argparse.Namespace) -> Extraction:
    """Extracts features and prints a summary line."""
    if args.dataset and (args.pattern or args.skip_corrupt or args.camera):
        raise ValueError(
            '--pattern, --skip-corrupt and --camera go with --images, not with --dataset'
        )
    join_processes()
    extractor = open_extractor(args)
    if args.images:
        dataset = open_images(
            args.images,
            extractor.transforms,
            args.pattern,
            args.skip_corrupt,
            extractor.statistics,
            args.camera,
        )
    else:
        dataset = open_dataset(extractor.cfg, args.dataset, extractor.transforms)
    done = extract(
        extractor, dataset, args.out, args.batch_size, args.workers, args.shard_size, args.dtype
    )
    if is_main_process():
        print(f'{done} in {args.out}')
    return done
