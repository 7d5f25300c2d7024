"""Searches features that tools/extract.py wrote: for an image, a folder of them, or other features.

    python tools/search.py STORE --query person.jpg --out DIR
    python tools/search.py STORE --query FOLDER --top 20 --index faiss --out DIR

Images are embedded with the config and checkpoint that the store was made with.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', str(os.cpu_count() or 1))
os.environ.setdefault('MKL_NUM_THREADS', os.environ['OMP_NUM_THREADS'])
sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path.cwd())]

import numpy as np  # noqa: E402

from reidgen.engine.command_line import KeyValueAction, count, run  # noqa: E402
from reidgen.retrieval import FeatureStore, report  # noqa: E402
from reidgen.retrieval.queries import Queries, read_queries  # noqa: E402
from reidgen.retrieval.search import search, search_other_cameras  # noqa: E402
from reidgen.retrieval.topk import TopK  # noqa: E402


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('store', help='folder that tools/extract.py wrote')
    parser.add_argument(
        '--query',
        required=True,
        help='an image, a folder of images, or another store; the store '
        'itself finds for each image the others',
    )
    parser.add_argument('--out', required=True, metavar='DIR', help='for the results')
    parser.add_argument('--top', type=int, default=10, metavar='K', help='images a query')
    parser.add_argument(
        '--index',
        choices=['exact', 'faiss'],
        default='exact',
        help='exact: every feature is compared, from disk; faiss: an index, built once, in memory',
    )
    parser.add_argument(
        '--faiss-factory',
        metavar='NAME',
        help="faiss's name of the index (default: Flat for few images, else IVF<lists>,SQ8)",
    )
    parser.add_argument('--faiss-search', metavar='PARAMETERS', help='such as nprobe=64')
    parser.add_argument(
        '--cameras', type=int, nargs='+', metavar='C', help='search images of these, from 1'
    )
    parser.add_argument(
        '--other-cameras', action='store_true', help="leave out images of a query's own camera"
    )
    parser.add_argument('--pattern', help='what names of query images tell, as in extract.py')
    parser.add_argument(
        '--skip-corrupt',
        action='store_true',
        help='of a folder: decode every query first and leave out what cannot be',
    )
    parser.add_argument('--config', help="of the query images' encoder, if it was moved")
    parser.add_argument('--checkpoint', help='likewise')
    parser.add_argument('--cfg-options', nargs='+', action=KeyValueAction, metavar='KEY=VALUE')
    parser.add_argument('--root', help="where the gallery's images lie, if they were moved")
    parser.add_argument(
        '--show', type=count, default=8, metavar='N', help='queries to print and draw; 0: none'
    )
    parser.add_argument('--batch-size', type=int, default=128)
    parser.add_argument('--workers', type=int, default=0, help='processes that decode queries')
    return parser.parse_args(args)


def find(args: argparse.Namespace, store: FeatureStore, queries: Queries) -> tuple[TopK, dict]:
    """Top-k lists of the queries, and how they were searched."""
    if args.index == 'faiss':
        from reidgen.retrieval.faiss_index import FaissIndex

        if args.cameras or args.other_cameras:
            raise ValueError('a faiss index knows no cameras; search with --index exact')
        index = FaissIndex(store, args.faiss_factory, args.faiss_search)
        topk = index.search(queries.features, args.top, queries.own)
        return topk, dict(index=index.description, approximate=index.approximate)
    keep = kept_cameras(store, args.cameras) if args.cameras else None
    if args.other_cameras:
        topk = search_other_cameras(queries.features, queries.camids, store, args.top, keep)
    else:
        topk = search(queries.features, store, args.top, keep, queries.own)
    return topk, dict(index='exact', approximate=False)


def kept_cameras(store: FeatureStore, cameras: list[int]) -> np.ndarray:
    """(N,) bool: images of these cameras, numbered from 1 as in file names."""
    camids = store.labels()[1] + 1
    known = np.unique(camids[camids > 0]).tolist()
    unknown = sorted(set(cameras) - set(known))
    if unknown:
        raise ValueError(
            f'no image of {store.folder} is of camera {unknown}; there are images of '
            f'{known or "no known camera: extract them with a --pattern that has a group camid"}'
        )
    return np.isin(camids, cameras)


def write_report(args: argparse.Namespace) -> None:
    """Searches as the command line says; prints, draws and writes the ranked lists."""
    store = FeatureStore(args.store)
    queries = read_queries(
        args.query,
        store,
        args.config,
        args.checkpoint,
        args.cfg_options,
        args.pattern,
        args.batch_size,
        args.workers,
        skip_corrupt=args.skip_corrupt,
    )
    start = time.perf_counter()
    topk, how = find(args, store, queries)
    seconds = time.perf_counter() - start
    lists = report.ranked_lists(queries.records, topk, store, args.root)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    about = dict(
        store=str(store.folder),
        query=args.query,
        num_gallery=len(store),
        top=args.top,
        **how,
        cameras=args.cameras,
        other_cameras=args.other_cameras,
        checkpoint_sha256=store.manifest.encoder.checkpoint_sha256,
        seconds=seconds,
    )
    report.write_csv(lists, out / 'results.csv')
    report.write_json(lists, out / 'results.json', about)
    shown = lists[: args.show]
    if shown:
        print(report.as_text(shown))
    warning = ' (approximate: neighbours may be lost)' if how['approximate'] else ''
    print(
        f'{len(lists)} queries, {len(store)} gallery images, {seconds:.2f} s, '
        f'index {how["index"]}{warning}; in {out / "results.csv"}'
    )
    if shown:
        report.draw(shown, args.top, out / 'ranked_lists.png')


def main() -> None:
    args = parse_args()
    run(lambda: write_report(args), args.out)


if __name__ == '__main__':
    main()
