"""Images of a trained GAN: the subcommand `generate`."""

import argparse
from pathlib import Path

from reidgen.engine.config import load_config
from reidgen.engine.generation import generate_images
from reidgen.engine.loading import trained_model
from reidgen.files import sha256_of
from reidgen.registry import MODELS, find


def run(args: argparse.Namespace) -> Path:
    """Writes generated images: path of their folder."""
    cfg = load_config(args.config, args.cfg_options)
    model_type = cfg.model['type']
    if not hasattr(find(model_type, MODELS), 'generate'):
        raise ValueError(
            f'{model_type}, the model of {args.config}, generates no images from latent vectors; '
            f'choose a config with such a generator, such as projects/lsro/configs/lsro_synth_a.py'
        )
    model = trained_model(cfg, args.checkpoint, args.amp)
    stamp = dict(
        config=Path(args.config).stem,
        checkpoint_sha256=sha256_of(args.checkpoint),
    )
    folder = generate_images(model, args.out, args.count, stamp, args.seed, args.batch_size)
    print(f'{args.count} generated images in {folder}')
    return folder
