"""Discriminator of fixed outputs, and the terms that a GANLoss gives for them."""

import math

import torch

from reidgen.rng import StepRNG

REAL, FAKE = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)  # they differ in their first pixel
R, F = torch.tensor([[2.0], [0.5]]), torch.tensor([[-2.0], [0.5]])  # outputs for these
SMOOTH = {'labels': {'smooth_real': (0.7, 1.0), 'smooth_fake': (0.0, 0.3)}}
LN2 = math.log(2)


def fixed(real, fake):
    """Discriminator with the output `real` for REAL and `fake` for FAKE."""
    return lambda img: fake if img[0, 0, 0, 0] > 0.5 else real


def discriminator_terms(loss, real, fake, rng=None) -> tuple[float, float]:
    terms = loss.discriminator('D', fixed(real, fake), REAL, FAKE, rng=rng or StepRNG())
    return terms['adv.D.real'].item(), terms['adv.D.fake'].item()


def generator_term(loss, fake, real=None) -> float:
    given = {'real': REAL} if real is not None else {}
    return loss.generator(fixed(real, fake), FAKE, **given, rng=StepRNG()).item()


def bce(logit: float, target: float) -> float:
    prob = 1 / (1 + math.exp(-logit))
    return -target * math.log(prob) - (1 - target) * math.log(1 - prob)
