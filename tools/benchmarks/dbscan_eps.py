"""DBSCAN's automatic radius three ways: ties excluded, ties counted, and summed in float32.

    python tools/benchmarks/dbscan_eps.py --json docs/results/raw/dbscan_eps.json

GCL (Chen et al., CVPR 2021) takes as radius the mean of the smallest share rho of the non-zero
Jaccard distances. Two images whose k-reciprocal neighbourhoods weigh the same are at distance 0.
reidgen excludes such ties from the mean, or counts them as 0 (`JaccardDBSCAN(ties='counted')`). The
code of SpCL and GCL sums weights in float32, in which some ties come out at about 1e-7, and counts
those; 'float32' adds the weights up as that code does: a softmax of float32 products over each
expanded set, means over k2 rows, minima added image by image. The search for neighbours, and so
the sets, are reidgen's in all three. Random people, --images of each around a centre, 128
dimensions seen through --dim; --noise is their spread. One thread.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):
    os.environ[name] = '1'
sys.path[:0] = [str(Path(__file__).resolve().parents[2])]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from hardware import machine  # noqa: E402
from scipy.sparse import csr_array  # noqa: E402

from reidgen.evaluation.neighbours import neighbours_of_each  # noqa: E402
from reidgen.evaluation.reciprocal import expanded_reciprocal_neighbours  # noqa: E402
from reidgen.memory.clustering import JaccardDBSCAN  # noqa: E402
from reidgen.memory.jaccard import distance_blocks, neighbour_weights  # noqa: E402

TIE = 1e-6  # float32 distances below it are ties


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--sizes', type=int, nargs='+', default=[64, 120, 500, 1500, 4000, 12936])
    parser.add_argument('--noise', type=float, nargs='+', default=[0.2, 0.4, 0.8])
    parser.add_argument('--images', type=int, default=17, help='of a person')
    parser.add_argument('--dim', type=int, default=256)
    parser.add_argument('--k1', type=int, default=30)
    parser.add_argument('--k2', type=int, default=6)
    parser.add_argument('--rho', type=float, default=2e-3)
    parser.add_argument('--json', help='write the numbers to this file')
    return parser.parse_args()


def people(num_images: int, noise: float, args: argparse.Namespace) -> torch.Tensor:
    """(N, D) float32 unit rows, the same for the same arguments."""
    rng = np.random.default_rng(0)
    num_people = num_images // args.images
    latent = rng.standard_normal((num_people, 128), np.float32)
    latent = latent[rng.integers(num_people, size=num_images)]
    latent += noise * rng.standard_normal(latent.shape, np.float32)
    features = latent @ rng.standard_normal((128, args.dim), np.float32)
    return torch.from_numpy(features / np.linalg.norm(features, axis=1, keepdims=True))


def float32_weights(features: torch.Tensor, args: argparse.Namespace) -> csr_array:
    """(N, N) float32 weights after query expansion, each step rounded as in SpCL's code."""
    index = neighbours_of_each(features, args.k1).index.numpy()
    members = expanded_reciprocal_neighbours(index, args.k1)
    data = np.empty(members.nnz, np.float32)
    for row, (start, stop) in enumerate(zip(members.indptr, members.indptr[1:])):
        columns = members.indices[start:stop]
        squared = 2 - 2 * (features[row : row + 1] @ features[columns].t())
        data[start:stop] = torch.softmax(-squared, dim=1).numpy()
    weights = csr_array((data, members.indices, members.indptr), shape=members.shape)
    rows = []
    for near in index[:, : args.k2]:
        few = weights[near]
        columns = np.unique(few.indices)
        rows.append((columns, few[:, columns].toarray().mean(axis=0, dtype=np.float32)))
    starts = np.cumsum([0] + [len(columns) for columns, _ in rows])
    columns, data = (np.concatenate(each) for each in zip(*rows))
    return csr_array((data, columns, starts), shape=weights.shape)


