import math

import pytest
import torch
from swap_pictures import Batch
from torch import nn

from projects.cagan.cagan import CAGAN, GeneratorOutput
from projects.cagan.cagan.model import pair
from reidgen.engine.step import weigh

LN2 = math.log(2)


class ConstantDiscriminator(nn.Module):
    """Discriminator with the same probability for every patch."""

    learned_noise, sigmoid = False, True

    def forward(self, pair):
        return torch.full((len(pair), 1, 2, 1), 0.5)


class ConstantGenerator(nn.Module):
    """Generator of a grey image with constant alpha, which records its inputs."""

    def __init__(self, alpha: float):
        super().__init__()
        self.alpha, self.calls = alpha, []

    def forward(self, person, worn, wanted):
        self.calls.append((person, worn, wanted))
        alpha = torch.full_like(person[:, :1], self.alpha)
        return GeneratorOutput(alpha, torch.full_like(person, 0.25))


def make(**options) -> CAGAN:
    torch.manual_seed(0)
    weights = dict(adv=1.0, mismatch=1.0, cycle_adv=1.0, cycle=1.0, id=0.1, idt=0.0)
    networks = dict(
        G=dict(type='CAGANGenerator', base_dim=4), D=dict(type='CAGANDiscriminator', base_dim=4)
    )
    networks['G'] |= options.pop('G', {})
    return CAGAN(
        networks,
        weights | options.pop('loss_weights', {}),
        options.pop('gan_loss', dict(type='GANLoss', mode='bce_prob')),
        **options,
    )


def constant_generator(model: CAGAN, alpha: float) -> ConstantGenerator:
    model.G = ConstantGenerator(alpha)
    return model.G


def test_alpha_zero_leaves_the_person_bit_by_bit():
    model, batch = make(), Batch()
    constant_generator(model, 0.0)
    x = model.forward_translation(batch)
    assert torch.equal(x.x_ij, batch.pairs.person)
    losses = model.generator_losses(batch, x)
    zero = [losses[name].item() for name in ('cycle.person', 'id.swap', 'id.back')]
    assert zero == [0, 0, 0]


def test_alpha_one_shows_the_candidate_alone():
    model, batch = make(), Batch()
    constant_generator(model, 1.0)
    x = model.forward_translation(batch)
    assert torch.equal(x.x_ij, x.candidate_ij)


def test_a_swap_stays_between_its_two_pictures():
    model, batch = make(), Batch()
    with torch.no_grad():
        x_ij, alpha, candidate = model.swap(*batch.pairs)
    low, high = (pick(candidate, batch.pairs.person) for pick in (torch.minimum, torch.maximum))
    assert ((x_ij >= low - 1e-6) & (x_ij <= high + 1e-6)).all()
    assert x_ij.abs().max() <= 1
    assert alpha.min() > 0


def test_the_way_back_starts_from_the_swap_with_the_garments_exchanged():
    model, batch = make(), Batch()
    generator = constant_generator(model, 0.5)
    x = model.forward_translation(batch)
    x_i, y_i, y_j = batch.pairs
    there, back = generator.calls
    assert all(torch.equal(*each) for each in zip(there, (x_i, y_i, y_j)))
    assert all(torch.equal(*each) for each in zip(back, (x.x_ij, y_j, y_i)))
    assert torch.allclose(x.x_ij, 0.125 + x_i / 2)
    assert torch.allclose(x.x_ji, 0.125 + x.x_ij / 2)


@pytest.mark.parametrize('cycle_adv, terms', [(1.0, 2), (0.0, 1)])
def test_an_undecided_discriminator_costs_ln2_a_term(cycle_adv, terms):
    model, batch = make(loss_weights=dict(cycle_adv=cycle_adv)), Batch()
    x = model.forward_translation(batch)
    model.D = ConstantDiscriminator()
    discriminator = model.discriminator_losses(batch, x)
    assert weigh(discriminator, model.loss_weights, 'D').item() == pytest.approx(3 * LN2)
    losses = model.generator_losses(batch, x)
    adv = sum(term for name, term in losses.items() if 'adv' in name)
    assert adv.item() == pytest.approx(terms * LN2)


def test_alpha_is_weighed_by_its_mean_or_by_its_sum():
    batch, size = Batch(size=(128, 96)), dict(id_loss=dict(reduction='sum'))
    for options, expected in (({}, 1.0), (size, 2 * 0.5 * 2 * 128 * 96)):
        model = make(**options)
        constant_generator(model, 0.5)
        losses = model.generator_losses(batch, model.forward_translation(batch))
        assert (losses['id.swap'] + losses['id.back']).item() == pytest.approx(expected)
    model = make(id_loss=dict(passes='first'))
    assert 'id.back' not in model.generator_losses(batch, model.forward_translation(batch))


def test_the_adversarial_term_sees_the_swap_and_in_the_published_fault_does_not():
    batch = Batch()
    for adv_on, sees in (('swap', True), ('cycle', False)):
        model = make(adv_on=adv_on)
        x = model.forward_translation(batch)
        other = x._replace(x_ij=-x.x_ij)  # x_ji held fixed
        terms = [model.generator_losses(batch, given)['adv.swap'] for given in (x, other)]
        assert (terms[0] != terms[1]) == sees


def test_the_discriminator_is_given_the_real_the_swapped_and_the_mismatched_pair():
    model, batch = make(), Batch()
    x, seen = model.forward_translation(batch), []
    model.D.register_forward_hook(lambda network, given, out: seen.append(given[0]))
    losses = model.discriminator_losses(batch, x)
    x_i, y_i, y_j = batch.pairs
    expected = [pair(x_i, y_i), pair(x.x_ij, y_j), pair(x_i, y_j)]
    assert all(torch.equal(*each) for each in zip(seen, expected))
    assert not seen[1].requires_grad
    assert {'adv.D.real', 'adv.D.fake', 'mismatch.D', 'stat.D.mismatch'} <= set(losses)


def test_a_family_of_weight_zero_costs_nothing():
    model, batch, seen = make(loss_weights=dict(mismatch=0.0, cycle_adv=0.0)), Batch(), []
    x = model.forward_translation(batch)
    model.D.register_forward_hook(lambda *_: seen.append(1))
    assert 'mismatch.D' not in model.discriminator_losses(batch, x)
    assert 'cycle_adv.back' not in model.generator_losses(batch, x)
    assert len(seen) == 3
    model = make(loss_weights=dict(idt=1.0))
    constant_generator(model, 0.0)
    losses = model.generator_losses(batch, model.forward_translation(batch))
    assert losses['idt.own'].item() == 0


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(adv_on='both'), "adv_on is 'both'"),
        (dict(id_loss=dict(reduction='max')), "reduction is 'max'"),
        (dict(id_loss=dict(weight=1)), 'weight is 1'),
        (dict(gan_loss=dict(type='GANLoss', mode='lsgan')), "probabilities go with 'bce_prob'"),
    ],
)
def test_choices_that_do_not_fit_are_refused_at_build(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
