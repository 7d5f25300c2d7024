"""GAN losses of discriminators that take images of several sizes."""

import torch

from reidgen.losses import GANLoss
from reidgen.rng import StepRNG


def test_a_discriminator_of_several_sizes_is_given_all_and_detached_fakes():
    real, fake = (tuple(torch.full((2, 3, k, k), v) for k in (4, 2)) for v in (1.0, 0.0))
    fake = tuple(img.requires_grad_() for img in fake)
    seen = []

    def discriminator(images):
        seen.append([tuple(img.shape[2:]) for img in images])
        return [img.mean((1, 2, 3)) for img in images]

    loss = GANLoss('wgan')
    terms = loss.discriminator('D', discriminator, real, fake, rng=StepRNG())
    assert (terms['adv.D.real'].item(), terms['adv.D.fake'].item()) == (-1.0, 0.0)
    assert not terms['adv.D.fake'].requires_grad
    assert loss.generator(discriminator, fake, rng=StepRNG()).requires_grad
    assert seen == [[(4, 4), (2, 2)]] * 3
