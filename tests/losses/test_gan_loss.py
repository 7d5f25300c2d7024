import logging
import math

import pytest
import torch
from fixed_discriminator import (
    FAKE,
    LN2,
    REAL,
    SMOOTH,
    F,
    R,
    bce,
    discriminator_terms,
    fixed,
    generator_term,
)
from mmengine.logging import MMLogger
from torch import nn

from reidgen.losses import GANLoss
from reidgen.registry import LOSSES
from reidgen.rng import StepRNG

# ---- values ----


def test_bce_of_an_undecided_discriminator_is_ln2_a_term():
    loss = GANLoss('bce')
    zero = torch.zeros(2, 1)
    assert discriminator_terms(loss, zero, zero) == pytest.approx((LN2, LN2))
    assert generator_term(loss, zero) == pytest.approx(LN2)


def test_bce_of_given_logits_and_labels():
    z = torch.tensor([[2.0, -1.0], [0.5, 0.0]])
    real, fake = discriminator_terms(GANLoss('bce'), z, z)
    assert real == pytest.approx(sum(bce(v, 1) for v in (2, -1, 0.5, 0)) / 4)
    assert real == pytest.approx(0.651853, abs=1e-6)
    assert fake == pytest.approx(1.026854, abs=1e-6)
    assert discriminator_terms(GANLoss('bce', labels=dict(smooth_real=(0.9, 0.9))), z, z)[
        0
    ] == pytest.approx(0.689353, abs=1e-6)
    assert generator_term(GANLoss('bce', labels=dict(smooth_real=(0.9, 0.9))), z) == pytest.approx(
        0.651853, abs=1e-6
    )


@pytest.mark.parametrize(
    'mode, real, fake, generator',
    [
        ('hinge', (0 + 0.5) / 2, (0 + 1.5) / 2, (2 - 0.5) / 2),
        ('lsgan', (1 + 0.25) / 2, (4 + 0.25) / 2, (9 + 0.25) / 2),
        ('wgan', -1.25, -0.75, 0.75),
    ],
)
def test_objectives_worked_out_by_hand(mode, real, fake, generator):
    loss = GANLoss(mode)
    assert discriminator_terms(loss, R, F) == pytest.approx((real, fake))
    assert generator_term(loss, F) == pytest.approx(generator)


def test_lsgan_sigmoid_squares_probabilities():
    p_real, p_fake = (
        [1 / (1 + math.exp(-v)) for v in (2, 0.5)],
        [1 / (1 + math.exp(-v)) for v in (-2, 0.5)],
    )
    expected = sum((p - 1) ** 2 for p in p_real) / 2, sum(p**2 for p in p_fake) / 2
    assert discriminator_terms(GANLoss('lsgan_sigmoid'), R, F) == pytest.approx(expected)


def test_the_saturating_generator_maximises_the_discriminators_fake_term():
    loss = GANLoss('bce_saturating')
    assert generator_term(loss, F) == pytest.approx(-discriminator_terms(loss, R, F)[1])
    assert discriminator_terms(loss, R, F) == pytest.approx(
        discriminator_terms(GANLoss('bce'), R, F)
    )


def test_bce_prob_of_a_sigmoid_is_bce_of_the_logit():
    z = torch.linspace(-9.5, 9.5, 12).view(3, 4)
    on_prob = discriminator_terms(GANLoss('bce_prob'), z.sigmoid(), (-z).sigmoid())
    # float32 holds 1 - sigmoid(9.5) to three digits
    assert on_prob == pytest.approx(discriminator_terms(GANLoss('bce'), z, -z), rel=2e-5)


def test_relativistic_average_compares_with_the_mean_of_the_other_side():
    def softplus(x):
        return math.log1p(math.exp(x))

    r, f = (2.0, 0.5), (-2.0, 0.5)
    mean_r, mean_f = 1.25, -0.75
    real = sum(softplus(-(v - mean_f)) for v in r) / 2
    fake = sum(softplus(v - mean_r) for v in f) / 2
    loss = GANLoss('relativistic_avg')
    assert discriminator_terms(loss, R, F) == pytest.approx((real, fake))
    swapped = (sum(softplus(-(v - mean_r)) for v in f) + sum(softplus(v - mean_f) for v in r)) / 2
    assert generator_term(loss, F, real=R) == pytest.approx(swapped)
    with pytest.raises(ValueError, match='real=real'):
        loss.generator(fixed(R, F), FAKE, rng=StepRNG())


# ---- scales ----


