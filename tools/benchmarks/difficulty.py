"""Difficulty of the rendered people: baselines over training seeds and camera seeds.

    python tools/benchmarks/difficulty.py --out work_dirs/difficulty

Trains configs/baselines with each training seed under the benchmark's cameras, and with the first
one under further cameras. Every run's numbers are in `difficulty.json` as soon as it has ended; a
run that is there is not repeated. Closes with the table, also in `difficulty.md`.
"""

import argparse
import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault('OMP_NUM_THREADS', str(os.cpu_count() or 1))
os.environ.setdefault('MKL_NUM_THREADS', os.environ['OMP_NUM_THREADS'])
sys.path[:0] = [str(ROOT)]

from mmengine.config import Config  # noqa: E402

from reidgen.command_line import KeyValueAction, run  # noqa: E402
from reidgen.engine import ReIDRunner  # noqa: E402
from reidgen.engine.config import load_config, only_evaluate  # noqa: E402
from reidgen.files import write_json  # noqa: E402
from reidgen.synthetic import SIZES  # noqa: E402

# config -> row of the table -> prefix of its metrics
CELLS = {
    'color_histogram': {
        'A: colour histogram': 'source/',
        'B: colour histogram': '',
        'N: colour histogram': 'night/',
    },
    'untrained': {
        'A: ImageNet trunk': 'source/',
        'B: ImageNet trunk': '',
        'B: ImageNet trunk, AdaBN': 'adabn/',
        'N: ImageNet trunk': 'night/',
    },
    'synth_a_to_b': {
        'A to A': 'source/',
        'A to B, direct transfer': '',
        'A to B, AdaBN': 'adabn/',
    },
    'synth_a_to_a': {'A to A': ''},
    'synth_a2b_to_b': {'A2B to B, the oracle': ''},
    'synth_b_to_b': {'B to B, upper bound': ''},
    'synth_b_to_a': {
        'B to B, upper bound': 'source/',
        'B to A, direct transfer': '',
        'B to A, AdaBN': 'adabn/',
    },
    'synth_a_to_n': {
        'A to A': 'source/',
        'A to N, direct transfer': '',
        'A to N, AdaBN': 'adabn/',
    },
    'synth_a2n_to_n': {'A2N to N, the oracle': ''},
    'synth_n_to_n': {'N to N, upper bound': ''},
}
DEFAULT = ('color_histogram', 'untrained', 'synth_a_to_b', 'synth_b_to_a', 'synth_a2b_to_b')
WITHOUT_TRAINING = ('color_histogram', 'untrained')
KEYS = ('mAP', 'rank1')  # columns
FILE = 'difficulty.json'


class Run(NamedTuple):
    """Evaluation or training of a config with its seeds."""

    config: str
    seed: int
    camera_seed: int

    @property
    def name(self) -> str:
        """Key in the file, and name of the folder."""
        return f'{self.config}-seed{self.seed}-cameras{self.camera_seed}'


def numbers(text: str) -> list[int]:
    """Integers of a comma-separated text."""
    return [int(number) for number in text.split(',') if number]


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', default='work_dirs/difficulty', help='folder of logs and numbers')
    parser.add_argument('--seeds', type=numbers, default=[0, 1, 2], help='of training')
    parser.add_argument(
        '--camera-seeds', type=numbers, default=[1, 2], help="beside the benchmark's, which is 0"
    )
    parser.add_argument('--size', choices=list(SIZES), default='base', help='of the domains')
    parser.add_argument('--configs', nargs='+', choices=list(CELLS), default=list(DEFAULT))
    parser.add_argument('--iters', type=int, help="of each training (default: the config's)")
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, default={})
    return parser.parse_args(args)


def planned(args: argparse.Namespace) -> Iterator[Run]:
    """Runs in order; untrained ones have one training seed."""
    for config in args.configs:
        seeds = args.seeds[:1] if config in WITHOUT_TRAINING else args.seeds
        yield from (Run(config, seed, 0) for seed in seeds)
        yield from (Run(config, args.seeds[0], camera_seed) for camera_seed in args.camera_seeds)


