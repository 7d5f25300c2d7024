"""Queries of an evaluation as a report shows them: by camera, and each with its ranked list."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .charts import PERCENT
from .embedding import Thumbnails
from .queries import ScoredQueries, ScoredQuery
from .run_files import Run

NUM_CHANGED = 10  # queries shown that became better, and that became worse


def retrieval_context(
    name: str, scored: ScoredQueries, thumbnails: Thumbnails, num_queries: int
) -> dict[str, Any]:
    """Queries of a run's evaluation: by camera, and each with its list, the worst first."""
    counted = sorted((q for q in scored.queries if q.ap is not None), key=lambda q: q.ap)
    for query in shown_queries(counted, num_queries):
        thumbnails.add([query.image.path, *(each.image.path for each in query.ranked)])
    return dict(
        name=name,
        dataset=scored.dataset,
        settings=scored.settings,
        num_skipped=len(scored.queries) - len(counted),
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
        *(middle[number * len(middle) // spaced] for number in range(spaced)),
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
    if not first.queries or not second.queries:
        return None
    before, after = (
        {query.image.path: query.ap for query in run.queries.queries if query.ap is not None}
        for run in (first, second)
    )
    rows = [
        dict(path=path, before=PERCENT * before[path], after=PERCENT * after[path])
        for path in before
        if path in after
    ]
    if not rows:
        return None
    rows.sort(key=lambda row: row['before'] - row['after'])  # the most improved first
    differences = np.array([row['after'] - row['before'] for row in rows])
    shown = rows if len(rows) <= 2 * NUM_CHANGED else rows[:NUM_CHANGED] + rows[-NUM_CHANGED:]
    thumbnails.add([row['path'] for row in shown])
    return dict(
        first=first.name,
        second=second.name,
        num=len(rows),
        better=int((differences >= 1).sum()),
        worse=int((differences <= -1).sum()),
        rows=shown,
    )
