"""Time and memory of k-reciprocal Jaccard distances and DBSCAN, ours and published.

    pip install 'reidgen[faiss]'
    python tools/benchmarks/jaccard.py --sizes 3000 6000 12936 --json jaccard.json
    python tools/benchmarks/jaccard.py --sizes 12936 --peer ../SpCL
    python tools/benchmarks/jaccard.py --sizes 50000 100000 --dim 512 --ways reidgen

'published' is a restatement of the algorithm of Zhong et al. (CVPR 2017) as clustering methods use
it, written for this benchmark: an exhaustive faiss index, sets in a loop over the images, dense
N x N matrices. --peer takes the function `compute_jaccard_distance` of a checkout in its place, on
the CPU. Both are followed by eps from a sort of all distances and scikit-learn's DBSCAN on the
dense matrix. Each way runs in a process of its own, on one thread, on the same random people: 17
images each around a centre, 128 dimensions seen through --dim. 'again' is reidgen a second time:
how far its ratio is from 1 tells what the others are worth. Ratios are of processor seconds, which
other work on the machine disturbs least; memory is the peak beyond the features. All ways make the
same clusters but where float32 cannot tell two neighbours apart; the share of pairs on which they
agree is printed.
"""

import argparse
import inspect
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):
    os.environ[name] = '1'
sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

import numpy as np  # noqa: E402
from peer import load_peer  # noqa: E402

