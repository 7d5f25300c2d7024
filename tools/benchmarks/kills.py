"""Trainings killed with SIGKILL and resumed, compared bit for bit with one that was not killed.

    python tools/benchmarks/kills.py --random 50 --every 1 --json docs/results/reliability.json

Trained is tests/engine/gcl_kills.py, with every kind of file that a training writes. Compared are
weights, optimizers, random states, metrics, reports, pictures and the list of files. Numbers are
written after each run, so what a stopped benchmark has measured is kept.
"""

import argparse
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / 'tests/engine')]

import torch  # noqa: E402
from kill_runs import (  # noqa: E402
    contents,
    differences,
    is_number,
    killed_at,
    note_writes,
    train,
)

from tests.forks import end_of, in_child, start  # noqa: E402

WORKERS = (0, 1, 4)
LOADERS = ('identity', 'source', 'target', 'clusters')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--random', type=int, default=50, help='kills at random moments')
    parser.add_argument('--every', type=int, default=1, help='of the writes, one in so many; 0: no')
    parser.add_argument('--seed', type=int, default=0, help='of the moments')
    parser.add_argument('--minutes', type=float, help='stop after so long')
    parser.add_argument('--json', required=True, help='results, for results_table.py')
    return parser.parse_args()


class Benchmark:
    """Kills and resumes trainings, and counts those that end as the whole one.

    Args:
        folder: for the trainings.
        out: JSON file of the results.
    """

    def __init__(self, folder: Path, out: Path, command: str, seed: int):
        self.folder, self.out, self.command, self.seed = folder, out, command, seed
        self.rows: dict[str, list[int]] = {}  # what -> kills, runs, runs with the same bits
        self.commit = subprocess.run(
            ['git', 'rev-parse', '--short', 'HEAD'], cwd=ROOT, capture_output=True, text=True
        ).stdout.strip()
        began = time.time()
        torch.set_num_threads(1)
        self._check(in_child(self._whole, folder / 'log'))
        self.seconds = time.time() - began
        self.calls = (folder / 'calls').read_text().splitlines()
        self.expected = contents(folder / 'whole')

    def at_write(self, number: int) -> None:
        """Kills one training before its n-th write."""
        cut = self._empty()
        self._check(killed_at(cut, is_number(number), self.folder / 'log'), -signal.SIGKILL)
        self._resume_and_count('before a write', cut, 1, {})

    def at_random(self, rng: random.Random, workers: int) -> int:
        """Kills one training up to three times, anywhere; the number of kills.

        One that ends before it is killed does not count.
        """
        cut, kills, wanted = self._empty(), 0, rng.randint(1, 3)
        options = {f'train_dataloader.{name}.num_workers': workers for name in LOADERS}
        while kills < wanted:
            process = start(partial(train, cut, options, kills > 0), self.folder / 'log')
            deadline = time.time() + rng.uniform(0, self.seconds)
            while (
                time.time() < deadline
                and os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
            ):
                time.sleep(0.01)
            os.kill(process, signal.SIGKILL)
            if end_of(process) == 0:
                break  # it was done before
            kills += 1
        if kills:
            self._resume_and_count(f'at a random moment, {workers} workers', cut, kills, options)
        return kills

    def _whole(self) -> None:
        noted = note_writes()
        train(self.folder / 'whole')
        (self.folder / 'calls').write_text('\n'.join(noted))

    def _empty(self) -> Path:
        cut = self.folder / 'cut'
        shutil.rmtree(cut, ignore_errors=True)
        return cut

    def _check(self, status: int, expected: int = 0) -> None:
        if status != expected:
            log = (self.folder / 'log').read_text()
            raise RuntimeError(f'a training ended with {status}, not {expected}: {log[-2000:]}')

    def _resume_and_count(self, what: str, cut: Path, kills: int, options: dict) -> None:
        status = in_child(lambda: train(cut, options, resume=True), self.folder / 'log')
        found = differences(self.expected, contents(cut)) if status == 0 else ['did not end']
        row = self.rows.setdefault(what, [0, 0, 0])
        self.rows[what] = [row[0] + kills, row[1] + 1, row[2] + (not found)]
        print(what, self.rows[what], found[:3] or 'same', flush=True)
        self.write()

    def write(self) -> None:
        """Writes the results so far."""
        page = dict(
            title='Killed and resumed trainings',
            text=[
                'A training of 14 iterations and four stages with every kind of file that a '
                'training writes, ended by SIGKILL and resumed. The same bits: weights, '
                'optimizers, random states, metrics, reports, pictures and the list of files are '
                'those of the training that was not killed.'
            ],
            measured=dict(
                config='tests/engine/gcl_kills.py',
                command=f'`{self.command}`',
                seed=self.seed,
                hardware=f'{os.cpu_count()} cores ({platform.machine()}), no GPU, '
                f'Python {platform.python_version()}, torch {torch.__version__}',
                commit=self.commit or 'not recorded',
            ),
            tables=[
                dict(
                    columns=['killed', 'kills', 'trainings', 'with the same bits'],
                    rows=[[what, *row] for what, row in sorted(self.rows.items())],
                )
            ],
        )
        self.out.write_text(json.dumps(page, indent=1) + '\n')


def points(calls: list[str]) -> list[int]:
    """Numbers of the writes that are the training's, and of a set's pictures every tenth."""
    own = [n for n, call in enumerate(calls) if '/whole/' in call or call.startswith('fsync')]
    pictures = [n for n in own if 'translated/joint/0' in calls[min(n + 1, len(calls) - 1)]]
    return [n for n in own if n not in pictures or n % 10 == 0]


def main() -> None:
    args = parse_args()
    command = ' '.join(['python tools/benchmarks/kills.py', *sys.argv[1:]])
    ends = time.time() + 60 * (args.minutes or float('inf'))
    rng, kills = random.Random(args.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        benchmark = Benchmark(Path(folder), Path(args.json), command, args.seed)
        chosen = points(benchmark.calls)[:: args.every] if args.every else []
        while (chosen or kills < args.random) and time.time() < ends:
            if kills < args.random:
                kills += benchmark.at_random(rng, rng.choice(WORKERS))
            if chosen and time.time() < ends:
                benchmark.at_write(chosen.pop(rng.randrange(len(chosen))))


if __name__ == '__main__':
    main()