@pytest.mark.parametrize('mode', ['bce', 'lsgan', 'lsgan_sigmoid', 'hinge', 'wgan'])
def test_a_rejection_is_the_fake_term_alone(mode):
    loss, fake = GANLoss(mode), torch.tensor([[-2.0], [0.5]], requires_grad=True)
    both = loss.discriminator('D', fixed(torch.zeros(2, 1), fake), REAL, FAKE, rng=StepRNG())
    term, mean_output = loss.reject(lambda img: fake, FAKE, rng=StepRNG())
    assert term.item() == pytest.approx(both['adv.D.fake'].item())
    kind = 'p' if 'sigmoid' in mode or mode == 'bce' else 'o'
    assert mean_output.item() == pytest.approx(both[f'stat.D.{kind}_fake'].item())
    term.backward()
    assert fake.grad is not None  # the discriminator learns from it


def test_nothing_is_rejected_on_the_average():
    with pytest.raises(ValueError, match='comparison with real images'):
        GANLoss('relativistic_avg').reject(lambda img: img, FAKE, rng=StepRNG())


def test_scales_are_averaged_or_summed():
    scales_r, scales_f = [R, R.view(1, 2), R], [F, F.view(1, 2), F]
    single = discriminator_terms(GANLoss('lsgan'), R, F)
    assert discriminator_terms(GANLoss('lsgan'), scales_r, scales_f) == pytest.approx(single)
    summed = discriminator_terms(GANLoss('lsgan', scale_reduction='sum'), scales_r, scales_f)
    assert summed == pytest.approx((3 * single[0], 3 * single[1]))


def test_each_scale_counts_the_same_however_many_patches_it_has():
    fine, coarse = torch.full((2, 1, 8, 4), 3.0), torch.full((2, 1, 1, 1), 1.0)
    assert generator_term(GANLoss('wgan'), [fine, coarse]) == pytest.approx(-2)


def test_scale_weights_are_normalised_for_the_mean_alone():
    scales = [torch.full((1, 1), 1.0), torch.full((1, 1), 4.0)]
    assert generator_term(GANLoss('wgan', scale_weights=[3, 1]), scales) == pytest.approx(-7 / 4)
    loss = GANLoss('wgan', scale_weights=[3, 1], scale_reduction='sum')
    assert generator_term(loss, scales) == pytest.approx(-7)
    with pytest.raises(ValueError, match='scale_weights has 1 values, the discriminator 2 scales'):
        generator_term(GANLoss('wgan', scale_weights=[1]), scales)


def test_lsgan_of_a_constant_discriminator_over_three_fakes_and_scales_has_its_closed_form():
    c, loss = 0.3, GANLoss('lsgan', scale_reduction='sum')
    constant = [torch.full((2, 1, 4, 2), c)] * 3
    total = sum(sum(discriminator_terms(loss, constant, constant)) for _ in range(3))
    assert total == pytest.approx(9 * (c**2 + (1 - c) ** 2))
    adv = sum(2 * generator_term(loss, constant) for _ in range(3))  # the 2 is GCL's weight
    assert adv == pytest.approx(18 * (1 - c) ** 2)


# ---- noise ----


def test_noise_reaches_real_and_fake_and_falls_linearly_to_zero():
    loss = GANLoss('wgan', input_noise={'std': 0.5, 'start': 10, 'iters': 20})
    rng = StepRNG()
    for iteration, std in [(0, 0.5), (10, 0.5), (20, 0.25), (30, 0.0), (99, 0.0)]:
        rng.begin(iteration)
        seen = []

        def discriminator(x, seen=seen):
            seen.append(x)
            return x.mean((1, 2, 3))

        img = torch.full((4, 3, 16, 16), 2.0)
        loss.discriminator('D', discriminator, img, img, rng=rng)
        loss.generator(discriminator, img, rng=rng)
        assert len(seen) == 3  # real, fake, and the generator's fake: once each
        for noisy in seen:
            assert (noisy - img).std().item() == pytest.approx(std, rel=0.1, abs=1e-9)
        assert std == 0 or not torch.equal(seen[0], seen[1])


def test_noise_without_an_end_stays():
    loss = GANLoss('wgan', input_noise={'std': 0.05})
    assert loss.input_noise.std_at(10**6) == 0.05


# ---- plumbing ----


class Scale(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x):
        return self.value * x