def float32_distances(weights: csr_array) -> tuple[np.ndarray, int]:
    """Distances (P,) float32 above 0 of pairs that share a weight, and how many are not above 0.

    Each pair once, minima added image by image.
    """
    num_rows, by_column = weights.shape[0], weights.tocsc()
    kept, num_zero = [], 0
    for row in range(num_rows):
        shared = np.zeros(num_rows, np.float32)
        for entry in range(weights.indptr[row], weights.indptr[row + 1]):
            column, weight = weights.indices[entry], weights.data[entry]
            others = slice(by_column.indptr[column], by_column.indptr[column + 1])
            shared[by_column.indices[others]] += np.minimum(weight, by_column.data[others])
        above = shared[row + 1 :][shared[row + 1 :] > 0]
        distance = 1 - above / (2 - above)
        kept.append(distance[distance > 0])
        num_zero += len(distance) - len(kept[-1])
    return np.concatenate(kept), num_zero


def float32_eps(features: torch.Tensor, args: argparse.Namespace) -> tuple[float, int]:
    """The radius by GCL's rule, and the ties that it counts."""
    stored, num_zero = float32_distances(float32_weights(features, args))
    num_rows = len(features)
    count = round(args.rho * (num_rows * (num_rows - 1) // 2 - num_zero))
    smallest = np.sort(stored)[:count]
    num_ones = count - len(smallest)
    eps = (smallest.sum(dtype=np.float64) + num_ones) / count
    return float(eps), int((stored < TIE).sum())


def exact_ties(features: torch.Tensor, args: argparse.Namespace) -> int:
    """Pairs of images at distance 0."""
    blocks = distance_blocks(neighbour_weights(features, args.k1, args.k2), upper=True)
    return sum(int((block.data == 0).sum()) for block in blocks)


def measure(num_images: int, noise: float, args: argparse.Namespace) -> dict:
    features, start = people(num_images, noise, args), time.perf_counter()
    numbers = dict(num_images=num_images, noise=noise, num_ties=exact_ties(features, args))
    for ties in ('excluded', 'counted'):
        clustering = JaccardDBSCAN(args.k1, args.k2, rho=args.rho, ties=ties)
        try:
            clusters = clustering(features)
        except ValueError as error:  # few pairs, all of them ties
            numbers[ties] = dict(eps=None, error=str(error))
            continue
        numbers[ties] = dict(eps=clusters.eps, num_clusters=clusters.num_clusters)
    eps, num_ties = float32_eps(features, args)
    clusters = JaccardDBSCAN(args.k1, args.k2, eps=eps)(features)
    numbers['float32'] = dict(eps=eps, num_clusters=clusters.num_clusters, num_ties=num_ties)
    for ties in ('excluded', 'counted'):
        own = numbers[ties]['eps']
        numbers[f'{ties}_over_float32'] = None if own is None else own / eps
    numbers['seconds'] = time.perf_counter() - start
    return numbers


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)
    runs = []
    for noise in args.noise:
        for num_images in args.sizes:
            runs.append(measure(num_images, noise, args))
            one = runs[-1]
            radii = ', '.join(
                f'{way} {one[way]["eps"] or float("nan"):.4f} '
                f'({one.get(f"{way}_over_float32", 1) or float("nan"):.3f})'
                for way in ('excluded', 'counted', 'float32')
            )
            print(
                f'N {num_images:6d} noise {noise:g}: eps (over float32) {radii}; '
                f'{one["num_ties"]} ties, {one["float32"]["num_ties"]} of them counted in float32',
                flush=True,
            )
    if args.json:
        settings = {key: value for key, value in vars(args).items() if key != 'json'}
        made = dict(
            made_by='python tools/benchmarks/dbscan_eps.py --json docs/results/raw/dbscan_eps.json',
            what='radius (eps) by the rho rule on random people; see the docstring of the script',
            settings=settings,
            machine=machine(),
            runs=runs,
        )
        Path(args.json).parent.mkdir(parents=True, exist_ok=True)
        Path(args.json).write_text(json.dumps(made, indent=1) + '\n')


if __name__ == '__main__':
    main()
