"""BoundaryEquilibrium: errors, gradients, and the controller of the balance."""

import pytest
import torch
from torch import nn

from reidgen.losses import BoundaryEquilibrium


def update(loss: BoundaryEquilibrium, d_real: float, d_fake: float) -> dict[str, float]:
    told = loss.update(torch.tensor(d_real), torch.tensor(d_fake))
    return {key: value.item() for key, value in told.items()}


class Halving(nn.Module):
    """Auto-encoder that gives back the share w of an image."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.5))

    def forward(self, img):
        return self.w * img


def test_the_error_is_the_mean_difference_to_the_reconstruction():
    img = torch.tensor([[[[1.0, -3.0]]]])  # differences 0.5 and 1.5
    assert BoundaryEquilibrium().error(Halving(), img).item() == pytest.approx(1.0)
    assert BoundaryEquilibrium(exponent=2).error(Halving(), img).item() == pytest.approx(1.25)


def test_k_rises_by_the_balance_and_is_clipped_at_zero():
    loss = BoundaryEquilibrium(gamma=0.5)
    # 0.5 * 0.2 - 0.05 = 0.05
    told = update(loss, 0.2, 0.05)
    assert told['stat.balance'] == pytest.approx(0.05)
    assert told['stat.k'] == loss.k.item() == pytest.approx(5e-5)
    assert told['stat.M'] == loss.measure.item() == pytest.approx(0.25)
    # 0.5 * 0.2 - 0.3 = -0.2
    told = update(loss, 0.2, 0.3)
    assert told['stat.balance'] == pytest.approx(-0.2)
    assert (told['stat.k'], loss.k.item()) == (0.0, 0.0)
    assert told['stat.M'] == pytest.approx(0.4)


def test_k_stays_from_zero_to_one_whatever_the_balance():
    loss = BoundaryEquilibrium(gamma=0.7, k_rate=0.1, k_start=0.5)
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for scale in torch.rand(2_000, generator=generator) ** -3:
        errors = scale * torch.rand(2, generator=generator)
        loss.update(*errors)
        assert 0 <= loss.k <= 1
        seen.add(loss.k.item())
    assert {0.0, 1.0} < seen


def test_the_discriminator_takes_fakes_as_far_as_k_says():
    real, fake = torch.full((1, 1, 2, 2), 2.0), torch.full((1, 1, 2, 2), -4.0)
    loss = BoundaryEquilibrium(k_start=0.25)
    terms = loss.discriminator('D', Halving(), real, fake)
    values = {key: value.item() for key, value in terms.items()}
    assert values == {
        'adv.D.real': 1.0,
        'adv.D.fake': -0.5,
        'stat.D.L_fake': 2.0,
        'stat.D.ratio': 2.0,
    }


def test_without_k_the_gradient_is_that_of_the_reals_alone():
    img = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    for k, alike in ((0.0, True), (0.5, False)):
        network, loss = Halving(), BoundaryEquilibrium(k_start=k)
        terms = loss.discriminator('D', network, img, 2 * img)
        (both,) = torch.autograd.grad(
            terms['adv.D.real'] + terms['adv.D.fake'], network.w, retain_graph=True
        )
        (alone,) = torch.autograd.grad(terms['adv.D.real'], network.w)
        assert torch.equal(both, alone) is alike


def test_the_generator_is_led_by_its_image_and_by_the_reconstruction():
    # |v - w v| has the gradient (1 - w) sign(v), with the reconstruction held fast sign(v)
    fake = torch.full((1, 1, 1, 4), 3.0, requires_grad=True)
    network = Halving()
    (gradient,) = torch.autograd.grad(BoundaryEquilibrium().generator(network, fake), fake)
    assert gradient.flatten().tolist() == [0.125] * 4
    held = (fake - network(fake).detach()).abs().mean()
    (gradient,) = torch.autograd.grad(held, fake)
    assert gradient.flatten().tolist() == [0.25] * 4


def test_the_fakes_of_the_discriminator_are_detached():
    fake = torch.ones(1, 1, 2, 2, requires_grad=True)
    loss, network = BoundaryEquilibrium(k_start=1.0), Halving()
    terms = loss.discriminator('D', network, torch.ones(1, 1, 2, 2), fake)
    (terms['adv.D.real'] + terms['adv.D.fake']).backward()
    assert fake.grad is None


def test_perfect_reconstructions_leave_k_where_it_is():
    loss, img = BoundaryEquilibrium(k_start=0.3), torch.rand(2, 3, 4, 4)
    terms = loss.discriminator('D', nn.Identity(), img, -img)
    assert terms['adv.D.real'].item() == terms['stat.D.L_fake'].item() == 0.0
    assert terms['stat.D.ratio'].isfinite()
    told = loss.update(terms['adv.D.real'], terms['stat.D.L_fake'])
    assert (told['stat.balance'].item(), loss.k.item()) == (0.0, pytest.approx(0.3))


def test_k_and_m_are_saved_and_are_no_parameters():
    loss = BoundaryEquilibrium()
    update(loss, 0.7, 0.1)
    assert list(loss.parameters()) == []
    other = BoundaryEquilibrium()
    other.load_state_dict(loss.state_dict())
    assert torch.equal(other.k, loss.k)
    assert torch.equal(other.measure, loss.measure)
    assert loss.k > 0


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(gamma=1.5), r'equilibrium\.gamma is 1\.5; it must be in 0\.\.1'),
        (dict(k_start=-0.1), r'equilibrium\.k_start is -0\.1'),
        (dict(k_rate=float('nan')), r'equilibrium\.k_rate is nan'),
        (dict(exponent=3), r'equilibrium\.exponent is 3; choose one of 1, 2'),
    ],
)
def test_what_cannot_be_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        BoundaryEquilibrium(**options)
