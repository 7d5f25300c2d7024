"""Evaluation of features that any program has made: mAP, CMC, re-ranking and verification.

    python examples/evaluate_features.py                      (random people)
    python examples/evaluate_features.py features.npz --protocol no-camera

The file has the arrays query_features (Q, D), gallery_features (G, D), query_pids (Q,) and
gallery_pids (G,), and for protocols that compare cameras query_camids and gallery_camids:
numpy.savez('features.npz', query_features=..., ...). Identities and cameras are whole numbers.
Features are compared as they are; L2-normalise them for the cosine's ranking.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from reidgen.evaluation import PROTOCOLS, RetrievalLabels, evaluate, evaluate_blocks, verify
from reidgen.evaluation.rerank import rerank_distances

NEEDED = ('query_features', 'gallery_features', 'query_pids', 'gallery_pids')
NUM_PERSONS, NUM_CAMERAS, DIM = 50, 4, 32  # of the random people


def random_people(spread: float = 1.2) -> dict[str, np.ndarray]:
    """Persons around a centre each, seen once by each camera; camera 0 has the queries."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((NUM_PERSONS, 1, DIM))
    seen = centres + spread * rng.standard_normal((NUM_PERSONS, NUM_CAMERAS, DIM))
    pids, camids = np.indices((NUM_PERSONS, NUM_CAMERAS))
    return dict(
        query_features=seen[:, 0].astype(np.float32),
        gallery_features=seen[:, 1:].reshape(-1, DIM).astype(np.float32),
        query_pids=pids[:, 0],
        gallery_pids=pids[:, 1:].ravel(),
        query_camids=camids[:, 0],
        gallery_camids=camids[:, 1:].ravel(),
    )


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file that numpy.savez wrote."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    missing = [name for name in NEEDED if name not in arrays]
    if missing:
        raise ValueError(f'{path} has no {missing}, only {sorted(arrays)}; add them to np.savez')
    return arrays


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('file', nargs='?', type=Path, help='.npz; without it random people')
    parser.add_argument('--protocol', choices=PROTOCOLS, default='market1501')
    args = parser.parse_args()
    try:
        print_scores(random_people() if args.file is None else read(args.file), args.protocol)
    except (OSError, TypeError, ValueError) as error:
        sys.exit(f'error: {error}')


def print_scores(arrays: dict[str, np.ndarray], protocol: str) -> None:
    query, gallery = (torch.from_numpy(arrays[f'{side}_features']) for side in ('query', 'gallery'))
    labels = RetrievalLabels(
        arrays['query_pids'],
        arrays['gallery_pids'],
        arrays.get('query_camids'),
        arrays.get('gallery_camids'),
    )
    print('as they are:', evaluate(query, gallery, labels, protocol=protocol))
    if not PROTOCOLS[protocol].one_set:
        k1 = min(20, len(query) + len(gallery) - 1)  # of few images, all
        distances = rerank_distances(query, gallery, k1=k1, k2=min(6, k1), weight=0.3)
        print(f're-ranked, k1 = {k1}:', evaluate_blocks(distances, labels, protocol=protocol))
    print('verification:', verify(query, gallery, labels, protocol=protocol))


if __name__ == '__main__':
    main()
