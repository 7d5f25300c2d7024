"""Charts of a report as inline SVG."""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_POINTS = 300  # of a curve; more are averaged in blocks
MAX_RANK = 20  # of a CMC curve
SIZE = (7.0, 3.2)  # inches
PERCENT = 100.0

Curve = tuple[np.ndarray, np.ndarray]  # steps and values (K,)
Curves = Mapping[str, Curve]  # by name


def loss_chart(curves: Curves, levels: Mapping[str, float] | None = None) -> str:
    """Curves over iterations; `levels` are drawn as dotted lines with their names."""
    figure, axes = _figure()
    for name, (steps, values) in curves.items():
        steps, values = thinned(steps), thinned(values)
        axes.plot(steps, values, linewidth=1, label=name, marker='.' if len(steps) == 1 else None)
    for name, level in (levels or {}).items():
        axes.axhline(level, color='black', linewidth=0.8, linestyle=':')
        axes.annotate(name, (1, level), xycoords=('axes fraction', 'data'), ha='right',
                      va='bottom', fontsize='x-small')  # fmt: skip
    axes.set(xlabel='iteration')
    axes.ticklabel_format(axis='y', scilimits=(-2, 4))  # longer numbers would be cut
    axes.legend(fontsize='x-small', ncols=2)
    return _svg(figure)


def thinned(values: np.ndarray) -> np.ndarray:
    """Means (at most MAX_POINTS,) of equal blocks of values (K,), the last one shorter."""
    block = -(-len(values) // MAX_POINTS)
    starts = np.arange(0, len(values), block)
    return np.add.reduceat(values, starts) / np.diff([*starts, len(values)])


def cmc_chart(cmcs: Mapping[str, np.ndarray]) -> str:
    """CMC curves in per cent, from (K,) shares in [0, 1], rank 1 first."""
    figure, axes = _figure()
    for name, cmc in cmcs.items():
        shown = PERCENT * cmc[:MAX_RANK]
        axes.plot(np.arange(1, len(shown) + 1), shown, marker='.', label=name)
    axes.set(xlabel='rank', ylabel='queries matched (%)')
    axes.locator_params('x', integer=True)
    axes.legend(fontsize='small')
    return _svg(figure)


def ap_chart(aps: Mapping[str, Sequence[float]]) -> str:
    """Histograms of average precision, from lists of values in [0, 1]."""
    figure, axes = _figure()
    values = [PERCENT * np.asarray(each) for each in aps.values()]
    axes.hist(values, bins=[*range(0, 101, 5)], label=list(aps))
    axes.set(xlabel='average precision (%)', ylabel='queries')
    if len(aps) > 1:
        axes.legend(fontsize='small')
    return _svg(figure)


def evaluation_chart(rows: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """mAP in per cent over iterations, one line a run."""
    figure, axes = _figure()
    for name, points in rows.items():
        axes.plot(*zip(*points), marker='.', label=name)
    axes.set(xlabel='iteration', ylabel='mAP (%)')
    axes.legend(fontsize='small')
    return _svg(figure)


def _figure() -> tuple['Figure', 'Axes']:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE)
    FigureCanvasSVG(figure)
    axes = figure.add_axes((0.09, 0.15, 0.89, 0.77))
    axes.grid(alpha=0.3)
    return figure, axes


def _svg(figure: 'Figure') -> str:
    """SVG element without XML head, as wide as its place on the page."""
    import matplotlib as mpl

    text = io.StringIO()
    # text as text is smaller and can be searched; a salt makes the ids the same each time
    with mpl.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': 'reidgen'}):
        figure.savefig(text, format='svg', metadata=dict(Date=None))
    return text.getvalue().partition('<svg')[1] + text.getvalue().partition('<svg')[2]
