"""Trains a config: python tools/train.py configs/gcl_market2duke.py"""

import argparse
import os
import sys
import traceback
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', str(os.cpu_count() or 1))
os.environ.setdefault('MKL_NUM_THREADS', os.environ['OMP_NUM_THREADS'])
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path.cwd())]

from mmengine.config import Config, DictAction  # noqa: E402


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
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast')
    parser.add_argument('--seed', type=int, help="of everything random (default: the config's)")
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm'], default='none')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='override the config, e.g. data_roots.market1501=/data/market',
    )
    return parser.parse_args(args)


def configure(args: argparse.Namespace) -> Config:
    """The config with the command line merged."""
    from reidgen.engine.config import load_config

    cfg = load_config(args.config, args.cfg_options)
    if args.resume and (args.load_from or args.first_stage):
        raise ValueError(
            '--resume continues a run as it was; --load-from and --first-stage start a new one'
        )
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or f'work_dirs/{Path(args.config).stem}'
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
    from reidgen.engine import ReIDRunner

    cfg = configure(args)
    start_processes(args.launcher)
    ReIDRunner.from_cfg(cfg).train()


def start_processes(launcher: str) -> None:
    """Joins the process group on machines without CUDA; elsewhere the runner does."""
    import torch

    if launcher == 'pytorch' and not torch.cuda.is_available():
        torch.distributed.init_process_group('gloo')


def main() -> None:
    """Ends with one line for what a user can mend; the traceback goes into the work dir."""
    args = parse_args()
    try:
        train(args)
    except (ValueError, OSError, FloatingPointError) as error:
        sys.exit(tell(error, args))


def tell(error: Exception, args: argparse.Namespace) -> str:
    """The error in one line, and where its traceback lies."""
    work_dir = Path(args.work_dir or f'work_dirs/{Path(args.config).stem}')
    told = f'{type(error).__name__}: {error}'
    if not work_dir.is_dir():
        return told
    path = work_dir / 'error.txt'
    path.write_text(traceback.format_exc())
    return f'{told}\n(traceback: {path})'


if __name__ == '__main__':
    main()
