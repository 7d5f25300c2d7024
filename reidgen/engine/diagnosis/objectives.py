"""Closed forms of adversarial objectives: what a guess and a perfect discriminator cost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

BCE = ('bce', 'bce_saturating', 'bce_prob')
LSGAN = ('lsgan', 'lsgan_sigmoid')
PROBABILITIES = (*BCE, 'lsgan_sigmoid')  # their mean outputs are logged as p_real, p_fake


@dataclass(frozen=True)
class Objective:
    """An adversarial objective as a diagnosis reads it; losses are those of one scale.

    The loss of a discriminator is the sum of its real and its fake term.
    """

    mode: str  # of GANLoss
    scales: float = 1.0  # by which logged terms are divided: scales that are summed
    guess: float = 0.0  # loss of a discriminator that gives all images the best constant output
    floor: float | None = None  # loss of a perfect one; None: there is no least
    span: float | None = None  # its mean output for real images, less that for generated ones

    def gap(self, real: float, fake: float) -> float:
        """Difference of mean outputs, as share of that of a perfect discriminator.

        With 'relativistic_avg' 2 sigmoid(real - fake) - 1; with 'wgan' the difference itself.
        """
        if self.mode == 'relativistic_avg':
            return math.tanh((real - fake) / 2)
        return (real - fake) / (self.span or 1.0)

    def over_floor(self, loss: float) -> float | None:
        """Loss of a discriminator over its floor, scaled so that a guess has 2 ln 2 as with bce."""
        if self.floor is None or self.guess <= self.floor:
            return None
        return (loss - self.floor) / (self.guess - self.floor) * 2 * math.log(2)


def objective_of(
    mode: str,
    real: Sequence[float] = (1.0, 1.0),
    fake: Sequence[float] = (0.0, 0.0),
    flip_prob: float = 0.0,
    scales: float = 1.0,
) -> Objective:
    """Objective of a mode of GANLoss with its label noise.

    Args:
        real, fake: ranges of the targets.
        flip_prob: probability with which the roles of real and generated images are swapped.
        scales: by which logged terms are divided.
    """
    if mode == 'wgan':
        return Objective(mode, scales)
    if mode == 'hinge':
        return Objective(mode, scales, guess=2.0, floor=0.0, span=2.0)
    if mode == 'relativistic_avg':
        return Objective(mode, scales, guess=2 * math.log(2), floor=0.0)
    ones, zeros = sum(real) / 2, sum(fake) / 2
    told_real = (1 - flip_prob) * ones + flip_prob * zeros  # mean target of a real image
    told_fake = (1 - flip_prob) * zeros + flip_prob * ones
    span, mean = told_real - told_fake, (told_real + told_fake) / 2
    if mode in BCE:
        floor, guess = _entropy(told_real) + _entropy(told_fake), 2 * _entropy(mean)
        return Objective(mode, scales, guess, floor, span)
    drawn = ((real[1] - real[0]) ** 2 + (fake[1] - fake[0]) ** 2) / 12
    floor = drawn + 2 * flip_prob * (1 - flip_prob) * (ones - zeros) ** 2
    return Objective(mode, scales, floor + span**2 / 2, floor, span)


def _entropy(target: float) -> float:
    """Binary cross-entropy of a probability equal to its target; 0 for targets beyond 0 and 1."""
    if not 0 < target < 1:
        return 0.0
    return -target * math.log(target) - (1 - target) * math.log(1 - target)
