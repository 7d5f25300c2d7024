"""A discriminator that gives the opinions it is told, and what a GANLoss makes of them."""

import math

import torch

from reidgen.rng import StepRNG

REAL, FAKE = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)  # told apart by their first pixel
R, F = torch.tensor([[2.0], [0.5]]), torch.tensor([[-2.0], [0.5]])  # opinions of these
SMOOTH = {'labels': {'smooth_real': (0.7, 1.0), 'smooth_fake': (0.0, 0.3)}}
LN2 = math.log(2)


def judge(real, fake):
    """A discriminator that answers `real` to REAL, `fake` to FAKE."""
    return lambda img: fake if img[0, 0, 0, 0] > 0.5 else real


def discriminator_terms(loss, real, fake, rng=None) -> tuple[float, float]:
    terms = loss.discriminator('D', judge(real, fake), REAL, FAKE, rng=rng or StepRNG())
    return terms['adv.D.real'].item(), terms['adv.D.fake'].item()


def generator_term(loss, fake, real=None) -> float:
    given = {'real': REAL} if real is not None else {}
    return loss.generator(judge(real, fake), FAKE, **given, rng=StepRNG()).item()


def bce(logit: float, target: float) -> float:
    prob = 1 / (1 + math.exp(-logit))
    return -target * math.log(prob) - (1 - target) * math.log(1 - prob)
