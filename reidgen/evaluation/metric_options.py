"""Checks of ReIDMetric's options."""

import inspect
from collections.abc import Callable, Sequence

from reidgen.evaluation.query_expansion import alpha_query_expansion
from reidgen.evaluation.rerank import rerank_distances


def check_ranks(ranks: Sequence[int]) -> None:
    """Raises ValueError unless the ranks are positive integers, one at least."""
    if not isinstance(ranks, Sequence) or isinstance(ranks, str) or not ranks:
        raise ValueError(f'ranks={ranks!r}: give a list of them, such as (1, 5, 10)')
    if not all(isinstance(rank, int) and rank >= 1 for rank in ranks):
        raise ValueError(f'ranks={ranks!r}: give whole numbers from 1 upwards, such as (1, 5, 10)')


def check_expansion(expansion: dict | None) -> None:
    """Raises ValueError for unknown arguments of `alpha_query_expansion`; None: no expansion."""
    if expansion is None:
        return
    settings = _with_defaults('expansion', expansion, alpha_query_expansion)
    check_number('expansion.k', settings['k'], 0)
    check_number('expansion.alpha', settings['alpha'], 0, whole=False)
    check_number('expansion.block', settings['block'], 1)


def check_rerank(rerank: dict | None) -> None:
    """Raises ValueError for unknown arguments of `rerank_distances`; None: no re-ranking."""
    if rerank is None:
        return
    settings = _with_defaults('rerank', rerank, rerank_distances)
    check_number('rerank.k1', settings['k1'], 1)
    check_number('rerank.k2', settings['k2'], 1, settings['k1'] + 1, ', k1 + 1')
    check_number('rerank.weight', settings['weight'], 0, 1, whole=False)


def _with_defaults(name: str, settings: dict, function: Callable) -> dict:
    """Settings completed by the function's defaults; features come before them.

    Raises:
        ValueError: it is no dict, or has a key that the function does not take.
    """
    defaults = {
        key: parameter.default
        for key, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not parameter.empty
    }
    if not isinstance(settings, dict):
        raise ValueError(
            f'{name}={settings!r}: give a dict of {", ".join(defaults)}, dict() for their '
            f'defaults, or None to leave it out'
        )
    for key in settings:
        if key not in defaults:
            raise ValueError(f'{name} takes no {key!r}; known: {", ".join(defaults)}')
    return defaults | settings


def check_number(
    name: str,
    value: float,
    low: int,
    high: float = float('inf'),
    why: str = '',
    whole: bool = True,
) -> None:
    """Raises ValueError for a value outside a closed range; `why` explains the upper bound."""
    kind = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kind) or not low <= value <= high:
        limits = f'from {low} upwards' if high == float('inf') else f'from {low} to {high}{why}'
        raise ValueError(f'{name}={value!r}: give a {"whole " if whole else ""}number {limits}')
