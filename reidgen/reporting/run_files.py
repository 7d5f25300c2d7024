"""What a training and its evaluation left in a work dir, as the report reads it."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reidgen.files import read_json
from reidgen.visualization.curves import read_scalars

from .queries import NAME as QUERIES
from .queries import ScoredQueries, read_queries

ACTIVATIONS = 'activations.png'  # of the command test
GRID = re.compile(r'(?P<series>.+)_(?P<iteration>\d+)')
Scalars = dict[str, tuple[np.ndarray, np.ndarray]]  # steps and values (K,) by name


class Picture(NamedTuple):
    """Picture that was drawn in the course of a training."""

    series: str  # a stage, or a bank and what was clustered
    iteration: int
    path: Path


class Run(NamedTuple):
    """Work dir of a training, of an evaluation, or of both."""

    folder: Path
    name: str
    config: str  # as text, '' where there is none
    evaluations: list[dict[str, Any]]  # of `RetrievalReportHook`
    baselines: dict[str, dict[str, dict[str, float]]]  # by stage and name
    scalars: Scalars
    grids: list[Picture]
    clusters: list[Picture]
    diagnostics: dict[str, Any] | None
    results: dict[str, Any] | None  # of the command test
    queries: ScoredQueries | None
    activations: Path | None
    adaptation: dict[str, Any] | None  # measures of the command adapt


def read_run(folder: str | Path) -> Run:
    """Reads a work dir; the newest log of each iteration counts, parts that are missing are empty.

    Args:
        folder: of a training, with the evaluation in its folder `test`, or of an evaluation alone.

    Raises:
        FileNotFoundError: no such folder, or nothing in it to report.
        ValueError: a file that cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(
            f'no folder {folder}: give the work dir of a training, such as work_dirs/gcl_synth'
        )
    tested = folder if (folder / 'results.json').is_file() else folder / 'test'
    queries, activations = tested / QUERIES, tested / ACTIVATIONS
    run = Run(
        folder,
        folder.resolve().name,
        _config(folder),
        _json(folder / 'evaluations.json') or [],
        _json(folder / 'baselines.json') or {},
        _scalars(folder),
        _pictures(folder / 'grids'),
        _pictures(folder / 'clusters'),
        _json(folder / 'diagnostics.json'),
        _json(tested / 'results.json'),
        read_queries(queries) if queries.is_file() else None,
        activations if activations.is_file() else None,
        _json(folder / 'adapt.json'),
    )
    if not (run.evaluations or run.scalars or run.results):
        raise FileNotFoundError(
            f'{folder} holds no log (*/vis_data/scalars.json), no evaluations.json and no '
            f'results.json: give the work dir of a training, or of the command test'
        )
    return run


def _json(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return read_json(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'{path} cannot be read: {error}') from error


def _config(folder: Path) -> str:
    files = sorted(folder.glob('*.py'), key=lambda path: path.stat().st_mtime)
    return files[-1].read_text() if files else ''


def _scalars(folder: Path) -> Scalars:
    """Scalars of all logs of a run; of a step logged twice, by a resumed run, the newest stays."""
    merged: dict[str, dict[int, float]] = {}
    for path in sorted(folder.glob('*/vis_data/scalars.json')):
        if path.stat().st_size == 0:
            continue
        for name, (steps, values) in read_scalars(path).items():
            merged.setdefault(name, {}).update(zip(steps.tolist(), values.tolist()))
    return {
        name: (np.array(sorted(points)), np.array([points[step] for step in sorted(points)]))
        for name, points in merged.items()
    }


def _pictures(folder: Path) -> list[Picture]:
    found = [(GRID.fullmatch(path.stem), path) for path in folder.glob('*.png')]
    pictures = [
        Picture(match['series'], int(match['iteration']), path) for match, path in found if match
    ]
    return sorted(pictures, key=lambda picture: (picture.iteration, picture.series))