def configure(one: Run, args: argparse.Namespace) -> Config:
    """Config of a run."""
    cfg = load_config(ROOT / f'configs/baselines/{one.config}.py', args.cfg_options)
    cfg.work_dir = str(Path(args.out, one.name))
    cfg.experiment_name = one.name
    cfg.randomness = dict(seed=one.seed)
    for loader in [*cfg.get('train_dataloader', {}).values(), *cfg.val_dataloader.values()]:
        # the meshes are not read here
        loader.dataset.update(size=args.size, camera_seed=one.camera_seed, maps=False)
        # workers that outlive their runner take five seconds each to notice
        loader.persistent_workers = False
    if one.config in WITHOUT_TRAINING:
        only_evaluate(cfg, keep_weights=True)
        return cfg
    cfg.model.networks.C.num_identities = SIZES[args.size].num_train
    cfg.default_hooks.checkpoint = None
    if args.iters:
        for stage in cfg.train_cfg.stages:
            stage.iters = stage.eval_every = args.iters
    return cfg


def measure(one: Run, args: argparse.Namespace) -> dict[str, float]:
    """Metrics of a run in per cent, prefixed as the loop reports them, and its seconds."""
    start = time.perf_counter()
    cfg = configure(one, args)
    runner = ReIDRunner.from_cfg(cfg)
    if one.config in WITHOUT_TRAINING:
        metrics = runner.val()
    else:
        runner.train()
        evaluations = json.loads(Path(cfg.work_dir, 'evaluations.json').read_text())
        metrics = evaluations[-1]['metrics']
    return metrics | dict(seconds=time.perf_counter() - start)


def read(path: Path, settings: dict) -> dict[str, dict[str, float]]:
    """Runs of a file; none if it is missing.

    Raises:
        ValueError: it was made with other settings.
    """
    if not path.exists():
        return {}
    found = json.loads(path.read_text())
    differing = {key: found.get(key) for key in settings if found.get(key) != settings[key]}
    if differing:
        raise ValueError(
            f'{path} was measured with {differing}, now it is '
            f'{ {key: settings[key] for key in differing} }; give another --out'
        )
    return found['runs']


def write(path: Path, settings: dict, runs: dict[str, dict[str, float]]) -> None:
    """Writes the measurements so far, atomically."""
    write_json(path, dict(settings, machine=machine(), runs=runs))


def machine() -> str:
    """Description of the machine of the measurements."""
    import torch

    return f'{os.cpu_count()} CPU cores, {platform.machine()}, torch {torch.__version__}'


def table(runs: dict[str, dict[str, float]], args: argparse.Namespace) -> str:
    """Markdown table: mean and sample standard deviation over seeds, then other cameras."""
    head = ['', 'mAP', 'rank-1', 'trainings']
    head += [f'cameras {camera_seed}: mAP / rank-1' for camera_seed in args.camera_seeds]
    lines = ['| ' + ' | '.join(head) + ' |', '|---' * len(head) + '|']
    shown = set()
    for config in args.configs:
        for row, prefix in CELLS[config].items():
            found = [
                runs[Run(config, seed, 0).name]
                for seed in args.seeds
                if Run(config, seed, 0).name in runs
            ]
            if row in shown or not found:
                continue
            shown.add(row)
            cells = [spread([metrics[prefix + key] for metrics in found]) for key in KEYS]
            cells.append('none' if config in WITHOUT_TRAINING else str(len(found)))
            for camera_seed in args.camera_seeds:
                metrics = runs.get(Run(config, args.seeds[0], camera_seed).name)
                cells.append(
                    ' / '.join(f'{metrics[prefix + key]:.1f}' for key in KEYS) if metrics else ''
                )
            lines.append(f'| {row} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def spread(values: list[float]) -> str:
    """Text '31.2 +- 1.4', or the value alone."""
    if len(values) == 1:
        return f'{values[0]:.1f}'
    return f'{statistics.mean(values):.1f} +- {statistics.stdev(values):.1f}'


def benchmark(args: argparse.Namespace) -> str:
    """Runs the missing measurements; returns the table."""
    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    settings = dict(size=args.size, iters=args.iters, options=dict(args.cfg_options))
    runs = read(folder / FILE, settings)
    for one in planned(args):
        if one.name not in runs:
            runs[one.name] = measure(one, args)
            write(folder / FILE, settings, runs)
            gc.collect()  # a runner and its model refer to each other
    (folder / 'difficulty.md').write_text(table(runs, args))
    return table(runs, args)


def main() -> None:
    args = parse_args()
    run(lambda: print(benchmark(args)), args.out)


if __name__ == '__main__':
    main()
