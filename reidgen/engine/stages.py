"""Stages of a training, a pure function of the iteration."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from reidgen.choices import check_keys, is_whole, one_of

from .stage_lr import RULE_DEFAULTS, check_rule

if TYPE_CHECKING:
    from reidgen.models import AdversarialModel

LOADED = 'loaded'  # start of a stage, and stem of the file that the loaded weights are kept in
BASELINES = ('direct', 'adabn', 'adabn_camera')
NAMES = ('phases', 'loaders', 'frozen', 'baselines')  # keys of a stage that are lists of names
SPECTATORS = ('eval_every', 'title')  # keys that the training does not depend on


@dataclass(frozen=True)
class Stage:
    """Range of iterations with its own phases, loaders, loss weights and learning rates.

    Args:
        name: of the stage; its last checkpoint is `stage_<name>.pth`.
        iters: number of iterations.
        phases: names of the phases that run; None: all.
        loaders: names of the training loaders that are drawn; None: all. As a dict, field of the
            batch -> loader, where the two differ: two stages may draw one field from two loaders.
        frozen: networks that neither move nor update batch-norm statistics.
        loss_weights: families weighed otherwise than in the model; 0: off.
        lr: rule of a group's learning rate by group name, see `stage_lr.lr_factor`.
        eval_every: iterations between evaluations, one more at the end; None: none.
        labels: what the memory calls a person: 'identity', or 'cluster' (pseudo-labels).
        baselines: evaluated before the first iteration: 'direct', 'adabn', 'adabn_camera'.
        start: 'last': go on in memory; 'best': from the lowest-loss checkpoint of the stage before;
            the name of an earlier stage: from the weights and memories that it ended with, all
            optimizers empty. So a control beside the main line starts where that starts. Where
            `first_stage` leaves that one out, what was loaded stands for it ('loaded').
        title: what the report calls the stage; None: its name.
        accumulate: micro-batches an iteration: n draws n batches of each loader and steps once by
            the mean of their gradients, see `step.run_phases`.
        every: by phase, n: it is due in the last of every n iterations of the stage, each of which
            draws a batch. Five steps of a critic for one of the generator: `every=dict(G=5)`.
        bn_group: images whose statistics batch norm takes; None: as the config's `bn_group`.

    Raises:
        ValueError: a value that the key cannot have, or a learning rate rule with an unknown key.
    """

    name: str
    iters: int
    phases: tuple[str, ...] | None = None
    loaders: tuple[str, ...] | dict[str, str] | None = None
    frozen: tuple[str, ...] = ()
    loss_weights: dict[str, float] = field(default_factory=dict)
    lr: dict[str, dict[str, Any]] = field(default_factory=dict)
    eval_every: int | None = None
    labels: str = 'identity'
    baselines: tuple[str, ...] = ()
    start: str = 'last'
    title: str | None = None
    accumulate: int = 1
    every: dict[str, int] = field(default_factory=dict)
    bn_group: int | None = None

    def __post_init__(self):
        for key in ('iters', 'accumulate'):
            value = getattr(self, key)
            if not is_whole(value, 1):
                raise ValueError(
                    f'stage {self.name}: {key} must be a whole number from 1; got {value!r}'
                )
        every = self.eval_every
        if every is not None and (not is_whole(every, 1)):
            raise ValueError(
                f'stage {self.name}: eval_every must be a whole number from 1, or None for no '
                f'evaluation; got {every!r}'
            )
        self._check_names()
        one_of(self.labels, ('identity', 'cluster'), f'stage {self.name}: labels')
        for baseline in self.baselines:
            one_of(baseline, BASELINES, f'stage {self.name}: a baseline')
        self._check_rates()
        self._check_every()

    def _check_names(self) -> None:
        for key in NAMES:
            value = getattr(self, key)
            kinds = (list, tuple, dict) if key == 'loaders' else (list, tuple)
            if not isinstance(value, kinds) and value is not getattr(Stage, key):  # its default
                names = [] if value is None else [value]
                raise ValueError(
                    f'stage {self.name}: {key} is {value!r}; write a list: {key}={names}'
                )
        if isinstance(self.loaders, dict) and len(set(self.loaders.values())) < len(self.loaders):
            raise ValueError(
                f'stage {self.name}: loaders gives two fields the batches of one loader: '
                f'{self.loaders}; add another loader of the same data set to train_dataloader'
            )

    def _check_every(self) -> None:
        if not isinstance(self.every, dict):
            raise ValueError(
                f'stage {self.name}: every is {self.every!r}; write a number for each phase that '
                f'has one, such as every=dict(G=5)'
            )
        for phase, count in self.every.items():
            if not is_whole(count, 1) or count > self.iters:
                raise ValueError(
                    f'stage {self.name}: every.{phase} is {count!r}; it must be a whole number '
                    f'from 1 to {self.iters}, the iterations of the stage'
                )

    def _check_rates(self) -> None:
        if not isinstance(self.lr, dict):
            raise ValueError(
                f'stage {self.name}: lr is {self.lr!r}; write a rule for each group of '
                f'optim_wrapper, such as lr=dict(G=dict(every=1000, gamma=0.5))'
            )
        for group, rule in self.lr.items():
            place = f'stage {self.name}: lr rule of group {group}'
            if not isinstance(rule, dict):
                raise ValueError(
                    f'{place}: it is {rule!r}; write a rule, such as dict(every=1000, gamma=0.5)'
                )
            check_keys(rule, list(RULE_DEFAULTS), place)
            try:
                check_rule(rule, self.iters)
            except ValueError as error:
                raise ValueError(f'{place}: {error}') from error

    def fields(self, names: Sequence[str]) -> dict[str, str]:
        """Mapping from batch fields to training loaders; `names` are all loaders."""
        if isinstance(self.loaders, dict):
            return self.loaders
        return {name: name for name in (names if self.loaders is None else self.loaders)}


def parse_stages(stages: Sequence[dict], first_stage: str | None = None) -> tuple[Stage, ...]:
    """Stages from a config's list, from `first_stage` on.

    Raises:
        ValueError: no stage, an unknown or missing key, a value that it cannot have, two stages of
            one name, no stage `first_stage`, or a start that is neither known nor an earlier stage.
    """
    if not stages:
        raise ValueError('train_cfg.stages is empty: name at least one stage')
    parsed = tuple(_parse(dict(stage)) for stage in stages)
    names = [stage.name for stage in parsed]
    if len(set(names)) < len(names):
        raise ValueError(f'two stages have the same name: {names}')
    _check_starts(parsed)
    if first_stage is None:
        return parsed
    return _from_stage(parsed, names.index(one_of(first_stage, names, 'train_cfg.first_stage')))


def _check_starts(stages: Sequence[Stage]) -> None:
    for number, stage in enumerate(stages):
        known = ['last', 'best', *(before.name for before in stages[:number])]
        one_of(stage.start, known, f'stage {stage.name}: start')


def _from_stage(stages: Sequence[Stage], number: int) -> tuple[Stage, ...]:
    """Stages from a number on, of which the first, and others with the same start, use the loaded
    weights.
    """
    first, *others = stages[number:]
    from_stage_before = number > 0 and first.start in ('last', 'best')
    loaded = stages[number - 1].name if from_stage_before else first.start
    kept = [replace(first, start='last') if first.start != 'best' else first]
    for stage in others:
        if stage.start == loaded:
            stage = replace(stage, start=LOADED)
        elif stage.start not in ('last', 'best', *(before.name for before in kept)):
            raise ValueError(
                f"stage {stage.name} starts from '{stage.start}', which "
                f"first_stage='{first.name}' leaves out, and what is loaded stands for '{loaded}'; "
                f'take it out of train_cfg.stages too, or begin earlier'
            )
        kept.append(stage)
    return tuple(kept)


def _parse(stage: dict) -> Stage:
    check_keys(stage, [f.name for f in fields(Stage)], f'stage {stage.get("name")}')
    missing = {'name', 'iters'} - set(stage)
    if missing:
        raise ValueError(f'a stage needs {sorted(missing)}: {stage}')
    return Stage(**{key: _tuple(value) for key, value in stage.items()})


def _tuple(value):
    return tuple(value) if isinstance(value, list) else value


def stage_at(stages: Sequence[Stage], iteration: int) -> tuple[Stage, int]:
    """Stage of an iteration (from 0) and the number of its iterations done."""
    start = 0
    for stage in stages:
        if iteration < start + stage.iters:
            return stage, iteration - start
        start += stage.iters
    raise ValueError(f'iteration {iteration} is past the last stage, which ends at {start}')


def batches_drawn(stages: Sequence[Stage], iteration: int, loader: str) -> int:
    """Number of batches drawn from a loader before an iteration."""
    drawn, start = 0, 0
    for stage in stages:
        if loader in stage.fields((loader,)).values():
            drawn += min(max(iteration - start, 0), stage.iters) * stage.accumulate
        start += stage.iters
    return drawn


def used_loaders(stages: Sequence[Stage], names: Sequence[str]) -> list[str]:
    """Names of the training loaders that any stage draws from, in order.

    Raises:
        ValueError: a stage draws from a loader that is not there.
    """
    for stage in stages:
        unknown = sorted(set(stage.fields(names).values()) - set(names))
        if unknown:
            raise ValueError(
                f'stage {stage.name} draws from {unknown}; train_dataloader has {sorted(names)}'
            )
    return [name for name in names if any(name in stage.fields(names).values() for stage in stages)]


def check_reads(stages: Sequence[Stage], model: 'AdversarialModel', names: Sequence[str]) -> None:
    """Raises ValueError where a stage lacks a batch field that one of its phases reads.

    Args:
        names: of all training loaders.
    """
    for stage in stages:
        drawn = tuple(stage.fields(names))
        for phase in model.phases_under(stage.loss_weights):
            lacking = sorted(set(phase.reads) - set(drawn))
            if lacking and (stage.phases is None or phase.name in stage.phases):
                raise ValueError(
                    f'stage {stage.name}: phase {phase.name} reads the fields '
                    f'{sorted(phase.reads)}, the stage draws {sorted(drawn)}; add {lacking}'
                )


def describe(stages: Sequence[Stage]) -> list[dict]:
    """Description of the stages as plain data, kept in checkpoints."""
    return [asdict(stage) for stage in stages]


def check_same_stages(saved: Sequence[dict], stages: Sequence[Stage]) -> None:
    """Raises ValueError where a checkpoint's stages differ from the config's in training settings.

    The last may get longer; when a stage is evaluated and what the report calls it may change.

    Raises:
        ValueError: names the first stage and key that differ.
    """
    now = describe(stages)
    if len(saved) != len(now):
        raise ValueError(
            f'the checkpoint was trained with the stages {[s["name"] for s in saved]}, the config '
            f'has {[s["name"] for s in now]}; resume with the config it was trained with, or start '
            f'anew with --load-from and train_cfg.first_stage'
        )
    for number, (before, after) in enumerate(zip(saved, now)):
        last = number == len(now) - 1
        before = {f.name: f.default for f in fields(Stage)} | before  # one of an earlier version
        for key in after:
            free = key in SPECTATORS or (last and key == 'iters' and after[key] >= before[key])
            if before[key] != after[key] and not free:
                raise ValueError(
                    f'stage {after["name"]}: {key} was {before[key]!r} in the checkpoint '
                    f'and is {after[key]!r} in the config; a resumed run keeps its stages (only '
                    f'the last may get longer). Start anew with --load-from instead'
                )