def test_the_discriminator_moves_and_the_fake_does_not():
    generator, discriminator = Scale(0.7), Scale(0.3)
    fake = generator(torch.ones(2, 3, 4, 4))
    loss = GANLoss('bce')
    terms = loss.discriminator('Ds', discriminator, torch.randn(2, 3, 4, 4), fake, rng=StepRNG())
    assert set(terms) == {'adv.Ds.real', 'adv.Ds.fake', 'stat.Ds.p_real', 'stat.Ds.p_fake'}
    assert all(term.shape == () for term in terms.values())
    assert not terms['stat.Ds.p_real'].requires_grad
    (terms['adv.Ds.real'] + terms['adv.Ds.fake']).backward()
    assert generator.value.grad is None
    assert discriminator.value.grad is not None
    loss.generator(discriminator, fake, rng=StepRNG()).backward()
    assert generator.value.grad is not None


def test_a_rejection_moves_the_discriminator_and_not_the_fake():
    weight, fake = torch.ones(1, requires_grad=True), FAKE.clone().requires_grad_()
    term, _ = GANLoss('bce').reject(lambda img: weight * img, fake, rng=StepRNG())
    term.backward()
    assert weight.grad is not None
    assert fake.grad is None


def test_the_relativistic_generator_moves_the_fake_and_not_the_real():
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    GANLoss('relativistic_avg').generator(
        lambda img: 2 * img, fake, real=real, rng=StepRNG()
    ).backward()
    assert fake.grad.abs().sum() > 0
    assert real.grad is None


@pytest.mark.parametrize(
    'mode, kind, value',
    [
        ('bce', 'p', 1 / (1 + math.exp(-3))),
        ('bce_prob', 'p', 0.4),
        ('lsgan', 'o', 3.0),
        ('wgan', 'o', 3.0),
    ],
)
def test_reports_a_probability_where_the_output_is_one(mode, kind, value):
    out = torch.full((2, 1), 0.4 if mode == 'bce_prob' else 3.0)
    terms = GANLoss(mode).discriminator(
        'D', fixed([out, out], [out, out]), REAL, FAKE, rng=StepRNG()
    )
    assert terms[f'stat.D.{kind}_real'].item() == pytest.approx(value)


@pytest.mark.parametrize('mode', ['bce', 'bce_prob', 'lsgan', 'hinge', 'wgan', 'relativistic_avg'])
def test_the_loss_is_float32_under_autocast(mode):
    loss = GANLoss(mode)
    outputs = [torch.rand(2, 1).bfloat16().requires_grad_() for _ in range(2)]
    with torch.autocast('cpu', torch.bfloat16):
        terms = loss.discriminator('D', fixed(*outputs), REAL, FAKE, rng=StepRNG())
        adv = loss.generator(fixed(*outputs), FAKE, rng=StepRNG(), real=REAL)
    assert {term.dtype for term in [*terms.values(), adv]} == {torch.float32}
    adv.backward()


@pytest.mark.parametrize(
    'trick',
    [
        {'smooth_real': (0.7, 1.0)},
        {'smooth_fake': (0.0, 0.3)},
        {'flip_prob': 0.1},
    ],
)
@pytest.mark.parametrize('mode', ['hinge', 'wgan', 'relativistic_avg'])
def test_label_tricks_without_labels_are_refused_at_build(mode, trick):
    with pytest.raises(ValueError, match=f"mode '{mode}' has no labels to smooth or swap"):
        GANLoss(mode, labels=trick)


@pytest.mark.parametrize(
    'wrong, message',
    [
        ({'mode': 'gan'}, r"mode is 'gan' \(did you mean 'wgan'\?\); choose one of bce, "),
        ({'scale_reduction': 'max'}, "scale_reduction is 'max'"),
        ({'labels': {'draw_per': 'pixel'}}, "draw_per is 'pixel'"),
        ({'labels': {'flip_prob': 2}}, 'flip_prob is 2'),
        ({'labels': {'smooth_real': (1.0, 0.7)}}, r'smooth_real is \(1.0, 0.7\)'),
        ({'input_noise': {'std': 0.1, 'iters': 0}}, 'iters 0'),
    ],
)
def test_wrong_values_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        GANLoss(**wrong)


def test_least_squares_of_a_sigmoid_warns(monkeypatch):
    records = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'handle', records.append)
    GANLoss('lsgan_sigmoid')
    assert [record.levelno for record in records] == [logging.WARNING]
    assert 'gradient vanishes' in records[0].getMessage()


def test_a_config_builds_the_loss_and_it_holds_nothing_to_train():
    loss = LOSSES.build({'type': 'GANLoss', 'mode': 'bce', 'scale_reduction': 'sum', **SMOOTH})
    assert list(loss.parameters()) == []
    assert loss.state_dict() == {}
