"""Trains a config: python tools/train.py configs/gcl_market2duke.py"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', str(os.cpu_count() or 1))
os.environ.setdefault('MKL_NUM_THREADS', os.environ['OMP_NUM_THREADS'])
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path.cwd())]

from mmengine.config import Config  # noqa: E402

from reidgen.engine import ReIDRunner  # noqa: E402
from reidgen.engine.command_line import add_common_options, run  # noqa: E402
from reidgen.engine.config import load_config  # noqa: E402


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='a Python config')
    parser.add_argument(
        '--work-dir', help='logs, checkpoints, pictures (default: work_dirs/<config name>)'
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='PATH',
        help='continue from this checkpoint; without PATH from the newest in the work dir',
    )
    parser.add_argument(
        '--load-from',
        metavar='PATH',
        help='start from the weights of a checkpoint, e.g. stage_identity.pth with --first-stage',
    )
    parser.add_argument(
        '--first-stage', metavar='NAME', help='leave out the stages before this one'
    )
    parser.add_argument('--seed', type=int, help="of everything random (default: the config's)")
    add_common_options(parser)
    return parser.parse_args(args)


def default_work_dir(config: str) -> str:
    """work_dirs/<config name>."""
    return f'work_dirs/{Path(config).stem}'


def configure(args: argparse.Namespace) -> Config:
    """The config with the command line merged."""
    cfg = load_config(args.config, args.cfg_options)
    if args.resume and args.load_from:
        raise ValueError('--resume continues a run as it was, --load-from starts a new one')
    if args.seed is not None and not 0 <= args.seed < 2**32:
        raise ValueError(f'--seed is {args.seed}; give a whole number from 0 to {2**32 - 1}')
    cfg.work_dir = args.work_dir or default_work_dir(args.config)
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


def train(args: argparse.Namespace) -> None:
    """Trains as the command line says."""
    ReIDRunner.from_cfg(configure(args)).train()


def main() -> None:
    args = parse_args()
    run(lambda: train(args), args.work_dir or default_work_dir(args.config))


if __name__ == '__main__':
    main()
