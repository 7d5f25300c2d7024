"""Queries of an evaluation as a report shows them: by camera, and each with its ranked list."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reidgen.spacing import evenly_spaced

from .charts import PERCENT
from .embedding import Thumbnails
from .queries import ScoredQueries, ScoredQuery
from .run_files import Run

NUM_CHANGED = 10  # queries shown that became better, and that became worse


def retrieval_context(
    name: str, scored: ScoredQueries, thumbnails: Thumbnails, num_queries: int
) -> dict[str, Any]:
    """Queries of a run's evaluation: by camera, and each with its list, the worst first."""
    counted = sorted(scored.queries, key=lambda query: query.ap)
    for query in shown_queries(counted, num_queries):
        thumbnails.add([query.image.path, *(each.image.path for each in query.ranked)])
    return dict(
        name=name,
        dataset=scored.dataset,
        settings=scored.settings,
        num_skipped=scored.num_skipped,
        cameras=camera_rows(counted),
        queries=[
            dict(
                path=query.image.path,
                pid=query.image.pid,
                camera=query.image.camid + 1,
                ap=round(PERCENT * query.ap, 1),
                first=query.first_match,
                ranked=[
                    [e.image.path, e.image.pid, e.image.camid + 1, e.kind, round(e.distance, 3)]
                    for e in query.ranked
                ],
            )
            for query in counted
        ],
    )


def shown_queries(counted: Sequence[ScoredQuery], num: int) -> list[ScoredQuery]:
    """Queries with pictures, from all by rising AP: a half of them the worst, a quarter the best,
    the others evenly spaced between."""
    if num >= len(counted):
        return list(counted)
    worst, best = num // 2, num // 4
    middle = counted[worst : len(counted) - best]
    spaced = num - worst - best
    return [
        *counted[:worst],
        *(middle[row] for row in evenly_spaced(len(middle), spaced)),
        *counted[len(counted) - best :],
    ]


def camera_rows(counted: Sequence[ScoredQuery]) -> list[dict[str, float]]:
    """Number of queries, mAP and rank-1 in per cent of each camera of the queries."""
    rows = []
    for camid in sorted({query.image.camid for query in counted}):
        own = [query for query in counted if query.image.camid == camid]
        rows.append(
            dict(
                camera=camid + 1,
                num=len(own),
                mAP=PERCENT * float(np.mean([query.ap for query in own])),
                rank1=PERCENT * float(np.mean([query.first_match == 1 for query in own])),
            )
        )
    return rows


def changed(first: Run, second: Run, thumbnails: Thumbnails) -> dict[str, Any] | None:
    """Queries whose AP changed most from one run to another; None: they have no query in common."""
    if first.queries is None or second.queries is None:
        return None
    before = {query.image.path: query.ap for query in first.queries.queries}
    after = {query.image.path: query.ap for query in second.queries.queries}
    paths = [path for path in before if path in after]
    if not paths:
        return None
    paths.sort(key=lambda path: before[path] - after[path])  # the most improved first
    gains = PERCENT * np.array([after[path] - before[path] for path in paths])
    shown = paths
    if len(paths) > 2 * NUM_CHANGED:
        shown = paths[:NUM_CHANGED] + paths[-NUM_CHANGED:]
    thumbnails.add(shown)
    return dict(
        first=first.name,
        second=second.name,
        num=len(paths),
        better=int((gains >= 1).sum()),
        worse=int((gains <= -1).sum()),
        rows=[
            dict(path=path, before=PERCENT * before[path], after=PERCENT * after[path])
            for path in shown
        ],
    )
