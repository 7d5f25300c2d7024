"""Rules of the codes: smoothed numbers of a training to conditions that hold or do not."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .codes import Thresholds
from .objectives import BCE, Objective


class Condition(NamedTuple):
    """A code at a place, its value against the threshold, and whether it holds now."""

    code: str
    where: str  # a discriminator 'D/Dt', generated images 's2t', or 'BEGAN'
    holds: bool
    value: float
    threshold: float
    at_once: bool = False  # it has counted its own iterations, and needs no more evaluations


class Adversary(NamedTuple):
    """Smoothed losses and outputs of a discriminator, of one scale."""

    where: str
    d_loss: float  # real term + fake term
    d_real: float  # real term
    g_loss: float | None = None
    gap: float | None = None  # see `Objective.gap`


class Began(NamedTuple):
    """Smoothed numbers of a BEGAN (Berthelot et al., 2017)."""

    k: float
    balance: float  # gamma L(x) - L(G(z))
    d_real: float  # L(x)
    d_fake: float | None = None  # L(G(z))
    vibration: float = 0.0  # deviation of d_fake from its mean, as share
    zero: int = 0  # iterations that k has been 0
    saturated: int = 0  # iterations that k has been 1


def diversity_conditions(
    name: str, rho: float, motion: float | None, t: Thresholds
) -> list[Condition]:
    """COLLAPSE, LOW_DIVERSITY and DIVERGED of a generator.

    Args:
        rho: diversity of generated images / diversity of real ones.
        motion: change of fixed images since the evaluation before / the median of such changes.
    """
    low = t.collapse <= rho < t.low_diversity
    found = [
        Condition('COLLAPSE', name, rho < t.collapse, rho, t.collapse),
        Condition('LOW_DIVERSITY', name, low, rho, t.low_diversity),
        Condition('DIVERGED', name, rho > t.diverged, rho, t.diverged),
    ]
    if motion is not None:
        jumps = motion > t.motion
        found.append(Condition('DIVERGED', f'{name}.motion', jumps, motion, t.motion))
    return found


def adversary_conditions(
    a: Adversary, objective: Objective, rho: float | None, div_real: float | None, t: Thresholds
) -> list[Condition]:
    """D_TOO_STRONG, D_TOO_WEAK, BCE_EQUILIBRIUM and DATA_TOO_WILD of a discriminator.

    Args:
        rho: least of the generators; None where it is not measured.
        div_real: diversity of the real images.
    """
    over = objective.over_floor(a.d_loss)
    if over is None:  # wgan: a distance, which is 0 at least where the critic is trained
        return [Condition('D_TOO_WEAK', a.where, a.d_loss >= 0, -a.d_loss, 0.0)]
    found = []
    is_bce, scale = objective.mode in BCE, 2 * math.log(2)
    sure = over < t.strong_d_loss
    if is_bce:  # non-saturating: a confident D makes G's loss large
        sure = sure and a.g_loss is not None and a.g_loss > t.strong_g_loss
    apart = a.gap is not None and a.gap > t.strong_gap
    if objective.mode in ('lsgan', 'hinge'):  # their outputs have no bounds, so a gap says little
        apart = False
    value, threshold = (a.gap or 0.0, t.strong_gap) if apart else (over, t.strong_d_loss)
    found.append(Condition('D_TOO_STRONG', a.where, sure or apart, value, threshold))
    weak = over > scale - t.weak_d_loss and (a.gap is None or a.gap < t.weak_gap)
    value, threshold = (over, scale - t.weak_d_loss) if a.gap is None else (a.gap, t.weak_gap)
    found.append(Condition('D_TOO_WEAK', a.where, weak, value, threshold))
    if is_bce:
        diverse = rho is not None and t.low_diversity <= rho <= t.diverged
        near = abs(a.d_loss - scale) < t.equilibrium and diverse and not weak
        found.append(Condition('BCE_EQUILIBRIUM', a.where, near, a.d_loss, scale))
        wild = div_real is not None and div_real > t.wild_div and a.d_real > math.log(2)
        found.append(Condition('DATA_TOO_WILD', a.where, wild, div_real or 0.0, t.wild_div))
    return found


def began_conditions(b: Began, rho: float | None, seen: int, t: Thresholds) -> list[Condition]:
    """Codes of a BEGAN but for D_FAKE_PULLING.

    Args:
        rho: of the generated images; None where it is not measured.
        seen: iterations done.
    """
    share = b.balance / max(b.d_real, 1e-12)
    vanishing = seen > t.k_vanishing_after and b.k < t.k_vanishing and b.zero < t.k_zero_iters
    zero, saturated = b.zero >= t.k_zero_iters, b.saturated >= t.k_saturated_iters
    found = [
        Condition('D_TOO_STRONG', 'BEGAN', share < -t.balance, share, -t.balance),
        Condition('D_TOO_WEAK', 'BEGAN', share > t.balance, share, t.balance),
        Condition('K_ZERO', 'BEGAN', zero, b.zero, t.k_zero_iters, at_once=True),
        Condition('K_SATURATED', 'BEGAN', saturated, b.saturated, t.k_saturated_iters, True),
        Condition('K_VANISHING', 'BEGAN', vanishing, b.k, t.k_vanishing),
    ]
    if b.d_fake is not None:
        shaken = b.vibration > t.vibration
        found.append(Condition('LOSS_VIBRATION', 'BEGAN', shaken, b.vibration, t.vibration))
        ratio = b.d_fake / max(b.balance + b.d_fake, 1e-12)  # L(G(z)) / (gamma L(x))
        diverse = rho is not None and t.low_diversity <= rho <= t.diverged
        even = abs(ratio - 1) < t.ratio and b.k >= t.k_vanishing and diverse
        found.append(Condition('BALANCED', 'BEGAN', even, ratio, 1.0))
    return found


def swings(values: Sequence[float], least: float) -> int:
    """Changes of direction of a curve; a turn counts when the curve has come back by `least` of
    its value.
    """
    turns, direction = 0, 0
    top = bottom = values[0] if values else 0.0
    for value in values:
        top, bottom = max(top, value), min(bottom, value)
        if direction >= 0 and value < top * (1 - least):
            turns, direction = turns + (direction > 0), -1
            bottom = value
        elif direction <= 0 and value > bottom * (1 + least):
            turns, direction = turns + (direction < 0), 1
            top = value
    return turns


def fall(iterations: Sequence[int], values: Sequence[float], window: int) -> float | None:
    """Share of its value by which a curve fell in its last `window` iterations.

    Returns:
        None: it is shorter than that, or began at no positive value.
    """
    if not iterations or iterations[-1] - iterations[0] < window:
        return None
    start = iterations[-1] - window
    before = next(v for n, v in zip(reversed(iterations), reversed(values)) if n <= start)
    return (before - values[-1]) / before if before > 0 else None


def distinct_share(hashes: Sequence[int], distance: int = 10) -> float:
    """Share of images that are no near-copy of an earlier one.

    An image is a near-copy of one whose hash differs in at most so many of the 64 bits; those that
    are none found groups of their own, in order.
    """
    bits = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)
    founders = np.zeros((len(hashes), 4), np.uint16)
    num = 0
    for value in np.array(hashes, np.uint64).view(np.uint16).reshape(-1, 4):
        apart = bits[founders[:num] ^ value].sum(1)
        if not (apart <= distance).any():
            founders[num] = value
            num += 1
    return num / max(len(hashes), 1)
