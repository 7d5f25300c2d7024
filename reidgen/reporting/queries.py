"""Scores and ranked list of each query of an evaluation, as a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from reidgen.datasets.records import Record
from reidgen.evaluation.metric import Evaluated
from reidgen.files import read_json, write_json

NAME = 'queries.json'
FORMAT = 1


class RankedImage(NamedTuple):
    """Gallery image of a ranked list."""

    image: Record
    kind: str  # 'match', 'miss' or 'junk'
    distance: float  # as ranked: squared Euclidean, or re-ranked


class ScoredQuery(NamedTuple):
    """Query with its scores and its ranked list."""

    image: Record
    ap: float  # in [0, 1]
    first_match: int  # rank, from 1
    ranked: list[RankedImage]  # nearest first


class ScoredQueries(NamedTuple):
    """Queries of an evaluation."""

    dataset: str
    settings: str  # protocol, AdaBN, re-ranking
    cmc: np.ndarray  # (K,) in [0, 1], rank 1 first
    queries: list[ScoredQuery]
    num_skipped: int  # queries without a match, which are in no score


def write_queries(
    path: str | Path,
    evaluated: Evaluated,
    records: Sequence[Record],
    gallery_start: int,
    dataset: str,
    settings: str,
) -> None:
    """Writes the queries of an evaluation of which every query's list was kept.

    Args:
        records: of all rows, queries first.
        gallery_start: row of the first gallery image; 0 where one set is compared with itself.
        dataset, settings: of `ScoredQueries`.
    """
    result = evaluated.result
    images: dict[int, int] = {}  # row to its place in the file

    def place(row: int) -> int:
        return images.setdefault(row, len(images))

    queries = [
        dict(
            image=place(ranked.query),
            ap=float(result.ap[ranked.query]),
            first_match=int(result.first_match[ranked.query]),
            ranked=[
                [place(gallery_start + row), kind, round(distance, 5)]
                for row, kind, distance in zip(
                    ranked.gallery.tolist(), ranked.flags, ranked.distances.tolist()
                )
            ],
        )
        for ranked in evaluated.lists
        if not np.isnan(result.ap[ranked.query])
    ]
    content = dict(
        format=FORMAT,
        dataset=dataset,
        settings=settings,
        num_skipped=result.num_skipped,
        cmc=result.cmc.tolist(),
        images=[[records[row].path, records[row].pid, records[row].camid] for row in images],
        queries=queries,
    )
    write_json(path, content, compact=True)


def read_queries(path: str | Path) -> ScoredQueries:
    """Queries of a file of `write_queries`.

    Raises:
        ValueError: it is not one, or of another format.
    """
    try:
        content = read_json(Path(path).read_bytes())
        if content['format'] != FORMAT:
            raise ValueError(f'format {content["format"]!r}, and this version reads {FORMAT}')
        images = [Record(*image) for image in content['images']]
        queries = [
            ScoredQuery(
                images[query['image']],
                query['ap'],
                query['first_match'],
                [RankedImage(images[image], *rest) for image, *rest in query['ranked']],
            )
            for query in content['queries']
        ]
        return ScoredQueries(
            content['dataset'],
            content['settings'],
            np.array(content['cmc']),
            queries,
            content['num_skipped'],
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(
            f'{path} is no list of scored queries ({type(error).__name__}: {error}); write it '
            f'anew with the command test'
        ) from error
