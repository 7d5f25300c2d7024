"""Page of a table of trainings: docs/results/NAME.json of the scores measured so far."""

import statistics
from collections.abc import Sequence
from typing import Any

from tools.benchmarks.results_table import mean_and_deviation
from tools.benchmarks.table_plan import Row, Table

KEYS = ('mAP', 'rank1')  # of a cell
Scores = list[float] | None


def key_of(run: str, seed: int, camera_seed: int) -> str:
    """Name of a training, of its folder and of its record."""
    return f'{run}-seed{seed}-cameras{camera_seed}'


def page(table: Table, command: str, records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Content of the page, in the form of results_table.py.

    Args:
        records: by key_of(), each with config, commit, hardware, seconds and evaluations.
    """
    seeds = f"training {_numbers(table.seeds)} under the benchmark's cameras"
    if table.camera_seeds:
        others = _numbers(table.camera_seeds)
        seeds += f'; training {table.seeds[0]} under camera seeds {others}'
    measured = dict(
        config=list(dict.fromkeys(run.config for run in table.runs.values())),
        command=f'`{command}`',
        seed=seeds,
        hardware=_each_once(records, 'hardware'),
        commit=_each_once(records, 'commit'),
    )
    return dict(
        title=table.title,
        text=table.text,
        measured=measured,
        tables=[scores_table(table, records), times_table(table, records)],
    )


def scores_table(table: Table, records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Scores by seed, their mean, and by how much a row is above its control."""
    seeds = [f'seed {seed}' for seed in table.seeds]
    mean = dict(title='mean mAP', mean_of=seeds)
    cameras = [f'cameras {seed}' for seed in table.camera_seeds]
    found = {
        row.title: [scores(row, records, pair) for pair in table.seed_pairs()] for row in table.rows
    }
    rows = []
    for row in table.rows:
        cells = found[row.title]
        over = [] if row.control is None else differences(cells, found[row.control], len(seeds))
        rows.append(
            [
                row.title,
                *cells[: len(seeds)],
                row.control or '',
                signed(over),
                *cells[len(seeds) :],
            ]
        )
    return dict(
        text=['mAP / rank-1 in per cent.'],
        columns=['', *seeds, mean, 'control', 'mAP over control', *cameras],
        rows=rows,
        notes=[
            'Means with sample deviations over the training seeds under the benchmark\'s cameras; '
            'differences are taken seed by seed.'
        ],
    )  # fmt: skip


def times_table(table: Table, records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Minutes of each run, a mean over its trainings."""
    rows = []
    for run in table.runs.values():
        minutes = [
            records[key]['seconds'] / 60
            for key in (key_of(run.name, *pair) for pair in table.seed_pairs())
            if key in records
        ]
        shown = statistics.fmean(minutes) if minutes else None
        rows.append([run.name, run.config, len(minutes), shown])
    return dict(title='Trainings', columns=['run', 'config', 'trainings', 'minutes'], rows=rows)


def scores(row: Row, records: dict[str, dict[str, Any]], seeds: tuple[int, int]) -> Scores:
    """mAP and rank-1 of a row; None where it was not measured.

    Raises:
        ValueError: the training has no such evaluation.
    """
    key = key_of(row.run, *seeds)
    if key not in records:
        return None
    evaluations = records[key]['evaluations']
    there = [
        each['metrics']
        for each in evaluations
        if each['stage'] == row.stage and bool(each.get('before')) == row.before
    ]
    names = [row.prefix + name for name in KEYS]
    if not there or any(name not in there[-1] for name in names):
        there = [
            f'{each["stage"]}{" before it" if each.get("before") else ""} '
            f'({", ".join(each["metrics"])})'
            for each in evaluations
        ]
        raise ValueError(
            f'row {row.title!r}: {key} has no {", ".join(names)} of the stage {row.stage}'
            f'{" before it" if row.before else ""}; it has {"; ".join(there) or "no evaluation"}'
        )
    return [there[-1][name] for name in names]


def differences(cells: Sequence[Scores], control: Sequence[Scores], count: int) -> list[float]:
    """mAP above the control's for each of the first `count` seeds that both were measured with."""
    return [
        one[0] - other[0]
        for one, other in zip(cells[:count], control[:count])
        if one is not None and other is not None
    ]


def signed(values: list[float]) -> str:
    """Mean with its sign, and sample deviation; empty without values."""
    if not values:
        return ''
    text = mean_and_deviation(values, 1)
    return text if text.startswith('-') else f'+{text}'


def _each_once(records: dict[str, dict[str, Any]], field: str) -> list[str]:
    return sorted({record[field] for record in records.values()}) or ['not recorded']


def _numbers(seeds: Sequence[int]) -> str:
    return ', '.join(map(str, seeds))
