import math

import pytest
import torch
from fixed_discriminator import FAKE, LN2, REAL, SMOOTH, F, R, bce, discriminator_terms, fixed

from reidgen.losses import GANLoss
from reidgen.rng import StepRNG


def test_zero_logits_cost_ln2_a_scale_whatever_the_label():
    zero = [torch.zeros(2, 1, 4, 2)] * 3
    assert discriminator_terms(
        GANLoss('bce', scale_reduction='sum', **SMOOTH), zero, zero
    ) == pytest.approx((3 * LN2, 3 * LN2))


@pytest.mark.slow
def test_smooth_labels_average_to_the_floor_of_a_perfect_discriminator():
    sure = math.log(0.85 / 0.15)
    loss = GANLoss('bce', scale_reduction='sum', **SMOOTH)
    real, fake = [torch.full((2, 1, 1, 1), sure)] * 3, [torch.full((2, 1, 1, 1), -sure)] * 3
    rng, found = StepRNG(3), []
    for iteration in range(1500):
        rng.begin(iteration)
        found.append(discriminator_terms(loss, real, fake, rng=rng))
    entropy = -0.85 * math.log(0.85) - 0.15 * math.log(0.15)
    mean = torch.tensor(found).mean(0)
    assert mean[0].item() == pytest.approx(3 * entropy, abs=0.02)
    assert mean[1].item() == pytest.approx(3 * entropy, abs=0.02)


@pytest.mark.parametrize(
    'draw_per, shared, distinct',
    [('call', True, 1), ('call', False, 2), ('sample', True, 4), ('sample', False, 8)],
)
def test_labels_are_drawn_as_often_as_asked(draw_per, shared, distinct):
    # at out = 0 the gradient of mean (out - y)^2 is -2 y / n: it shows every pixel's label
    real = [
        torch.zeros(4, 1, 2, 2, requires_grad=True),
        torch.zeros(4, 1, 1, 1, requires_grad=True),
    ]
    fake = [torch.zeros(4, 1, 2, 2), torch.zeros(4, 1, 1, 1)]
    loss = GANLoss(
        'lsgan',
        scale_reduction='sum',
        labels=dict(draw_per=draw_per, shared_over_scales=shared, smooth_real=(0.7, 1.2)),
    )
    loss.discriminator('D', fixed(real, fake), REAL, FAKE, rng=StepRNG())['adv.D.real'].backward()
    labels = [-scale.grad * scale.numel() / 2 for scale in real]
    assert all(torch.equal(scale, scale[:, :, :1, :1].expand_as(scale)) for scale in labels)
    values = torch.cat([scale[:, 0, 0, 0] for scale in labels])
    assert len({round(value, 5) for value in values.tolist()}) == distinct
    assert values.min() >= 0.7
    assert values.max() <= 1.2


def test_one_sided_smoothing_moves_the_real_term_alone():
    hard, smooth = (
        discriminator_terms(GANLoss('bce'), R, F),
        discriminator_terms(GANLoss('bce', labels=dict(smooth_real=(0.9, 0.9))), R, F),
    )
    assert smooth[1] == hard[1]
    assert smooth[0] == pytest.approx((bce(2, 0.9) + bce(0.5, 0.9)) / 2)


def test_the_generators_label_is_hard_and_draws_nothing():
    rng = StepRNG()
    state = rng.generator.get_state()
    loss = GANLoss('bce', labels=dict(flip_prob=1.0, **SMOOTH['labels']))
    assert loss.generator(fixed(R, F), FAKE, rng=rng).item() == pytest.approx(
        (bce(-2, 1) + bce(0.5, 1)) / 2
    )
    assert torch.equal(rng.generator.get_state(), state)


def test_flip_probability_one_swaps_real_and_fake_exactly():
    for draw_per in ('call', 'sample'):
        flipped = discriminator_terms(
            GANLoss('bce', labels=dict(flip_prob=1.0, draw_per=draw_per)), R, F
        )
        assert flipped == discriminator_terms(GANLoss('bce', labels=dict(draw_per=draw_per)), F, R)
        assert flipped != discriminator_terms(GANLoss('bce'), R, F)


def test_flips_leave_the_reported_probabilities_alone():
    stats = GANLoss('bce', labels=dict(flip_prob=1.0)).discriminator(
        'D', fixed(R, F), REAL, FAKE, rng=StepRNG()
    )
    assert stats['stat.D.p_real'].item() == pytest.approx(R.sigmoid().mean().item())


def test_a_flip_is_as_frequent_as_asked():
    loss, rng, flips = GANLoss('lsgan', labels=dict(flip_prob=0.25)), StepRNG(), 0
    for iteration in range(800):
        rng.begin(iteration)
        flips += discriminator_terms(loss, torch.ones(1, 1), torch.zeros(1, 1), rng=rng)[0] == 1.0
    assert flips / 800 == pytest.approx(0.25, abs=0.06)


def test_samples_are_flipped_one_by_one():
    n = 64
    loss = GANLoss('lsgan', labels=dict(flip_prob=0.5, draw_per='sample'))
    real, fake = torch.ones(n, 1, 2, 2), torch.zeros(n, 1, 2, 2)
    terms = discriminator_terms(loss, real, fake)  # each flipped pair adds 1 / n to both terms
    assert terms[0] == terms[1]
    assert (terms[0] * n) == pytest.approx(round(terms[0] * n))
    assert 0.2 < terms[0] < 0.8
    with pytest.raises(ValueError, match='64 real and 2 fake images cannot change roles'):
        discriminator_terms(loss, real, fake[:2])
