"""Plots of CMC curves, of training losses and of the diagnosis of adversarial trainings."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from mmengine.logging import print_log

from reidgen.files import written_whole

if TYPE_CHECKING:  # a second to import, which a training need not wait for
    from matplotlib.figure import Figure

MAX_RANK = 20  # of a CMC curve

# the object-oriented interface throughout: pyplot holds global state and may need a screen


def draw_cmc(results: Mapping[str, np.ndarray], path: str | Path) -> None:
    """Draws CMC curves, one a name: the share of queries with a match at rank k or before.

    Args:
        results: name to (K,) CMC in [0, 1], rank 1 first; K may differ. MAX_RANK are shown.
        path: written in the format of its suffix.

    Raises:
        ValueError: no curve, or one that is not a vector within [0, 1].
    """
    if not results:
        raise ValueError('no CMC curve to draw: give at least one name and its array')
    figure, axes = _figure(1)
    for name, cmc in results.items():
        cmc = np.asarray(cmc)
        if cmc.ndim != 1 or not ((cmc >= 0) & (cmc <= 1)).all():
            raise ValueError(
                f'the CMC of {name} must be a vector within [0, 1]; its shape is '
                f'{cmc.shape}; percentages must be divided by 100'
            )
        shown = cmc[:MAX_RANK]
        axes[0].plot(
            np.arange(1, len(shown) + 1),
            100 * shown,
            marker='.',
            label=f'{name} (rank-1 {100 * cmc[0]:.1f} %)',
        )
    axes[0].set(xlabel='rank', ylabel='queries matched (%)', xlim=(1, MAX_RANK))
    axes[0].locator_params('x', integer=True)
    axes[0].legend(loc='lower right')
    _save(figure, path)


def draw_loss_curves(
    scalars: str | Path, path: str | Path, keys: Sequence[str] | None = None
) -> None:
    """Draws the logged losses of a run over iterations, a plot for each phase.

    Args:
        scalars: mmengine's log, `vis_data/scalars.json` of the work dir: one JSON object a line.
        path: written in the format of its suffix.
        keys: terms to draw, as logged ('G/loss_recon.t2t'); None takes all that hold the word loss.

    Raises:
        FileNotFoundError: no such log.
        ValueError: a line that is no JSON, a key that was never logged, or no loss at all.
    """
    curves = read_scalars(scalars)
    if keys is None:
        keys = [key for key in curves if 'loss' in key]
    unknown = [key for key in keys if key not in curves]
    if unknown or not keys:
        raise ValueError(
            f'{scalars} logs no {", ".join(unknown) or "loss"}; '
            f'it has: {", ".join(curves) or "nothing"}'
        )
    phases: dict[str, list[str]] = {}
    for key in keys:
        phases.setdefault(key.rpartition('/')[0], []).append(key)
    figure, all_axes = _figure(len(phases))
    for axes, (phase, terms) in zip(all_axes, phases.items()):
        for term in terms:
            steps, values = curves[term]
            axes.plot(
                steps,
                values,
                label=term.rpartition('/')[2],
                linewidth=1,
                marker='.' if len(steps) == 1 else None,
            )
        axes.set(title=phase, xlabel='iteration', ylabel='loss')
        axes.legend(fontsize='small')
    _save(figure, path)


def draw_diagnostics(
    curves: Mapping[str, Mapping[str, Sequence[float]]],
    fired: Sequence[tuple[int, str]],
    path: str | Path,
) -> None:
    """Draws the curves of an adversarial training: a plot each for the losses, the gap of the
    discriminators' outputs, k, the balance, the diversity rho and the change of fixed images.

    Args:
        curves: name such as 'D/Dt.d_loss', 'BEGAN.k' or 'rho.s2t' to its points,
            dict(iter=..., value=...).
        fired: iterations and codes, drawn as vertical lines.
        path: written in the format of its suffix.

    Raises:
        ValueError: no curve.
    """
    plots: dict[str, list[str]] = {}
    for name in curves:
        first, last = name.partition('.')[0], name.rpartition('.')[2]
        title = first if first in ('rho', 'motion') else last
        title = 'loss' if title in ('d_loss', 'g_loss', 'd_fake', 'M') else title
        plots.setdefault(title, []).append(name)
    if not plots:
        raise ValueError('no curve to draw: nothing was evaluated')
    figure, all_axes = _figure(len(plots))
    for axes, (title, names) in zip(all_axes, sorted(plots.items())):
        for name in names:
            axes.plot(curves[name]['iter'], curves[name]['value'], label=name, linewidth=1)
        for iteration, code in fired:
            axes.axvline(iteration, color='red', linewidth=0.8, linestyle=':')
            if axes is all_axes[0]:
                axes.text(iteration, 0.99, code, rotation=90, fontsize='xx-small', va='top',
                          transform=axes.get_xaxis_transform())  # fmt: skip
        axes.set(title=title, xlabel='iteration')
        axes.legend(fontsize='small')
    _save(figure, path)


def read_scalars(path: str | Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Logged scalars by name, as steps and values (K,), sorted by step.

    Of a step logged twice the later line stays: a run that is resumed may append to its log. What
    is no number is passed over, and so is, with a warning, a last line that a kill or a full disk
    has cut short.

    Raises:
        FileNotFoundError: no such log.
        ValueError: another line that is no JSON object or has no step.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'no log {path}; it is vis_data/scalars.json in the work dir of a '
            f'run with a LocalVisBackend'
        )
    curves: dict[str, dict[int, float]] = {}
    text = Path(path).read_text()
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            step = int(values['step'])
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            torn = isinstance(error, json.JSONDecodeError) and not text.endswith('\n')
            if torn and number == len(lines):
                told = f'{path}, line {number}, the last, is incomplete and is passed over'
                print_log(told, 'current', logging.WARNING)
                break
            raise ValueError(
                f'{path}, line {number}: no JSON object with a step: {line[:60]!r}; is this a '
                f'scalars.json, and was it written to the end?'
            ) from error
        for key, value in values.items():
            if key not in ('step', 'iter', 'epoch') and isinstance(value, int | float):
                curves.setdefault(key, {})[step] = value
    return {
        key: (np.array(sorted(points)), np.array([points[step] for step in sorted(points)]))
        for key, points in curves.items()
    }


def _figure(num_axes: int) -> tuple['Figure', list]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # margins and gaps in inches; a layout that is worked out draws all text twice
    width, height, left, bottom, top, gap = 7, 4.5 * num_axes, 0.8, 0.6, 0.4, 1.0
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        num_axes,
        squeeze=False,
        gridspec_kw=dict(
            left=left / width,
            right=0.97,
            bottom=bottom / height,
            top=1 - top / height,
            hspace=gap / (4.5 - gap),
        ),
    )[:, 0]
    for each in axes:
        each.grid(alpha=0.3)
    return figure, list(axes)


def _save(figure: 'Figure', path: str | Path) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as part:
        figure.savefig(part, dpi=120, format=Path(path).suffix.removeprefix('.') or 'png')
