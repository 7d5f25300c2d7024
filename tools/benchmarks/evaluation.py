"""Time and memory of mAP and CMC at Market-1501's size, compared with other code.

    python tools/benchmarks/evaluation.py --json evaluation.json
    python tools/benchmarks/evaluation.py --ways reidgen --times 1 10 --features noise
    python tools/benchmarks/evaluation.py --peer ../fast-reid

3368 queries, 15913 gallery images, 2048 numbers each; `--times 10` adds distractors to ten times
the gallery. 'people' are 750 persons that a good network tells apart nearly always, 'noise' are
features without any order, the worst case. Each way runs in a process of its own, on one thread,
in turns with the yardstick, the float32 product of all features; 'again' is reidgen a second time.
'plain' is a restatement of what published code does, a sort and a loop over the queries, written
for this benchmark; --peer takes the function `evaluate_rank` of a checkout (fast-reid, torchreid)
in its place. Seconds are of the processor;
ratios are to the product beside; memory is the peak beyond the features. Of the others, ranking
is timed after a float32 matrix of distances; of reidgen it is what is left after the product.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):
    os.environ[name] = '1'
sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from peer import load_peer  # noqa: E402

WAYS = ('reidgen', 'plain', 'scikit-learn')
RUNS = (*WAYS, 'again', 'peer')
PEER = 'evaluate_rank'  # (distances, query_pids, gallery_pids, query_camids, gallery_camids)
NUM_QUERY, NUM_GALLERY, NUM_DISTRACTORS, NUM_PIDS, NUM_CAMS = 3368, 15913, 2798, 750, 6


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--ways', nargs='+', choices=WAYS, default=WAYS[:2])
    parser.add_argument('--features', choices=('people', 'noise'), default='people')
    parser.add_argument('--dim', type=int, default=2048)
    parser.add_argument('--times', type=int, nargs='+', default=[1], help='sizes of the gallery')
    parser.add_argument('--repetitions', type=int, default=3)
    parser.add_argument('--peer', metavar='DIR', help="checkout that takes the place of 'plain'")
    parser.add_argument('--json', help='write the numbers to this file')
    parser.add_argument('--run', choices=RUNS, help=argparse.SUPPRESS)  # in a process of its own
    args = parser.parse_args()
    args.ways = ['reidgen', 'again'] + [way for way in args.ways if way != 'reidgen']
    if args.peer is not None:
        load_peer(args.peer, PEER)  # an error comes before the first measurement
        args.ways = [way for way in args.ways if way != 'plain'] + ['peer']
    return args


def market(kind: str, dim: int, times: int) -> tuple[torch.Tensor, ...]:
    """Reproducible unit features (Q, dim) and (G, dim), and the arrays of RetrievalLabels."""
    generator = torch.Generator().manual_seed(0)
    num_gallery = times * NUM_GALLERY

    def integers(low: int, high: int, count: int) -> torch.Tensor:
        return torch.randint(low, high, (count,), generator=generator)

    query_pids = integers(1, NUM_PIDS + 1, NUM_QUERY)
    gallery_pids = torch.zeros(num_gallery, dtype=torch.int64)  # pid 0, the distractors
    persons = torch.randperm(num_gallery, generator=generator)[: NUM_GALLERY - NUM_DISTRACTORS]
    gallery_pids[persons] = integers(1, NUM_PIDS + 1, len(persons))
    centres = torch.randn(NUM_PIDS + 1, 128, generator=generator)
    view = torch.randn(128, dim, generator=generator)

    def features(pids: torch.Tensor) -> torch.Tensor:
        rows = torch.empty(len(pids), dim)
        for start in range(0, len(pids), 4096):
            part = pids[start : start + 4096]
            if kind == 'noise':
                torch.randn(len(part), dim, generator=generator, out=rows[start : start + 4096])
            else:
                latent = torch.randn(len(part), 128, generator=generator)
                latent = torch.where(part[:, None] > 0, 0.8 * latent + centres[part], 1.3 * latent)
                torch.mm(latent, view, out=rows[start : start + 4096])
            rows[start : start + 4096] /= rows[start : start + 4096].norm(dim=1, keepdim=True)
        return rows

    cameras = (integers(0, NUM_CAMS, count) for count in (NUM_QUERY, num_gallery))
    return features(query_pids), features(gallery_pids), query_pids, gallery_pids, *cameras


def product(query: torch.Tensor, gallery: torch.Tensor) -> None:
    """Matrix product as reference, a Market-1501 gallery at a time."""
    for part in gallery.split(NUM_GALLERY):
        query @ part.t()


def plain_rank(distances, query_pids, gallery_pids, query_camids, gallery_camids) -> float:
    """mAP by a sort of each row of distances, without images of the query's person and camera."""
    scores = []
    for row, pid, camid in zip(distances, query_pids, query_camids):
        order = row.argsort()
        same = gallery_pids[order] == pid
        matches = same[~(same & (gallery_camids[order] == camid))]
        ranks = np.flatnonzero(matches) + 1
        if len(ranks):
            scores.append((np.arange(1, len(ranks) + 1) / ranks).mean())
    return float(np.mean(scores))


