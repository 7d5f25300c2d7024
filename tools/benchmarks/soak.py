"""Memory, open files, threads and log size over a long training of the smoke model.

    python tools/benchmarks/soak.py --iterations 2000 --json soak.json

configs/gcl_smoke.py with all its hooks, one worker process a loader, and its stages stretched to
the iterations. Every 20 iterations: resident memory of the process and its workers, open files,
threads, and the size of the log. Printed: the means of the second and the last quarter and what
they differ by; the first quarter fills caches.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ[name] = '1'
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from mmengine.hooks import Hook  # noqa: E402

from reidgen.engine import ReIDRunner  # noqa: E402
from reidgen.engine.config import load_config  # noqa: E402

EVERY = 20
STAGES = {'identity': 0.4, 'generators': 0.2, 'joint': 0.4}  # share of the iterations
PROC = Path('/proc')


def resident(pid: int) -> float:
    """Resident memory of a process, MB; its share of what is shared is counted in full."""
    lines = (PROC / str(pid) / 'status').read_text().splitlines()
    (line,) = [line for line in lines if line.startswith('VmRSS')]
    return int(line.split()[1]) / 1024


def children(pid: int) -> list[int]:
    tasks = (PROC / str(pid) / 'task').iterdir()
    return [int(child) for task in tasks for child in (task / 'children').read_text().split()]


class SoakHook(Hook):
    """Recorder of the process's resources."""

    priority = 'LOWEST'

    def __init__(self, work_dir: Path):
        self.work_dir, self.rows = work_dir, []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if (runner.iter + 1) % EVERY:
            return
        pid = os.getpid()
        workers = [resident(child) for child in children(pid)]
        self.rows.append(
            dict(
                iteration=runner.iter + 1,
                stage=runner.train_loop.stage.name,
                memory_mb=resident(pid),
                num_workers=len(workers),
                worker_mb=max(workers, default=0.0),
                open_files=len(list((PROC / str(pid) / 'fd').iterdir())),
                threads=len(list((PROC / str(pid) / 'task').iterdir())),
                log_kb=sum(path.stat().st_size for path in self.work_dir.glob('*/*.log')) / 1024,
            )
        )


def train(iterations: int, work_dir: Path) -> list[dict]:
    cfg = load_config(ROOT / 'configs/gcl_smoke.py')
    cfg.work_dir, cfg.experiment_name = str(work_dir), 'soak'
    for stage in cfg.train_cfg.stages:
        stage.iters = round(STAGES[stage.name] * iterations)
        if stage.get('eval_every'):
            stage.eval_every = 50
    for loader in cfg.train_dataloader.values():
        loader.num_workers = 1
    runner = ReIDRunner.from_cfg(cfg)
    hook = SoakHook(work_dir)
    runner.register_hook(hook, 'LOWEST')
    runner.train()
    return hook.rows


def summary(rows: list[dict]) -> list[list]:
    """Rows of (what, mean of the second quarter, of the last, difference), stage by stage."""
    found = []
    for stage in STAGES:
        own = [row for row in rows if row['stage'] == stage]
        quarter = len(own) // 4
        for key in ('memory_mb', 'worker_mb', 'open_files', 'threads', 'num_workers'):
            second = statistics.fmean(row[key] for row in own[quarter : 2 * quarter])
            last = statistics.fmean(row[key] for row in own[-quarter:])
            found.append([stage, key, round(second, 1), round(last, 1), round(last - second, 1)])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--iterations', type=int, default=2000, help='at least 400')
    parser.add_argument('--json', help='write the rows and the summary to this file')
    args = parser.parse_args()
    if args.iterations < 400:
        parser.error('--iterations must be at least 400: quarters of stages are compared')
    with tempfile.TemporaryDirectory() as folder:
        rows = train(args.iterations, Path(folder))
    found = summary(rows)
    for row in found:
        print('{:12}{:14}{:>10}{:>10}{:>8}'.format(*row))
    print(f'log: {rows[-1]["log_kb"] / args.iterations:.2f} kB an iteration')
    if args.json:
        Path(args.json).write_text(json.dumps(dict(rows=rows, summary=found), indent=1))


if __name__ == '__main__':
    main()
