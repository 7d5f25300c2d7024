"""Training of a config: the subcommand `train`."""

import argparse
import os
from pathlib import Path

from mmengine.config import Config

from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config


def configure(args: argparse.Namespace) -> Config:
    """Config with the command line options merged."""
    cfg = load_config(args.config, args.cfg_options)
    if not args.resume and _restarted_by_torchrun() and any(Path(args.work_dir).glob('iter_*.pth')):
        args.resume, args.load_from = 'auto', None
    if args.resume and args.load_from:
        raise ValueError('--resume continues a run as it was, --load-from starts a new one')
    if args.seed is not None and not 0 <= args.seed < 2**32:
        raise ValueError(f'--seed is {args.seed}; give a whole number from 0 to {2**32 - 1}')
    cfg.work_dir = args.work_dir
    cfg.launcher = args.launcher
    if args.seed is not None:
        cfg.randomness = dict(cfg.get('randomness') or {}, seed=args.seed)
    if args.amp:
        cfg.train_cfg.amp = True
    if args.first_stage:
        cfg.train_cfg.first_stage = args.first_stage
    cfg.load_from = args.load_from or cfg.get('load_from')
    if args.resume:
        cfg.resume, cfg.load_from = True, None if args.resume == 'auto' else args.resume
    return cfg


def _restarted_by_torchrun() -> bool:
    return int(os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)) > 0


def run(args: argparse.Namespace) -> None:
    """Trains the config."""
    ReIDRunner.from_cfg(configure(args)).train()
