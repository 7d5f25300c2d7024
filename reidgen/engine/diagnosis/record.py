"""Record of an adversarial training: smoothed values, codes that fired, and a verdict."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .codes import CODES, Thresholds
from .log_terms import K, adversaries, generator_term, is_adversarial, named
from .objectives import Objective
from .rules import (
    Began,
    Condition,
    adversary_conditions,
    began_conditions,
    distinct_share,
    diversity_conditions,
    fall,
    swings,
)

NUM_MOTIONS = 5  # changes of the images before a median of them says something
VERDICTS = ('good', 'low_diversity', 'collapsed', 'diverged', 'undecided')


class Fired(NamedTuple):
    """A code that fired."""

    code: str
    where: str
    iter: int
    value: float
    threshold: float
    first: bool = True  # it had not fired there before

    @property
    def text(self) -> str:
        """What it means and what to do."""
        code = CODES[self.code]
        return (
            f'{self.code} ({self.where}, {self.value:.3g}, threshold {self.threshold:.3g}): '
            f'{code.meaning}; {code.advice}'
        )


class GANRecord:
    """Smoothed log of a training, its curves, and the codes that fired.

    A code fires when its rule has held at `patience` evaluations in a row, and can again after it
    has not held for as many. Values are smoothed by an exponential mean, which is the plain mean
    until 1 / (1 - decay) values are there. Iterations are those with adversarial terms.

    Args:
        thresholds: of the rules.
        warmup: iterations in which no rule is looked at.
        patience: evaluations.
        decay: of the exponential mean, in one iteration.

    Attributes:
        state: all of it as plain values; replaced where a training is resumed.
    """

    def __init__(
        self,
        thresholds: Thresholds | None = None,
        warmup: int = 2000,
        patience: int = 20,
        decay: float = 0.99,
    ):
        self.thresholds = thresholds or Thresholds()
        self.warmup, self.patience, self.decay = warmup, patience, decay
        self.state: dict[str, Any] = dict(
            seen=0, smoothed={}, curves={}, streaks={}, fired=[], zero=0, saturated=0, div_real={},
            broken=None,
        )  # fmt: skip

    # ---- every iteration ----

    def update(self, values: Mapping[str, float]) -> bool:
        """Takes the finite values of an iteration's log; whether it has adversarial terms.

        Nothing is taken before the first that has: checkpoints until then have no record.
        """
        adversarial = is_adversarial(values)
        self.state['seen'] += adversarial
        if not self.state['seen']:
            return False
        values = {key: value for key, value in values.items() if math.isfinite(value)}
        for key, value in values.items():
            self._smooth(key, value)
        for key in values:
            if match := K.fullmatch(key):
                self._update_began(match[1], values)
        return adversarial

    def _smooth(self, key: str, value: float, rate: float | None = None) -> None:
        mean, count = self.state['smoothed'].get(key, (0.0, 0))
        rate = max(1 / (count + 1), 1 - self.decay if rate is None else rate)
        self.state['smoothed'][key] = (mean + rate * (value - mean), count + 1)

    def _update_began(self, prefix: str, values: Mapping[str, float]) -> None:
        t, state = self.thresholds, self.state
        k = values[f'{prefix}stat.k']
        if state['seen'] > self.warmup:
            state['zero'] = state['zero'] + 1 if k <= t.k_zero else 0
            state['saturated'] = state['saturated'] + 1 if k >= t.k_saturated else 0
        measure, balance = (named(values, f'stat.{name}') for name in ('M', 'balance'))
        if measure is not None and balance is not None:
            self._smooth('BEGAN.d_real', measure - abs(balance))  # M = L(x) + |balance|
        d_fake = generator_term(values, None)
        if d_fake is not None:
            mean = self.state['smoothed'].get('BEGAN.d_fake', (d_fake, 0))[0]
            self._smooth('BEGAN.d_fake', d_fake)
            shaken = ((d_fake - mean) / mean) ** 2 if mean else 0.0
            self._smooth('BEGAN.shaken', shaken, 1 / t.vibration_iters)

    # ---- every evaluation ----

    def evaluate(
        self,
        iteration: int,
        objective: Objective | None = None,
        rho: Mapping[str, float] | None = None,
        motion: Mapping[str, float] | None = None,
        div_real: Mapping[str, float] | None = None,
        batch_size: int | None = None,
    ) -> list[Fired]:
        """Looks at the rules; the codes that fire now.

        Args:
            iteration: of the whole training, done.
            objective: of the discriminators; None: not known, and nothing is said of them.
            rho: diversity of generated images, relative to real ones, by generator.
            motion: mean change of fixed images since the evaluation before, by generator.
            div_real: diversity of the real images.
            batch_size: of all processes together.
        """
        rho, motion = dict(rho or {}), dict(motion or {})
        self.state['div_real'].update(div_real or {})
        found = self._diversity(iteration, rho, motion)
        found += self._adversaries(iteration, objective, min(rho.values(), default=None))
        found += self._began(iteration, min(rho.values(), default=None))
        if self.state['seen'] <= self.warmup:
            return []
        fired = [each for condition in found if (each := self._count(condition, iteration))]
        collapsed = [each for each in fired if each.code in ('COLLAPSE', 'DIVERGED')]
        if collapsed and batch_size is not None and batch_size <= self.thresholds.small_batch:
            fired.append(self._fire('BATCH_SMALL', collapsed[0].where, iteration, batch_size,
                                    self.thresholds.small_batch))  # fmt: skip
        return fired

    def note_data(self, iteration: int, field: str, hashes: Sequence[int]) -> list[Fired]:
        """Notes the share of distinct images of a training set; the code that fires.

        Args:
            hashes: 64 bits an image, equal in most bits for near-copies.
        """
        distinct = distinct_share(hashes)
        self.state.setdefault('distinct', {})[field] = distinct
        least = self.thresholds.distinct
        low = distinct < least
        return [self._fire('DATA_LOW_DIVERSITY', field, iteration, distinct, least)] if low else []

    def broken(self, iteration: int, error: str) -> Fired:
        """Notes a loss that is no number, which ends the training."""
        self.state['broken'] = error
        return self._fire('DIVERGED', 'losses', iteration, math.inf, self.thresholds.diverged)

    def finish(self, iteration: int) -> list[Fired]:
        """Notes losses that were still falling at the end; the codes that fire."""
        t, fired = self.thresholds, []
        for name, curve in self.state['curves'].items():
            if name.endswith(('.d_loss', '.M')):
                share = fall(curve['iter'], curve['value'], t.window)
                if share is not None and share > t.falling:
                    where = name.rpartition('.')[0]
                    fired.append(self._fire('NOT_CONVERGED', where, iteration, share, t.falling))
        return fired

    @property
    def verdict(self) -> str:
        """One of VERDICTS, of the latest evaluation.

        'good': the images are diverse and no warning holds; 'undecided': one does, diversity was
        not measured, or the training is still in its warm-up.
        """
        t, state = self.thresholds, self.state
        if state['broken']:
            return 'diverged'
        rho = [v['value'][-1] for name, v in state['curves'].items() if name.startswith('rho.')]
        if state['seen'] <= self.warmup or not rho:
            return 'undecided'
        active = {name.partition('@')[0] for name in self._active()}
        if 'DIVERGED' in active or max(rho) > t.diverged:
            return 'diverged'
        if min(rho) < t.low_diversity:
            return 'collapsed' if min(rho) < t.collapse else 'low_diversity'
        return 'undecided' if any(CODES[code].warns for code in active) else 'good'

    def report(self) -> dict[str, Any]:
        """Plain values for `diagnostics.json`."""
        state = self.state
        return dict(
            verdict=self.verdict,
            iterations=state['seen'],
            latest={name: curve['value'][-1] for name, curve in state['curves'].items()},
            div_real=state['div_real'],
            distinct=state.get('distinct', {}),
            fired=[
                {k: each[k] for k in ('code', 'iter', 'where', 'threshold')}
                | dict(value=each['value'] if math.isfinite(each['value']) else None)
                | dict(advice=CODES[each['code']].advice)
                for each in state['fired']
            ],
            error=state['broken'],
            smoothed={key: mean for key, (mean, _) in state['smoothed'].items()},
        )

    # ---- parts ----

    def _diversity(self, iteration: int, rho: dict, motion: dict) -> list[Condition]:
        found = []
        for name, value in rho.items():
            relative = None
            if name in motion:
                former = self.state['curves'].get(f'motion.{name}', dict(value=[]))['value']
                if len(former) >= NUM_MOTIONS and (median := statistics.median(former)) > 0:
                    relative = motion[name] / median
                self._note(f'motion.{name}', iteration, motion[name])
            self._note(f'rho.{name}', iteration, value)
            found += diversity_conditions(name, value, relative, self.thresholds)
        return found

    def _adversaries(
        self, iteration: int, objective: Objective | None, rho: float | None
    ) -> list[Condition]:
        if objective is None:
            return []
        found, div_real = [], max(self.state['div_real'].values(), default=None)
        for a in adversaries({k: v for k, (v, _) in self.state['smoothed'].items()}, objective):
            for name in ('d_loss', 'g_loss', 'gap'):
                if (value := getattr(a, name)) is not None:
                    self._note(f'{a.where}.{name}', iteration, value)
            found += adversary_conditions(a, objective, rho, div_real, self.thresholds)
        return found

    def _began(self, iteration: int, rho: float | None) -> list[Condition]:
        smoothed = {key: mean for key, (mean, _) in self.state['smoothed'].items()}
        k, balance = named(smoothed, 'stat.k'), named(smoothed, 'stat.balance')
        d_real, d_fake = smoothed.get('BEGAN.d_real'), smoothed.get('BEGAN.d_fake')
        if k is None or balance is None or d_real is None:
            return []
        noted = dict(k=k, balance=balance, M=named(smoothed, 'stat.M'), d_fake=d_fake)
        for name, value in noted.items():
            if value is not None:
                self._note(f'BEGAN.{name}', iteration, value)
        vibration = math.sqrt(smoothed.get('BEGAN.shaken', 0.0))
        counts = (self.state['zero'], self.state['saturated'])
        b = Began(k, balance, d_real, d_fake, vibration, *counts)
        t = self.thresholds
        found = began_conditions(b, rho, self.state['seen'], t)
        if d_fake is not None:
            curve = self.state['curves']['BEGAN.d_fake']
            late = [v for n, v in zip(curve['iter'], curve['value']) if n > iteration - t.window]
            turns = swings(late, t.swing)
            pulls = turns >= t.swing_changes
            found.append(Condition('D_FAKE_PULLING', 'BEGAN', pulls, turns, t.swing_changes))
        return found

    def _note(self, name: str, iteration: int, value: float) -> None:
        curve = self.state['curves'].setdefault(name, dict(iter=[], value=[]))
        curve['iter'].append(iteration)
        curve['value'].append(value)

    def _count(self, condition: Condition, iteration: int) -> Fired | None:
        key = f'{condition.code}@{condition.where}'
        # evaluations in a row with the rule (above 0) or without it (below), and fired or not
        streak, fired = self.state['streaks'].get(key, (0, False))
        streak = max(streak, 0) + 1 if condition.holds else min(streak, 0) - 1
        due = condition.holds and not fired and (condition.at_once or streak >= self.patience)
        if due or (fired and streak <= -self.patience):
            fired = due
        self.state['streaks'][key] = (streak, fired)
        if not due:
            return None
        return self._fire(
            condition.code, condition.where, iteration, condition.value, condition.threshold
        )

    def _active(self) -> list[str]:
        return [key for key, (_, fired) in self.state['streaks'].items() if fired]

    def _fire(self, code: str, where: str, at: int, value: float, threshold: float) -> Fired:
        before = {(each['code'], each['where']) for each in self.state['fired']}
        fired = Fired(code, where, at, value, threshold, (code, where) not in before)
        self.state['fired'].append(fired._asdict())
        return fired
