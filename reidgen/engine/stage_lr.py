"""Learning rate rules of a stage: the factor and the check of its arguments."""

import inspect
from typing import Any

from reidgen.choices import is_whole


def lr_factor(
    done: int,
    iters: int,
    *,
    scale: float = 1.0,
    warmup: int = 0,
    every: int | None = None,
    milestones: tuple[int, ...] | None = None,
    gamma: float | None = None,
    linear_from: int | None = None,
    floor: float = 0.0,
    unit: int = 1,
) -> float:
    """Factor on the initial learning rate at an iteration of a stage.

    Args:
        done: iterations of the stage that are done.
        iters: iterations of the stage.
        scale: factor throughout.
        warmup: iterations of a linear rise, from 1/warmup to 1.
        every: times `gamma` at each multiple of this many iterations.
        milestones: times `gamma` at each of these iterations.
        gamma: with `every` or `milestones`.
        linear_from: from this iteration on, a linear fall to 0 at the stage's end.
        floor: lowest factor, warm-up apart.
        unit: iterations between updates of the fall; 1: each iteration.

    Raises:
        ValueError: `gamma` without `every` or `milestones`, or either of them without `gamma`.
    """
    if (gamma is None) != (every is None and milestones is None):
        raise ValueError(
            f'an lr rule needs gamma together with every or milestones; got gamma={gamma}, '
            f'every={every}, milestones={milestones}'
        )
    factor = scale
    if every is not None:
        factor *= gamma ** (done // every)
    if milestones is not None:
        factor *= gamma ** sum(done >= milestone for milestone in milestones)
    if linear_from is not None and done >= linear_from:
        updated = linear_from + (done - linear_from) // unit * unit
        factor *= (iters - updated) / (iters - linear_from)
    factor = max(factor, floor)
    return factor * min(1.0, (done + 1) / warmup) if warmup else factor


# key of a rule -> its value where the rule does not name it
RULE_DEFAULTS: dict[str, Any] = {
    key: parameter.default
    for key, parameter in inspect.signature(lr_factor).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
}
LEAST = dict(warmup=0, every=1, linear_from=0, unit=1)  # whole numbers, and the lowest of each


def check_rule(rule: dict[str, Any], iters: int) -> None:
    """Raises ValueError for unusable values of a learning rate rule with known keys."""
    for key, value in rule.items():
        if key in LEAST:
            fits, wanted = is_whole(value, LEAST[key]), f'a whole number from {LEAST[key]}'
        elif key == 'milestones':
            fits = isinstance(value, list | tuple) and all(is_whole(each) for each in value)
            wanted = 'a list of whole numbers from 0'
        else:
            fits = isinstance(value, int | float) and value >= 0
            wanted = 'a number from 0'
        if not fits and value != RULE_DEFAULTS[key]:
            raise ValueError(f'{key} is {value!r}; set it to {wanted}')
    lr_factor(0, iters, **rule)
