"""Charts of a report: what is in which, of one run or of several in one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from reidgen.engine.diagnosis import Objective
from reidgen.engine.diagnosis.log_terms import adversaries

from . import charts
from .run_files import Run, Scalars


class Chart(NamedTuple):
    """Chart with its heading."""

    title: str
    svg: Markup


def common_charts(runs: Sequence[Run]) -> list[Chart]:
    """mAP over iterations, CMC and histogram of AP, all runs in one."""
    found = []
    evaluated = {
        run.name: [(each['iter'], each['metrics']['mAP']) for each in run.evaluations]
        for run in runs
        if run.evaluations and 'mAP' in run.evaluations[0]['metrics']
    }
    if any(len(points) > 1 for points in evaluated.values()):
        found.append(Chart('mAP over iterations', Markup(charts.evaluation_chart(evaluated))))
    queries = {run.name: run.queries for run in runs if run.queries}
    if queries:
        cmcs = {name: each.cmc for name, each in queries.items()}
        aps = {name: [query.ap for query in each.queries] for name, each in queries.items()}
        found.append(Chart('CMC', Markup(charts.cmc_chart(cmcs))))
        found.append(Chart('average precision of the queries', Markup(charts.ap_chart(aps))))
    return found


def loss_charts(runs: Sequence[Run]) -> list[Chart]:
    """Curves of what was logged, a chart for each family of terms; several runs in one."""
    families: dict[str, dict[str, charts.Curve]] = {}
    for run in runs:
        for name, curve in run.scalars.items():
            title = family(name)
            if title:
                label = name if len(runs) == 1 else f'{run.name}: {name}'
                families.setdefault(title, {})[label] = curve
    found = [Chart(title, Markup(charts.loss_chart(each))) for title, each in families.items()]
    for run in runs:
        told = (run.diagnostics or {}).get('objective')
        if told is None:
            continue
        discriminators = discriminator_losses(run.scalars, Objective(**told))
        if discriminators:
            levels = {'a guess': told['guess']}
            if told['floor'] is not None:
                levels['the least'] = told['floor']
            title = f'loss of the discriminators, {told["mode"]}: {run.name}'
            found.append(Chart(title, Markup(charts.loss_chart(discriminators, levels))))
    return found


def family(name: str) -> str | None:
    """Heading of the chart that a logged scalar belongs to; None: it is in no chart."""
    phase, _, term = name.rpartition('/')
    if phase.startswith(('diagnostics', 'clusters')):
        return phase
    if term.endswith('.lr') or term == 'lr':
        return 'learning rates'
    kind = term.partition('.')[0]
    if kind == 'loss' and phase:
        return f'{phase}: weighed sum of losses'
    if kind.startswith('loss_'):
        return f'{phase}: {kind.removeprefix("loss_")}'
    return None


def discriminator_losses(scalars: Scalars, objective: Objective) -> charts.Curves:
    """Loss (real + fake) of each discriminator over iterations, as its objective counts it."""
    points: dict[str, tuple[list[int], list[float]]] = {}
    logged: dict[int, dict[str, float]] = {}
    for name, (steps, values) in scalars.items():
        if '/loss_adv.' in name:
            for step, value in zip(steps.tolist(), values.tolist()):
                logged.setdefault(step, {})[name] = value
    for step in sorted(logged):
        for each in adversaries(logged[step], objective):
            steps, values = points.setdefault(each.where, ([], []))
            steps.append(step)
            values.append(each.d_loss)
    return {name: (np.array(steps), np.array(values)) for name, (steps, values) in points.items()}
