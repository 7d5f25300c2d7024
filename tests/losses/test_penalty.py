import math

import pytest
import torch
from torch import nn

from reidgen.losses import GradientPenalty
from reidgen.models.discriminators import MultiScaleDiscriminator
from reidgen.rng import StepRNG


class Linear(nn.Module):
    """D(x) = <w, x>, one output; or each of `patches` equal outputs."""

    def __init__(self, w: float, patches: int = 1):
        super().__init__()
        self.w = nn.Parameter(torch.full((3, 4, 4), w))
        self.patches = patches
        self.seen = []

    def forward(self, x):
        self.seen.append(x)
        return (self.w * x).sum((1, 2, 3))[:, None].repeat(1, self.patches).view(len(x), 1, 1, -1)


def penalty(discriminator, kind='wgan_gp', real=None, fake=None, rng=None, **kwargs) -> dict:
    real = torch.randn(4, 3, 4, 4) if real is None else real
    fake = torch.randn(4, 3, 4, 4) if fake is None else fake
    return GradientPenalty(kind, **kwargs)('D', discriminator, real, fake, rng=rng or StepRNG())


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize(
    'kind, w, expected',
    [
        ('wgan_gp', 0.5, (math.sqrt(48) * 0.5 - 1) ** 2),
        ('wgan_gp', 0.1, (math.sqrt(48) * 0.1 - 1) ** 2),
        ('wgan_gp_1s', 0.5, 6.071796),
        ('wgan_gp_1s', 0.1, 0.0),
        ('dragan', 0.5, 6.071796),
        ('r1_dgnet', 0.5, 48 * 0.25),
        ('r1', 0.5, 48 * 0.25 / 2),
        ('r2', 0.1, 48 * 0.01 / 2),
    ],
)
def test_a_linear_discriminator_has_the_slope_of_its_weights_wherever_it_is_taken(
    kind, w, expected
):
    result = penalty(Linear(w), kind)
    assert result['gp.D'].item() == pytest.approx(expected, abs=1e-5)
    assert result['stat.D.grad_norm'].item() == pytest.approx(w * math.sqrt(48), rel=1e-5)
    assert result['gp.D'].shape == result['stat.D.grad_norm'].shape == ()
    assert not result['stat.D.grad_norm'].requires_grad


def test_a_unit_slope_costs_nothing():
    assert penalty(Linear(1 / math.sqrt(48)))['gp.D'].item() == pytest.approx(0, abs=1e-10)
    assert penalty(Linear(0.5), target=0.5 * math.sqrt(48))['gp.D'].item() == pytest.approx(
        0, abs=1e-10
    )


def test_sum_over_equal_patches_multiplies_the_slope_by_their_number():
    slope, patches = 0.1 * math.sqrt(48), 6
    summed = penalty(Linear(0.1, patches), reduction='sum')['gp.D'].item()
    assert summed == pytest.approx((patches * slope - 1) ** 2, rel=1e-4)
    assert penalty(Linear(0.1, patches), reduction='mean')['gp.D'].item() == pytest.approx(
        (slope - 1) ** 2, rel=1e-4
    )


def test_scales_are_summed():
    a, b = Linear(0.5), Linear(0.1)
    both = penalty(lambda x: [a(x), b(x)])
    expected = (0.5 * math.sqrt(48) - 1) ** 2 + (0.1 * math.sqrt(48) - 1) ** 2
    assert both['gp.D'].item() == pytest.approx(expected, rel=1e-5)
    assert both['stat.D.grad_norm'].item() == pytest.approx(0.3 * math.sqrt(48), rel=1e-5)


def test_points_lie_between_real_and_fake_by_one_number_a_sample():
    discriminator = Linear(0.5)
    penalty(discriminator, real=torch.ones(8, 3, 4, 4), fake=torch.zeros(8, 3, 4, 4))
    point = discriminator.seen[0].detach()
    alpha = point[:, 0, 0, 0]
    assert torch.equal(point, alpha.view(-1, 1, 1, 1).expand_as(point))
    assert len(alpha.unique()) == 8
    assert alpha.min() >= 0
    assert alpha.max() <= 1


@pytest.mark.parametrize('kind, side', [('r1', 'real'), ('r1_dgnet', 'real'), ('r2', 'fake')])
def test_zero_centred_penalties_look_at_one_side(kind, side):
    discriminator, sides = (
        Linear(0.5),
        {'real': torch.randn(2, 3, 4, 4), 'fake': torch.randn(3, 3, 4, 4)},
    )
    penalty(discriminator, kind, **sides)
    assert torch.equal(discriminator.seen[0], sides[side])


def test_dragan_looks_around_the_real_images():
    discriminator, real = Linear(0.5), 3 * torch.randn(4, 3, 4, 4)
    penalty(discriminator, 'dragan', real=real)
    offset = (discriminator.seen[0] - real).detach() / (0.5 * real.std())
    assert offset.min() >= 0
    assert offset.max() <= 1
    assert offset.std().item() == pytest.approx(1 / math.sqrt(12), rel=0.15)  # uniform, per element