def scikit_learn_rank(distances, query_pids, gallery_pids, query_camids, gallery_camids) -> float:
    from sklearn.metrics import average_precision_score

    scores = []
    for row, pid, camid in zip(distances, query_pids, query_camids):
        same = gallery_pids == pid
        keep = ~(same & (gallery_camids == camid))
        if same[keep].any():
            scores.append(average_precision_score(same[keep], -row[keep]))
    return float(np.mean(scores))


def way(args: argparse.Namespace) -> Callable:
    """Evaluation function of a way: returns mAP and, if known, the seconds of ranking."""
    if args.run in ('reidgen', 'again'):
        from reidgen.evaluation import RetrievalLabels, evaluate

        return lambda query, gallery, *labels: (
            evaluate(query, gallery, RetrievalLabels(*labels)).mAP,
            None,
        )
    if args.run == 'peer':
        rank = load_peer(args.peer, PEER)
    else:
        rank = {'plain': plain_rank, 'scikit-learn': scikit_learn_rank}[args.run]

    def measured(query, gallery, *labels):
        norms = [x.square().sum(1) for x in (query, gallery)]
        distances = norms[0][:, None] + norms[1]
        distances.addmm_(query, gallery.t(), beta=1, alpha=-2)
        before = time.process_time()
        result = rank(distances.numpy(), *(x.numpy() for x in labels))
        return result, time.process_time() - before

    return measured


class PeakMemory:
    """Peak of anonymous memory in MB above the start, sampled every 5 ms.

    Not VmHWM, which also counts pages of libraries that come and go.
    """

    def __enter__(self) -> 'PeakMemory':
        self.start = self.peak = self._now()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join()
        self.mb = self.peak - self.start

    def _watch(self) -> None:
        while not self.over.wait(0.005):
            self.peak = max(self.peak, self._now())

    @staticmethod
    def _now() -> float:
        status = Path('/proc/self/status').read_text()
        return int(status.split('RssAnon:')[1].split()[0]) / 1024


def run(args: argparse.Namespace) -> dict:
    """Measures a way at a size: memory in the first call, time in the others."""
    torch.set_num_threads(1)
    function = way(args)
    data = market(args.features, args.dim, args.times[0])
    with PeakMemory() as memory:
        result, _ = function(*data)
    numbers = dict(mAP=float(result) if isinstance(result, float) else None)
    numbers |= dict(memory_mb=memory.mb, seconds=[], product=[], ranking=[])
    for _ in range(args.repetitions):
        start = time.process_time()
        product(*data[:2])
        middle = time.process_time()
        ranking = function(*data)[1]
        end = time.process_time()
        numbers['product'].append(middle - start)
        numbers['seconds'].append(end - middle)
        numbers['ranking'].append(end - 2 * middle + start if ranking is None else ranking)
    return numbers


def main() -> None:
    args = parse_args()
    if args.run:
        print(json.dumps(run(args)))
        return
    rows = []
    head = f'{"":14}{"gallery":>9}{"product s":>11}{"whole s":>18}{"ratio":>14}{"ranking s":>11}'
    print(f'{head}{"MB":>7}   min / median of {args.repetitions}')
    for times in args.times:
        for name in args.ways:
            command = [sys.executable, __file__, '--run', name, '--times', str(times)]
            for option in ('features', 'dim', 'repetitions', 'peer'):
                value = getattr(args, option)
                command += [] if value is None else [f'--{option}', str(value)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            row = json.loads(done.stdout.splitlines()[-1])
            row |= dict(way=name, features=args.features, dim=args.dim, times=times)
            row['ratio'] = [a / b for a, b in zip(row['seconds'], row['product'])]
            rows.append(row)
            whole, ratio = (
                f'{min(x):.2f} / {np.median(x):.2f}' for x in (row['seconds'], row['ratio'])
            )
            print(
                f'{name:14}{times * NUM_GALLERY:9}{np.median(row["product"]):11.2f}{whole:>18}'
                f'{ratio:>14}{np.median(row["ranking"]):11.2f}{row["memory_mb"]:7.0f}'
            )
    for name in args.ways:
        own = [row for row in rows if row['way'] == name]
        for row in own[1:]:
            print(
                f'{name}: {row["times"] / own[0]["times"]:g} times the gallery takes '
                f'{np.median(row["seconds"]) / np.median(own[0]["seconds"]):.1f} times as long and '
                f'{row["memory_mb"] - own[0]["memory_mb"]:+.0f} MB'
            )
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1))
        print(f'written to {args.json}')


if __name__ == '__main__':
    main()
