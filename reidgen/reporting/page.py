"""The page of a report: what is shown of one run, or of several side by side."""

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined, select_autoescape
from markupsafe import Markup

import reidgen
from reidgen.engine.diagnosis import CODES
from reidgen.files import write_text

from .curves import common_charts, loss_charts
from .embedding import Thumbnails, picture_uri
from .query_tables import changed, retrieval_context
from .run_files import Picture, Run, read_run

NAMES = dict(direct='direct transfer', adabn='AdaBN')  # of baselines
MAX_PICTURES = 12  # of a series of grids: evenly spaced, the last among them


class Row(NamedTuple):
    """Row of the table of evaluations."""

    what: str
    iteration: int | str
    metrics: dict[str, float]


class Series(NamedTuple):
    """Pictures of one stage in order of iterations."""

    name: str
    iterations: list[int]
    uris: list[str]


def write_report(folders: Sequence[str | Path], path: str | Path, num_queries: int = 60) -> None:
    """Writes a self-contained HTML page about one run, or several side by side.

    Args:
        folders: work dirs.
        path: of the page; its folder is made.
        num_queries: whose ranked lists are shown with pictures; the others are listed as text.

    Raises:
        FileNotFoundError: no such work dir, or one with nothing to report.
        ValueError: a file that cannot be read, or one work dir given twice.
    """
    _check_each_once(folders)
    runs = _with_names([read_run(folder) for folder in folders])
    thumbnails = Thumbnails()
    environment = Environment(
        autoescape=select_autoescape(['html']), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    here = files(__package__)
    template = environment.from_string((here / 'page.html').read_text())
    context: dict[str, Any] = dict(
        title=' and '.join(run.name for run in runs),
        version=reidgen.__version__,
        date=f'{datetime.now():%Y-%m-%d %H:%M}',
        style=Markup((here / 'page.css').read_text()),
        script=Markup((here / 'page.js').read_text()),
        runs=[run_context(run) for run in runs],
        charts=common_charts(runs),
        losses=loss_charts(runs),
        retrieval=[
            retrieval_context(run.name, run.queries, thumbnails, num_queries)
            for run in runs
            if run.queries
        ],
    )
    changes = [changed(runs[0], run, thumbnails) for run in runs[1:]]
    context['changes'] = [each for each in changes if each]
    context.update(thumbnails=thumbnails.found(), num_missing=thumbnails.num_missing)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_text(path, template.render(context))


def _check_each_once(folders: Sequence[str | Path]) -> None:
    seen: dict[Path, str | Path] = {}
    for folder in folders:
        resolved = Path(folder).resolve()
        if resolved in seen:
            raise ValueError(
                f'{seen[resolved]} and {folder} are one folder; give each work dir once'
            )
        seen[resolved] = folder


def _with_names(runs: list[Run]) -> list[Run]:
    """Runs, of which those of one name are told apart by their folders."""
    names = [run.name for run in runs]
    return [
        run if names.count(run.name) == 1 else run._replace(name=str(run.folder)) for run in runs
    ]


def run_context(run: Run) -> dict[str, Any]:
    """Tables and pictures of one run."""
    rows = evaluation_rows(run)
    fired = (run.diagnostics or {}).get('fired', [])
    return dict(
        name=run.name,
        folder=str(run.folder),
        rows=rows,
        columns=list(dict.fromkeys(key for row in rows for key in row.metrics)),
        results=run.results,
        adaptation=adaptation_context(run.adaptation),
        verdict=(run.diagnostics or {}).get('verdict'),
        error=(run.diagnostics or {}).get('error'),
        fired=[dict(each, about=CODES[each['code']].advice) for each in fired],
        grids=picture_series(run.grids),
        clusters=picture_series(run.clusters),
        activations=picture_uri(run.activations) if run.activations else None,
        config=run.config,
    )


def adaptation_context(found: dict[str, Any] | None) -> dict[str, Any] | None:
    """Measures of the command adapt, and what it says beside them."""
    if found is None:
        return None
    told = tuple(f'{row["name"]}:' for row in found['measures'])
    lines = [line for line in found['text'] if not line.startswith(told)]
    return dict(measures=found['measures'], text=lines)


def evaluation_rows(run: Run) -> list[Row]:
    """Baselines before the stage that they were measured for, and evaluations in order."""
    rows, waiting = [], dict(run.baselines)

    def baselines_of(stage: str) -> list[Row]:
        found = waiting.pop(stage, {}).items()
        return [Row(NAMES.get(name, name), f'before {stage}', plain(m)) for name, m in found]

    for each in run.evaluations:
        rows += baselines_of(each['stage'])
        if not each['before']:
            title = each.get('title') or each['stage']
            rows.append(Row(title, each['iter'], plain(each['metrics'])))
            adapted = plain(each['metrics'], 'adabn')
            rows += [Row(f'{title}, AdaBN', each['iter'], adapted)] * bool(adapted)
    for stage in list(waiting):
        rows += baselines_of(stage)
    if run.results:
        rows += tested_rows(run.results)
    return rows


def tested_rows(results: dict[str, Any]) -> list[Row]:
    """Rows of the command test, one a loader."""
    name = Path(results.get('checkpoint') or 'the networks as they start').name
    settings = ['AdaBN'] * bool(results.get('adabn')) + ['re-ranked'] * (
        results.get('rerank') is not None
    )
    loaders = {', '.join(settings): results} | results.get('others', {})
    return [
        Row(
            f'tested: {name}' + (f', {NAMES.get(loader, loader)}' if loader else ''),
            '',
            {key: value for key, value in metrics.items() if isinstance(value, float)},
        )
        for loader, metrics in loaders.items()
    ]


def plain(metrics: dict[str, float], family: str = '') -> dict[str, float]:
    """Metrics of one loader, without its name: '' is the first one's, 'adabn' with AdaBN."""
    parts = {key.rpartition('/')[::2]: value for key, value in metrics.items()}
    return {key: value for (name, key), value in parts.items() if name == family}


def picture_series(pictures: Sequence[Picture]) -> list[Series]:
    """Pictures by series, at most MAX_PICTURES of each."""
    series: dict[str, list[Picture]] = {}
    for picture in pictures:
        series.setdefault(picture.series, []).append(picture)
    found = []
    for name, all_of in series.items():
        num = min(MAX_PICTURES, len(all_of))
        chosen = [all_of[(number + 1) * len(all_of) // num - 1] for number in range(num)]
        uris = [picture_uri(picture.path) for picture in chosen]
        found.append(Series(name, [picture.iteration for picture in chosen], uris))
    return found
