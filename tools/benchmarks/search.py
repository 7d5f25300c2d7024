"""Time and memory of searching a gallery on disk, of random unit vectors.

    python tools/benchmarks/search.py --gallery 1000000 --dims 512 --json search.json

The features go into a temporary folder (4 bytes a number: 2 GB for a million of 512), which is
deleted at the end. Some queries are checked against a plain loop in float64. With --faiss the
default faiss index is built and searched as well, and its share of the exact neighbours printed.
"""

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from functools import lru_cache
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

import numpy as np  # noqa: E402
import torch  # noqa: E402

from reidgen.datasets.records import Record  # noqa: E402
from reidgen.retrieval.feature_store import FeatureStore  # noqa: E402
from reidgen.retrieval.manifest import EncoderInfo, Manifest  # noqa: E402
from reidgen.retrieval.search import search  # noqa: E402
from reidgen.retrieval.store_writer import StoreWriter  # noqa: E402
from reidgen.retrieval.topk import TopK  # noqa: E402


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--gallery', type=int, nargs='+', default=[1_000_000], metavar='N')
    parser.add_argument('--queries', type=int, default=100)
    parser.add_argument('--dims', type=int, default=512)
    parser.add_argument('--top', type=int, default=10)
    parser.add_argument('--shard-size', type=int, default=4096)
    parser.add_argument(
        '--people',
        type=int,
        default=0,
        help='gallery rows and queries lie around this many centres; 0: anywhere on the sphere',
    )
    parser.add_argument('--checked', type=int, default=5, help='queries compared with a loop')
    parser.add_argument('--faiss', action='store_true', help='measure the faiss index too')
    parser.add_argument('--folder', help='where the temporary folder is made')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--json', help='write the numbers to this file')
    return parser.parse_args()


@lru_cache(maxsize=1)
def people(count: int, dims: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dims), np.float32)


def vectors(count: int, args: argparse.Namespace, *seed: int) -> np.ndarray:
    """Unit vectors (count, D) float32; of `people`, a centre and half as long a deviation."""
    rng = np.random.default_rng((args.seed, *seed))
    rows = rng.standard_normal((count, args.dims), np.float32)
    if args.people:
        centres = people(args.people, args.dims, args.seed)
        rows = rows / 2 + centres[rng.integers(args.people, size=count)]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def write_store(folder: str, num_rows: int, args: argparse.Namespace) -> np.ndarray:
    """Writes a store of random rows; returns queries."""
    encoder = EncoderInfo('random', {}, 'random', f'seed {args.seed}', 'random')
    manifest = Manifest(encoder, 'random', '/', '', 0, args.dims, args.shard_size)
    images = [Record(f'{row:07d}', -1, -1) for row in range(num_rows)]
    writer = StoreWriter(folder, manifest, images)
    writer.prepare()
    for number in writer.todo():
        writer.write(number, vectors(len(writer.manifest.rows(number)), args, 1, number))
    return vectors(args.queries, args, 2)


def check(query: np.ndarray, store: FeatureStore, found: TopK) -> None:
    """Raises RuntimeError where a plain float64 loop finds other rows."""
    for number, row in enumerate(query.astype(np.float64)):
        distances = np.concatenate(
            [((shard.double().numpy() - row) ** 2).sum(1) for _, shard in store.shards()]
        )
        expected = distances.argsort(kind='stable')[: found.rows.shape[1]]
        if expected.tolist() != found.rows[number].tolist():
            raise RuntimeError(f'query {number}: {expected} expected, {found.rows[number]} found')


def peak_mib() -> float:
    """Peak memory of this process in MiB, mapped pages included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(num_rows: int, args: argparse.Namespace) -> dict:
    """Measurements by name."""
    with tempfile.TemporaryDirectory(dir=args.folder, prefix='reidgen_search_') as folder:
        start = time.perf_counter()
        # in a process of its own: the memory it takes is no part of the search's
        with multiprocessing.get_context('spawn').Pool(1) as pool:
            query = pool.apply(write_store, (folder, num_rows, args))
        written, before, start = time.perf_counter() - start, peak_mib(), time.perf_counter()
        store = FeatureStore(folder)
        opened = time.perf_counter() - start
        seconds, cpu_seconds = [], []
        for _ in range(2):
            start, used = time.perf_counter(), time.process_time()
            found = search(torch.from_numpy(query), store, args.top)
            seconds.append(time.perf_counter() - start)
            cpu_seconds.append(time.process_time() - used)
        numbers = dict(
            gallery=num_rows,
            queries=args.queries,
            dims=args.dims,
            top=args.top,
            people=args.people,
            gigabytes=num_rows * args.dims * 4 / 1e9,
            seconds_written=written,
            seconds_opened=opened,
            seconds=seconds,
            cpu_seconds=cpu_seconds,
            peak_mib_before=before,
            peak_mib=peak_mib(),
            threads=torch.get_num_threads(),
            torch=torch.__version__,
            cores=os.cpu_count(),
        )
        check(query[: args.checked], store, found)
        numbers['checked'] = min(args.checked, args.queries)
        if args.faiss:
            numbers |= measure_faiss(store, torch.from_numpy(query), found, args)
        return numbers


def measure_faiss(
    store: FeatureStore, query: torch.Tensor, exact: TopK, args: argparse.Namespace
) -> dict:
    """Measurements of the default index by name."""
    from reidgen.retrieval.faiss_index import FaissIndex

    start = time.perf_counter()
    index = FaissIndex(store)
    built, start = time.perf_counter() - start, time.perf_counter()
    found = index.search(query, args.top)
    seconds = time.perf_counter() - start
    same = [len(set(a) & set(b)) for a, b in zip(found.rows.tolist(), exact.rows.tolist())]
    return dict(
        faiss=index.description,
        faiss_seconds_built=built,
        faiss_seconds=seconds,
        faiss_recall=sum(same) / exact.rows.numel(),
        faiss_index_mib=index.path.stat().st_size / 2**20,
        faiss_peak_mib=peak_mib(),
    )


def main() -> None:
    args = parse_args()
    runs = []
    for num_rows in args.gallery:
        runs.append(measure(num_rows, args))
        print(json.dumps(runs[-1], indent=1), flush=True)
    if args.json:
        Path(args.json).write_text(json.dumps(runs, indent=1))


if __name__ == '__main__':
    main()
