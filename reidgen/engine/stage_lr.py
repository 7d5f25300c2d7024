"""Learning rate rules of a stage: one pure function."""


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
    """Factor of the initial learning rate at an iteration of a stage.

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