WAYS = ('reidgen', 'published')
RUNS = (*WAYS, 'again', 'peer')
RHO, MIN_SAMPLES = 2e-3, 4
PEER = 'compute_jaccard_distance'  # of SpCL, GCL and others
EQUAL = 1e-6


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--sizes', type=int, nargs='+', default=[3000, 6000, 12936])
    parser.add_argument('--dim', type=int, default=2048)
    parser.add_argument('--k1', type=int, default=30)
    parser.add_argument('--k2', type=int, default=6)
    parser.add_argument('--ways', nargs='+', choices=WAYS, default=WAYS)
    parser.add_argument(
        '--peer', metavar='DIR', help="checkout whose function takes the place of 'published'"
    )
    parser.add_argument('--json', help='write the numbers to this file')
    parser.add_argument('--run', choices=RUNS, help=argparse.SUPPRESS)  # in a process of its own
    parser.add_argument('--folder', help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.ways = ['reidgen'] + [way for way in args.ways if way != 'reidgen']
    if args.peer is not None:
        load_peer(args.peer, PEER)  # an error comes before the first measurement
        args.ways = ['reidgen', 'peer']
    args.ways.insert(1, 'again')
    return args


def people(num_images: int, dim: int) -> np.ndarray:
    """Reproducible unit features (N, dim) float32 of people."""
    generator = np.random.default_rng(0)
    num_people = num_images // 17
    latent = generator.standard_normal((num_people, 128), np.float32)
    latent = latent[generator.integers(num_people, size=num_images)]
    latent += 0.8 * generator.standard_normal(latent.shape, np.float32)
    features = latent @ generator.standard_normal((128, dim), np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features


def by_published_definition(features: np.ndarray, k1: int, k2: int) -> np.ndarray:
    """Jaccard distances (N, N) float32 by the published definition, image by image."""
    import faiss

    num_images = len(features)
    index = faiss.IndexFlatL2(features.shape[1])
    index.add(features)
    ranked = index.search(features, k1)[1]

    def reciprocal_sets(k: int) -> list[np.ndarray]:
        near = ranked[:, : k + 1]
        return [own[(near[own] == image).any(axis=1)] for image, own in enumerate(near)]

    full, half = reciprocal_sets(k1), reciprocal_sets(round(k1 / 2))
    weights = np.zeros((num_images, num_images), np.float32)
    for image, members in enumerate(full):
        sets = [members]
        for candidates in (half[member] for member in members):
            if 3 * np.isin(candidates, members).sum() > 2 * len(candidates):
                sets.append(candidates)
        expanded = np.unique(np.concatenate(sets))
        weight = np.exp(2 * (features[expanded] @ features[image]) - 2)
        weights[image, expanded] = weight / weight.sum()
    if k2 > 1:
        weights = np.stack([weights[near].mean(axis=0) for near in ranked[:, :k2]])
    weighed_by = [column.nonzero()[0] for column in weights.T]
    distances = np.empty_like(weights)
    for image, row in enumerate(weights):
        shared = np.zeros(num_images, np.float32)
        for member in row.nonzero()[0]:
            others = weighed_by[member]
            shared[others] += np.minimum(row[member], weights[others, member])
        distances[image] = 1 - shared / (2 - shared)
    distances[distances < EQUAL] = 0  # what rounding leaves of equal weights is no distance
    return distances


def published_clusters(distances: np.ndarray) -> tuple[np.ndarray, float]:
    """Labels and eps by the published procedure."""
    from sklearn.cluster import DBSCAN

    above = distances[np.triu_indices(len(distances), 1)]
    above = np.sort(above[above > 0])
    eps = above[: round(RHO * len(above))].mean(dtype=np.float64)
    dbscan = DBSCAN(eps=eps, min_samples=MIN_SAMPLES, metric='precomputed')
    return dbscan.fit_predict(distances), float(eps)


def status(key: str) -> float:
    """Memory of this process in MB: VmRSS current, VmHWM peak."""
    line = Path('/proc/self/status').read_text().split(f'{key}:')[1]
    return int(line.split()[0]) / 1024


def timed(function, *args):
    """Result, CPU seconds and wall seconds of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = function(*args)
    return result, time.process_time() - cpu, time.perf_counter() - wall


def product(features) -> None:
    """Float32 product of all rows with all, the yardstick of the search."""
    for part in features.split(1024):
        part @ features.t()


def run_reidgen(features: np.ndarray, args: argparse.Namespace) -> tuple[dict, np.ndarray]:
    import torch

    from reidgen.evaluation.neighbours import neighbours_of_each
    from reidgen.memory.clustering import JaccardDBSCAN
    from reidgen.memory.jaccard import jaccard_distance

    torch.set_num_threads(1)
    tensor, before = torch.from_numpy(features), status('VmRSS')
    clustering = JaccardDBSCAN(args.k1, args.k2, rho=RHO, min_samples=MIN_SAMPLES)
    clusters, cpu, wall = timed(clustering, tensor)
    numbers = dict(clusters_cpu=cpu, clusters_wall=wall, clusters_mb=status('VmHWM') - before)
    distances, cpu, wall = timed(jaccard_distance, tensor, args.k1, args.k2)
    numbers |= dict(distances_cpu=cpu, distances_wall=wall, distances_mb=status('VmHWM') - before)
    numbers |= dict(eps=clusters.eps, num_clusters=clusters.num_clusters)
    numbers['product_cpu'] = timed(product, tensor)[1]
    numbers['search_cpu'] = timed(neighbours_of_each, tensor, args.k1)[1]
    numbers |= dict(entries_per_row=distances.nnz / len(features))
    return numbers, clusters.labels.numpy()


def run_published(features: np.ndarray, args: argparse.Namespace) -> tuple[dict, np.ndarray]:
    import faiss

    faiss.omp_set_num_threads(1)
    function = by_published_definition if args.run == 'published' else peer_function(args.peer)
    before = status('VmRSS')
    distances, cpu, wall = timed(function, features, args.k1, args.k2)
    numbers = dict(distances_cpu=cpu, distances_wall=wall, distances_mb=status('VmHWM') - before)
    (labels, eps), more, longer = timed(published_clusters, distances)
    numbers |= dict(clusters_cpu=cpu + more, clusters_wall=wall + longer)
    numbers |= dict(clusters_mb=status('VmHWM') - before, eps=eps)
    return numbers | dict(num_clusters=int(labels.max()) + 1), labels


def peer_function(folder: str):
    """Distances (N, N) by the checkout's function, on the CPU and without its messages."""
    import torch

    torch.set_num_threads(1)
    function = load_peer(folder, PEER)
    quietly = dict(print_flag=False, search_option=3)  # 3 is faiss on the CPU in SpCL's function
    known = inspect.signature(function).parameters
    options = {name: value for name, value in quietly.items() if name in known}
    return lambda features, k1, k2: np.asarray(
        function(torch.from_numpy(features), k1=k1, k2=k2, **options)
    )


def run_here(args: argparse.Namespace) -> None:
    folder = Path(args.folder)
    features = np.load(folder / 'features.npy')
    run = run_reidgen if args.run in ('reidgen', 'again') else run_published
    numbers, labels = run(features, args)
    np.save(folder / f'{args.run}.npy', labels)
    (folder / f'{args.run}.json').write_text(json.dumps(numbers))


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Rand index of two clusterings."""

    def pairs(*labels: np.ndarray) -> float:
        counts = np.unique(np.stack(labels), axis=1, return_counts=True)[1].astype(float)
        return (counts * (counts - 1) / 2).sum()

    both, total = pairs(one, other), len(one) * (len(one) - 1) / 2
    return 1 - (pairs(one) + pairs(other) - 2 * both) / total


def measure(num_images: int, args: argparse.Namespace) -> dict:
    """Measurements by way, and the agreement of their clusters."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / 'features.npy', people(num_images, args.dim))
        numbers, labels = {'num_images': num_images, 'dim': args.dim}, []
        for way in args.ways:
            options = ['--run', way, '--folder', folder, '--k1', str(args.k1), '--k2', str(args.k2)]
            options += [] if args.peer is None else ['--peer', args.peer]
            subprocess.run([sys.executable, __file__, *options], check=True)
            numbers[way] = json.loads((Path(folder) / f'{way}.json').read_text())
            labels.append(np.load(Path(folder) / f'{way}.npy'))
        if len(labels) == 3:
            numbers['agreement'] = agreement(labels[0], labels[2])
        return numbers


def growth(before: dict, after: dict, way: str, key: str) -> float:
    """Exponent p of N^p between two sizes."""
    return math.log(after[way][key] / before[way][key]) / math.log(
        after['num_images'] / before['num_images']
    )


def report(numbers: dict, before: dict | None, ways: list[str]) -> None:
    print(f'N = {numbers["num_images"]}, D = {numbers["dim"]}')
    for way in ways:
        own = numbers[way]
        for what in ('distances', 'clusters'):
            line = (
                f'  {way:10} {what:10} {own[what + "_cpu"]:8.2f} s processor '
                f'{own[what + "_wall"]:8.2f} s wall {own[what + "_mb"]:8.0f} MB'
            )
            if before is not None:
                line += (
                    f'   grows as N^{growth(before, numbers, way, what + "_cpu"):.2f} in time, '
                    f'N^{growth(before, numbers, way, what + "_mb"):.2f} in memory'
                )
            print(line)
        print(f'  {way:10} eps {own["eps"]:.6f}, {own["num_clusters"]} clusters')
    search, product = (numbers['reidgen'][what] for what in ('search_cpu', 'product_cpu'))
    print(f'  search {search:.2f} s, {search / product:.2f} of the float32 product')
    for way in ways[1:]:
        ratios = (
            numbers[way][what] / numbers['reidgen'][what]
            for what in ('distances_cpu', 'clusters_cpu', 'distances_mb', 'clusters_mb')
        )
        print(
            f'  {way} / reidgen: '
            '{:.2f} in time of distances, {:.2f} with clusters; '
            '{:.2f} and {:.2f} in memory'.format(*ratios)
        )
    if 'agreement' in numbers:
        print(f'  clusters agree on {100 * numbers["agreement"]:.4f} % of all pairs')
    sys.stdout.flush()


def main() -> None:
    args = parse_args()
    if args.run:
        run_here(args)
        return
    results = []
    for num_images in args.sizes:
        results.append(measure(num_images, args))
        report(results[-1], results[-2] if len(results) > 1 else None, list(args.ways))
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=2))


if __name__ == '__main__':
    main()
