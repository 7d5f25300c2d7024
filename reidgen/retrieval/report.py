"""Report of a search: ranked lists as text, CSV, JSON and a picture."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from reidgen.datasets.records import Record
from reidgen.files import write_text, written_whole
from reidgen.visualization.ranked_lists import Cell, draw_lines, read_picture

from .feature_store import FeatureStore
from .image_list import ERRORS, UTF_8
from .topk import TopK

COLUMNS = ('query', 'rank', 'path', 'row', 'distance', 'pid', 'camid', 'camera', 'kind')


class Hit(NamedTuple):
    """Gallery image in a ranked list."""

    rank: int  # from 1
    path: str
    row: int  # of the store
    distance: float  # squared Euclidean, 2 - 2 cosine
    pid: int  # -1: unknown
    camid: int  # from 0; -1: unknown
    camera: str  # name: the model's, or the number in file names; '': unknown
    kind: str  # 'match' or 'miss' where both pids are known, else 'unknown'


class RankedList(NamedTuple):
    """A query and its top gallery images, nearest first."""

    query: Record
    hits: list[Hit]
    camera: str  # name of the query's; '': unknown


def ranked_lists(
    queries: Sequence[Record], topk: TopK, store: FeatureStore, root: str | Path | None = None
) -> list[RankedList]:
    """Ranked list of each query, with paths, identities and cameras.

    Args:
        root: where the gallery's images lie now; None: where they lay at extraction.
    """
    root = Path(root or store.manifest.root)
    camera_name = store.manifest.encoder.camera_name
    records = store.records(set(topk.rows.flatten().tolist()) - {-1})
    lists = []
    for query, rows, distances in zip(queries, topk.rows.tolist(), topk.distances.tolist()):
        hits = [
            _hit(query, rank, row, distance, records[row], root, camera_name)
            for rank, (row, distance) in enumerate(zip(rows, distances), start=1)
            if row >= 0
        ]
        lists.append(RankedList(query, hits, camera_name(query.camid)))
    return lists


def _hit(
    query: Record,
    rank: int,
    row: int,
    distance: float,
    record: Record,
    root: Path,
    camera_name: Callable[[int], str],
) -> Hit:
    kind = 'match' if record.pid == query.pid else 'miss'
    if -1 in (record.pid, query.pid):
        kind = 'unknown'
    path = str(root / record.path)
    camera = camera_name(record.camid)
    return Hit(rank, path, row, distance, record.pid, record.camid, camera, kind)


def as_text(lists: Sequence[RankedList]) -> str:
    """Text with a line for each query and hit; bytes of a name that are no UTF-8 as `?`."""
    lines = []
    for query, hits, camera in lists:
        lines.append(f'{query.path}{_person(query.pid, camera)}')
        lines += [
            f'{hit.rank:5d}  {hit.distance:.4f}  {hit.path}{_person(hit.pid, hit.camera)}'
            + ('' if hit.kind == 'unknown' else f'  {hit.kind}')
            for hit in hits
        ]
    return '\n'.join(lines).encode(UTF_8, 'replace').decode(UTF_8)


def _person(pid: int, camera: str) -> str:
    return ('' if pid == -1 else f'  pid {pid}') + (camera and f'  c{camera}')


def write_csv(lists: Sequence[RankedList], path: Path) -> None:
    """Writes a CSV row for each hit, with COLUMNS."""
    with (
        written_whole(path) as part,
        open(part, 'w', newline='', encoding=UTF_8, errors=ERRORS) as file,
    ):
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for query, hits, _ in lists:
            writer.writerows(
                [query.path, hit.rank, hit.path, hit.row, f'{hit.distance:.9f}', *hit[4:]]
                for hit in hits
            )


def write_json(lists: Sequence[RankedList], path: Path, about: dict) -> None:
    """Writes JSON with `about` the search and `ranked_lists`, an object for each query."""
    listed = [
        dict(each.query._asdict(), camera=each.camera, hits=[hit._asdict() for hit in each.hits])
        for each in lists
    ]
    write_text(path, json.dumps(dict(about, ranked_lists=listed), indent=1) + '\n')


def draw(lists: Sequence[RankedList], top: int, path: Path) -> None:
    """Draws the lists: matches green, misses red, unknown identities dark.

    Raises:
        FileNotFoundError: an image is not where it was.
    """
    for image in [
        path for query, hits, _ in lists for path in (query.path, *(h.path for h in hits))
    ]:
        if not Path(image).is_file():
            raise FileNotFoundError(
                f'no image {image} to draw: say where the images lie with --root, or draw none '
                f'with --show 0'
            )
    lines = [
        [_cell(query, camera, 'query', 'query')]
        + [_cell(hit, hit.camera, hit.kind, f'{hit.distance:.3f}') for hit in hits]
        for query, hits, camera in lists
    ]
    draw_lines(lines, top, path)


def _cell(image: Record | Hit, camera: str, kind: str, otherwise: str) -> Cell:
    caption = otherwise if image.pid == -1 else f'{image.pid}{camera and f" c{camera}"}'
    return Cell(lambda: read_picture(image.path), kind, caption)