def test_unequal_batches_are_cut_to_the_smaller():
    discriminator = Linear(0.5)
    penalty(discriminator, real=torch.randn(5, 3, 4, 4), fake=torch.randn(3, 3, 4, 4))
    assert len(discriminator.seen[0]) == 3


def test_the_mean_runs_over_samples_of_a_curved_discriminator():
    # D(x) = sum x^2 / 2 has the gradient x
    real = torch.randn(4, 3, 4, 4)
    result = penalty(lambda x: x.square().sum((1, 2, 3)) / 2, 'r1_dgnet', real=real)
    assert result['gp.D'].item() == pytest.approx(
        sum(x.norm().item() ** 2 for x in real) / 4, rel=1e-5
    )
    assert result['stat.D.grad_norm'].item() == pytest.approx(
        sum(x.norm().item() for x in real) / 4, rel=1e-5
    )


def test_only_the_discriminator_gets_a_gradient():
    generator = nn.Conv2d(3, 3, 1)
    discriminator, real = Linear(0.5), torch.randn(2, 3, 4, 4)
    fake = generator(torch.randn(2, 3, 4, 4))
    penalty(discriminator, real=real, fake=fake)['gp.D'].backward()
    assert discriminator.w.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in generator.parameters())
    assert not real.requires_grad
    assert real.grad is None


def test_two_backwards_add_up_to_the_backward_of_the_sum():
    discriminator = MultiScaleDiscriminator(num_scales=2, base_dim=2, num_res_blocks=1)
    for parameter in discriminator.parameters():
        nn.init.normal_(parameter, std=0.3)
    real, fake = torch.randn(2, 3, 16, 16), torch.randn(2, 3, 16, 16)

    def terms():
        adv = sum(scale.square().mean() for scale in discriminator(real))
        return adv, penalty(discriminator, real=real, fake=fake)['gp.D']

    for term in terms():
        term.backward()
    apart = [parameter.grad.clone() for parameter in discriminator.parameters()]
    discriminator.zero_grad()
    sum(terms()).backward()
    for parameter, gradient in zip(discriminator.parameters(), apart):
        assert torch.allclose(parameter.grad, gradient, atol=1e-6, rtol=1e-4)


def test_a_flat_discriminator_has_a_finite_gradient():
    discriminator = Linear(0.0)
    result = penalty(discriminator)
    assert result['gp.D'].item() == pytest.approx(1, abs=1e-5)
    result['gp.D'].backward()
    assert discriminator.w.grad.isfinite().all()


def test_lazy_penalty_is_a_graphless_zero_but_for_every_nth_iteration():
    rng = StepRNG()
    for iteration in range(7):
        rng.begin(iteration)
        result = penalty(Linear(0.5), every=3, rng=rng)
        if iteration % 3 == 0:
            assert result['gp.D'].item() == pytest.approx(3 * 6.071796, rel=1e-5)
        else:
            assert result['gp.D'].item() == 0
            assert not result['gp.D'].requires_grad
            assert set(result) == {'gp.D'}


def test_the_penalty_is_float32_under_autocast():
    discriminator = nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(), nn.Conv2d(4, 1, 1))
    real, fake = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8)
    plain = penalty(discriminator, real=real, fake=fake)['gp.D']
    with torch.autocast('cpu', torch.bfloat16):
        mixed = penalty(discriminator, real=real, fake=fake)['gp.D']
    assert mixed.dtype == torch.float32
    assert torch.equal(plain, mixed)


@pytest.mark.parametrize(
    'wrong, message',
    [
        ({'kind': 'none'}, "kind is 'none'; choose one of wgan_gp, "),
        ({'reduction': 'max'}, "reduction is 'max'"),
        ({'every': 0}, 'every is 0'),
    ],
)
def test_wrong_values_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        GradientPenalty(**wrong)


def test_images_of_several_sizes_have_a_slope_each_at_one_alpha_a_sample():
    seen = []

    def discriminator(images):
        seen.extend(images)
        return [w * img.sum((1, 2, 3))[:, None] for w, img in zip((0.5, 0.1), images)]

    sizes = ((2, 3, 4, 4), (2, 3, 2, 2))
    real, fake = (tuple(make(size) for size in sizes) for make in (torch.ones, torch.zeros))
    result = penalty(discriminator, real=real, fake=fake)
    slopes = 0.5 * math.sqrt(48), 0.1 * math.sqrt(12)
    assert result['gp.D'].item() == pytest.approx(sum((s - 1) ** 2 for s in slopes), rel=1e-5)
    assert result['stat.D.grad_norm'].item() == pytest.approx(sum(slopes) / 2, rel=1e-5)
    alphas = [img.flatten(1) for img in seen]  # real is 1, fake 0: a point is its alpha
    assert all((alpha == alphas[0][:, :1]).all() for alpha in alphas)
    assert alphas[0][0, 0] != alphas[0][1, 0]
