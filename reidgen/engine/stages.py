"""Stages of a training: a pure function of the iteration, so resuming needs no state."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from typing import Any


@dataclass(frozen=True)
class Stage:
    """A run of iterations with its own phases, loaders, weights and learning rates.

    Args:
        name: of the stage; its last checkpoint is `stage_<name>.pth`.
        iters: number of iterations.
        phases: names of the phases that run; None: all.
        loaders: names of the training loaders that are drawn; None: all.
        frozen: networks that neither move nor update batch-norm statistics.
        loss_weights: families weighed otherwise than in the model; 0: off.
        lr: rule of a group's learning rate by group name, see `stage_lr.lr_factor`.
        eval_every: iterations between evaluations, one more at the end; None: none.
        labels: what the memory calls a person: 'identity', or 'cluster' (pseudo-labels).
        baselines: evaluated before the first iteration: 'direct', 'adabn'.
        start: 'last': go on in memory; 'best': from the lowest-loss checkpoint of the stage before.
    """

    name: str
    iters: int
    phases: tuple[str, ...] | None = None
    loaders: tuple[str, ...] | None = None
    frozen: tuple[str, ...] = ()
    loss_weights: dict[str, float] = field(default_factory=dict)
    lr: dict[str, dict[str, Any]] = field(default_factory=dict)
    eval_every: int | None = None
    labels: str = 'identity'
    baselines: tuple[str, ...] = ()
    start: str = 'last'

    def __post_init__(self):
        if not isinstance(self.iters, int) or self.iters < 1:
            raise ValueError(
                f'stage {self.name}: iters must be a whole number from 1; got {self.iters!r}'
            )
        choices = dict(labels=('identity', 'cluster'), start=('last', 'best'))
        for key, known in choices.items():
            if getattr(self, key) not in known:
                raise ValueError(
                    f'stage {self.name}: {key} is {getattr(self, key)!r}; known: {known}'
                )
        unknown = set(self.baselines) - {'direct', 'adabn'}
        if unknown:
            raise ValueError(
                f"stage {self.name}: no baseline {sorted(unknown)}; known: 'direct', 'adabn'"
            )


def parse_stages(stages: Sequence[dict], first_stage: str | None = None) -> tuple[Stage, ...]:
    """Stages from a config's list, from `first_stage` on.

    Raises:
        ValueError: no stage, an unknown or missing key, two stages of one name, or no stage
            `first_stage`.
    """
    if not stages:
        raise ValueError('train_cfg.stages is empty: name at least one stage')
    parsed = tuple(_parse(dict(stage)) for stage in stages)
    names = [stage.name for stage in parsed]
    if len(set(names)) < len(names):
        raise ValueError(f'two stages have the same name: {names}')
    if first_stage is None:
        return parsed
    if first_stage not in names:
        raise ValueError(f"train_cfg.first_stage is '{first_stage}'; the stages are {names}")
    return parsed[names.index(first_stage) :]


def _parse(stage: dict) -> Stage:
    known = [f.name for f in fields(Stage)]
    for key in stage:
        if key not in known:
            guess = get_close_matches(key, known, 1)
            hint = f" (did you mean '{guess[0]}'?)" if guess else ''
            raise ValueError(
                f"stage {stage.get('name')}: unknown key '{key}'{hint}; known: {known}"
            )
    missing = {'name', 'iters'} - set(stage)
    if missing:
        raise ValueError(f'a stage needs {sorted(missing)}: {stage}')
    return Stage(**{key: _tuple(value) for key, value in stage.items()})


def _tuple(value):
    return tuple(value) if isinstance(value, list) else value


def stage_at(stages: Sequence[Stage], iteration: int) -> tuple[Stage, int]:
    """The stage of an iteration (from 0) and how many of its iterations are done."""
    start = 0
    for stage in stages:
        if iteration < start + stage.iters:
            return stage, iteration - start
        start += stage.iters
    raise ValueError(f'iteration {iteration} is past the last stage, which ends at {start}')


def batches_drawn(stages: Sequence[Stage], iteration: int, loader: str) -> int:
    """How many batches of a loader were drawn before this iteration."""
    drawn, start = 0, 0
    for stage in stages:
        if stage.loaders is None or loader in stage.loaders:
            drawn += min(max(iteration - start, 0), stage.iters)
        start += stage.iters
    return drawn


def used_loaders(stages: Sequence[Stage], names: Sequence[str]) -> list[str]:
    """Those of the named training loaders that a stage draws from, in order.

    Raises:
        ValueError: a stage draws from a loader that is not there.
    """
    for stage in stages:
        unknown = sorted(set(stage.loaders or ()) - set(names))
        if unknown:
            raise ValueError(
                f'stage {stage.name} draws from {unknown}; train_dataloader has {sorted(names)}'
            )
    return [
        name
        for name in names
        if any(stage.loaders is None or name in stage.loaders for stage in stages)
    ]


def check_reads(stages: Sequence[Stage], phases: Sequence, names: Sequence[str]) -> None:
    """Raises ValueError where a stage runs a phase without a loader that the phase reads.

    Args:
        phases: of the model, with `name` and `reads`.
        names: of all training loaders.
    """
    for stage in stages:
        drawn = names if stage.loaders is None else stage.loaders
        for phase in phases:
            lacking = sorted(set(phase.reads) - set(drawn))
            if lacking and (stage.phases is None or phase.name in stage.phases):
                raise ValueError(
                    f'stage {stage.name}: phase {phase.name} reads the loaders '
                    f'{sorted(phase.reads)}, the stage draws {sorted(drawn)}; add {lacking}'
                )


def describe(stages: Sequence[Stage]) -> list[dict]:
    """Plain data that tells the stages, kept in checkpoints."""
    return [asdict(stage) for stage in stages]


def check_same_stages(saved: Sequence[dict], stages: Sequence[Stage]) -> None:
    """Raises where a checkpoint's stages differ from the config's, unless only the last got longer.

    Raises:
        ValueError: names the first stage and key that differ.
    """
    now = describe(stages)
    if len(saved) != len(now):
        raise ValueError(
            f'the checkpoint was trained with the stages {[s["name"] for s in saved]}, the config '
            'has '
            f'{[s["name"] for s in now]}; resume with the config it was trained with, or start '
            'anew with '
            f'--load-from and train_cfg.first_stage'
        )
    for number, (before, after) in enumerate(zip(saved, now)):
        last = number == len(now) - 1
        for key in after:
            longer = last and key == 'iters' and after[key] >= before[key]
            if before.get(key) != after[key] and not longer:
                raise ValueError(
                    f'stage {after["name"]}: {key} was {before.get(key)!r} in the checkpoint and '
                    'is '
                    f'{after[key]!r} in the config; a resumed run keeps its stages (only the last '
                    'may get '
                    f'longer). Start anew with --load-from instead'
                )
