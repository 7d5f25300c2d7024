"""Search of features on disk: the subcommand `search`."""

import argparse
import time
from pathlib import Path

import numpy as np

from reidgen.retrieval import FeatureStore, report
from reidgen.retrieval.queries import Queries, read_queries
from reidgen.retrieval.search import search, search_other_cameras
from reidgen.retrieval.topk import TopK


def find(args: argparse.Namespace, store: FeatureStore, queries: Queries) -> tuple[TopK, dict]:
    """Top-k lists of the queries, and a description of the search."""
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


def kept_cameras(store: FeatureStore, cameras: list[str]) -> np.ndarray:
    """Mask (N,) bool of the images of these cameras, by name or by number as in file names."""
    camids = store.labels()[1]
    name = store.manifest.encoder.camera_name
    known = {name(camid): camid for camid in np.unique(camids[camids >= 0]).tolist()}
    unknown = sorted(set(cameras) - set(known))
    if unknown:
        there = ', '.join(known) or (
            'no known camera: extract them with a --pattern that has a group camid'
        )
        raise ValueError(
            f'no image of {store.folder} is of camera {", ".join(unknown)}; there are images of '
            f'{there}'
        )
    return np.isin(camids, [known[camera] for camera in cameras])


def run(args: argparse.Namespace) -> None:
    """Searches the store; prints, draws and writes the ranked lists."""
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
        camera=args.camera,
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
