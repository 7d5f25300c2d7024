"""Codes of a diagnosis: what each means, what to do, and the thresholds of all."""

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple


class Code(NamedTuple):
    """A state of an adversarial training."""

    meaning: str
    advice: str
    warns: bool = True  # False: a remark, which is logged as information


CODES = {
    'COLLAPSE': Code(
        'the generated images are all alike (rho: their diversity, relative to real images)',
        'go back to an earlier checkpoint; take a larger batch or a lower rate (BEGAN: a higher '
        'gamma)',
    ),
    'LOW_DIVERSITY': Code(
        'the generated images vary less than real ones (rho)',
        'halve the rate (BEGAN: raise gamma, 0.5 to 0.9), and see whether the data vary enough',
    ),
    'DIVERGED': Code(
        'the generator makes noise (rho), its images jump (motion), or a loss is no number',
        'go back to an earlier checkpoint and lower the rate or the weight of the loss',
    ),
    'D_TOO_STRONG': Code(
        'the discriminator tells all images apart, and the generator learns little from it '
        '(BEGAN: the balance pulls k down)',
        'give the generator more steps or a higher rate, smooth the labels, add input noise, or '
        'take a larger batch (BEGAN: raise gamma)',
    ),
    'D_TOO_WEAK': Code(
        'the discriminator does not tell generated images from real ones (BEGAN: the balance '
        'raises k)',
        'give the discriminator more steps, a higher rate or more channels; see that it is trained '
        'at all',
    ),
    'BCE_EQUILIBRIUM': Code(
        'the loss of the discriminator is near 2 ln 2 and the images are diverse', 'go on', False
    ),
    'K_ZERO': Code(
        'k has been 0 for long, so the discriminator ignores generated images',
        'raise gamma or lower the rate of the generator',
    ),
    'K_VANISHING': Code(
        'k stays near 0, as in runs of low diversity', 'raise gamma or halve the rate'
    ),
    'K_SATURATED': Code(
        'k has been 1 for long', 'lower gamma; see that the discriminator is trained at all'
    ),
    'BALANCED': Code(
        'the losses are in the ratio gamma, k is above 0 and the images are diverse', 'go on', False
    ),
    'D_FAKE_PULLING': Code(
        'the reconstruction loss of generated images swings: both networks answer each other',
        'go on',
        False,
    ),
    'LOSS_VIBRATION': Code(
        'the reconstruction loss of generated images vibrates', 'halve the rate'
    ),
    'NOT_CONVERGED': Code(
        'the loss was still falling at the end (share in 10,000 iterations)', 'train longer', False
    ),
    'DATA_LOW_DIVERSITY': Code(
        'most training images are near-copies of others (share of distinct ones)',
        'take more scenes or persons; diversity cannot be learned from these',
    ),
    'DATA_TOO_WILD': Code(
        'the real images vary much and the discriminator does not know them',
        'crop or align the images, or take a larger discriminator',
        False,
    ),
    'BATCH_SMALL': Code(
        'images collapsed or diverged with a small batch', 'take a larger batch, 256 for instance'
    ),
}


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of the codes.

    Diversities and their ratio rho are those of `diversity`; a gap is the mean output for real
    images less that for generated ones, as share of what a perfect discriminator has.
    """

    collapse: float = 0.05  # rho below
    low_diversity: float = 0.5  # rho below
    diverged: float = 2.0  # rho above
    motion: float = 5.0  # change of fixed images between evaluations, in medians of it: above
    strong_gap: float = 0.9  # above
    strong_d_loss: float = 0.1  # loss of D over its floor, where a guess costs 2 ln 2: below
    strong_g_loss: float = 5.0  # with bce, at the same time: above
    weak_gap: float = 0.05  # below
    weak_d_loss: float = 0.02  # loss of D below that of a guess by less, where it costs 2 ln 2
    equilibrium: float = 0.1  # distance of D's loss from 2 ln 2: below
    balance: float = 0.2  # of BEGAN, as share of the real loss: beyond it on either side
    ratio: float = 0.2  # distance of fake loss / (gamma real loss) from 1: below
    k_zero: float = 1e-4
    k_zero_iters: int = 2000
    k_vanishing: float = 0.01
    k_vanishing_after: int = 20000
    k_saturated: float = 0.99
    k_saturated_iters: int = 500
    swing: float = 0.1  # of D_FAKE_PULLING, as share of the loss
    swing_changes: int = 3  # of direction, within `window`
    vibration: float = 0.5  # deviation of the fake loss from its mean, as share: above
    vibration_iters: int = 1000
    falling: float = 0.05  # share of a loss that it falls in `window` iterations at the end
    window: int = 10000
    distinct: float = 0.1  # share of distinct training images
    wild_div: float = 0.3  # diversity of real images, with a real loss above ln 2
    small_batch: int = 32

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise ValueError(
                    f'thresholds.{field.name} is {value!r}; it must be a number from 0'
                )
        if not self.collapse <= self.low_diversity <= self.diverged:
            raise ValueError(
                f'thresholds: collapse {self.collapse}, low_diversity {self.low_diversity} and '
                f'diverged {self.diverged} must rise in this order'
            )
