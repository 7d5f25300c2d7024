import math
from pathlib import Path

import pytest
import torch
from torch import nn

from projects.cagan.cagan import CAGAN, CAGANDiscriminator, CAGANGenerator, Painting, SwapBatch
from projects.cagan.cagan.model import pair
from projects.cagan.cagan.networks import KerasCAGANDiscriminator, scaled_down
from reidgen.engine.config import load_config
from reidgen.engine.step import weigh

CONFIGS = Path(__file__).parents[1] / 'configs'
SMOKE = CONFIGS / 'cagan_smoke.py'
LN2 = math.log(2)


class Batch:
    """What a loop hands out: the loader `pairs`."""

    def __init__(self, num: int = 2, size: tuple[int, int] = (32, 16)):
        generator = torch.Generator().manual_seed(0)
        self.pairs = SwapBatch(*torch.rand(3, num, 3, *size, generator=generator) * 2 - 1)


class ConstantCritic(nn.Module):
    """Gives every patch the same probability."""

    learned_noise, sigmoid = False, True

    def forward(self, pair):
        return torch.full((len(pair), 1, 2, 1), 0.5)


class ConstantPainter(nn.Module):
    """Paints grey with the same alpha everywhere, and keeps what it was given."""

    def __init__(self, alpha: float):
        super().__init__()
        self.alpha, self.calls = alpha, []

    def forward(self, person, worn, wanted):
        self.calls.append((person, worn, wanted))
        return Painting(torch.full_like(person[:, :1], self.alpha), torch.full_like(person, 0.25))


def make(**options) -> CAGAN:
    torch.manual_seed(0)
    weights = dict(adv=1.0, mismatch=1.0, cycle_adv=1.0, cycle=1.0, id=0.1, identity=0.0)
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


def painted_by(model: CAGAN, alpha: float) -> ConstantPainter:
    model.G = ConstantPainter(alpha)
    return model.G


# ---- networks ----


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    'network, number',
    [
        (CAGANGenerator(), 3_551_900),
        (CAGANGenerator(head='norm_lrelu'), 3_551_908),
        (CAGANDiscriminator(), 1_559_105),
        (CAGANDiscriminator(inject=True), 1_607_543),
        (CAGANDiscriminator(learned_noise=True), 1_559_106),
        (KerasCAGANDiscriminator(), 2_768_705),
    ],
)
def test_networks_have_the_published_number_of_parameters(network, number):
    assert count(network) == number


def test_features_and_maps_have_the_published_sizes():
    network, seen = CAGANGenerator(base_dim=64), []
    for layer in [*network.down, *network.up]:
        layer.register_forward_hook(lambda layer, given, out: seen.append((given[0], out)))
    x = torch.zeros(1, 3, 128, 96)
    out = network(x, x, x)
    assert [given.shape[1] for given, _ in seen] == [9, 70, 134, 262, 518, 518, 262]
    sizes = [tuple(out.shape[1:]) for _, out in seen]
    assert sizes[:4] == [(64, 64, 48), (128, 32, 24), (256, 16, 12), (512, 8, 6)]
    assert sizes[4:] == [(256, 16, 12), (128, 32, 24), (64, 64, 48)]
    assert network.last.in_channels == 134
    assert (out.alpha.shape, out.painted.shape) == ((1, 1, 128, 96), (1, 3, 128, 96))
    pairs = torch.zeros(1, 6, 128, 96)
    assert CAGANDiscriminator()(pairs).shape == (1, 1, 8, 6)
    assert CAGANDiscriminator(head_padding=0)(pairs).shape == (1, 1, 6, 4)
    assert KerasCAGANDiscriminator()(pairs).shape == (1, 1, 14, 10)


@pytest.mark.parametrize('head, bounded', [('bounded', True), ('norm_lrelu', False)])
def test_the_bounded_head_keeps_its_range_and_the_published_fault_does_not(head, bounded):
    torch.manual_seed(1)
    network = CAGANGenerator(base_dim=4, head=head)
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    out = network(*torch.rand(3, 2, 3, 32, 16))
    assert (out.alpha.min() >= 0 and out.alpha.max() <= 1) == bounded
    assert (out.painted.abs().max() <= 1) == bounded


@pytest.mark.parametrize('inject, moved', [('xi_yj', 'wanted'), ('xi_yi', 'worn'), (None, None)])
def test_only_the_injected_garment_changes_what_is_injected(inject, moved):
    network, pictures = CAGANGenerator(base_dim=4, inject=inject), Batch().pairs
    before = network.injected(*pictures)
    for changed in ('worn', 'wanted'):
        other = pictures._replace(**{changed: -getattr(pictures, changed)})
        after = network.injected(*other)
        if inject is None:
            assert after is None
        else:
            assert torch.equal(before, after) == (changed != moved)
        first = [network.down[0](torch.cat(given, dim=1)) for given in (pictures, other)]
        assert not torch.equal(*first)  # the nine channels see it all the same


def test_bilinear_takes_the_middle_and_area_takes_all():
    picture = torch.arange(16.0).view(1, 1, 4, 4)
    assert scaled_down(picture, 4).item() == pytest.approx((5 + 6 + 9 + 10) / 4)
    picture[0, 0, 0, 0] = 160
    assert scaled_down(picture, 4).item() == pytest.approx(7.5)
    assert scaled_down(picture, 4, 'area').item() == pytest.approx(7.5 + 10)


def test_learned_noise_starts_at_nothing():
    network, pairs = CAGANDiscriminator(base_dim=4, learned_noise=True), torch.rand(2, 6, 32, 16)
    noise = torch.randn(2, 1, 32, 16)
    assert torch.equal(network(pairs, noise), network(pairs))
    nn.init.ones_(network.noise_factor)
    assert not torch.equal(network(pairs, noise), network(pairs))


def test_pictures_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match=r'pictures are 100 x 64; .* multiples of 16'):
        CAGANGenerator(base_dim=4)(*torch.zeros(3, 1, 3, 100, 64))
    with pytest.raises(ValueError, match="head is 'sigmoid'; choose one of 'bounded'"):
        CAGANGenerator(head='sigmoid')


# ---- the model ----


def test_alpha_zero_leaves_the_person_bit_by_bit():
    model, batch = make(), Batch()
    painted_by(model, 0.0)
    x = model.translate(batch)
    assert torch.equal(x.x_ij, batch.pairs.person)
    losses = model.generator_losses(batch, x)
    zero = [losses[name].item() for name in ('cycle.person', 'id.swap', 'id.back')]
    assert zero == [0, 0, 0]


def test_alpha_one_shows_the_painting_alone():
    model, batch = make(), Batch()
    painted_by(model, 1.0)
    x = model.translate(batch)
    assert torch.equal(x.x_ij, x.painted_ij)


def test_a_swap_stays_between_its_two_pictures():
    model, batch = make(), Batch()
    with torch.no_grad():
        x_ij, alpha, painted = model.swap(*batch.pairs)
    low, high = (pick(painted, batch.pairs.person) for pick in (torch.minimum, torch.maximum))
    assert ((x_ij >= low - 1e-6) & (x_ij <= high + 1e-6)).all()
    assert x_ij.abs().max() <= 1
    assert alpha.min() > 0


def test_the_way_back_starts_from_the_swap_with_the_garments_exchanged():
    model, batch = make(), Batch()
    painter = painted_by(model, 0.5)
    x = model.translate(batch)
    x_i, y_i, y_j = batch.pairs
    there, back = painter.calls
    assert all(torch.equal(*each) for each in zip(there, (x_i, y_i, y_j)))
    assert all(torch.equal(*each) for each in zip(back, (x.x_ij, y_j, y_i)))
    assert torch.allclose(x.x_ij, 0.125 + x_i / 2)
    assert torch.allclose(x.x_ji, 0.125 + x.x_ij / 2)


@pytest.mark.parametrize('cycle_adv, terms', [(1.0, 2), (0.0, 1)])
def test_an_undecided_critic_costs_ln2_a_term(cycle_adv, terms):
    model, batch = make(loss_weights=dict(cycle_adv=cycle_adv)), Batch()
    x = model.translate(batch)
    model.D = ConstantCritic()
    critic = model.critic_losses(batch, x)
    assert weigh(critic, model.loss_weights, 'D').item() == pytest.approx(3 * LN2)
    losses = model.generator_losses(batch, x)
    adv = sum(term for name, term in losses.items() if 'adv' in name)
    assert adv.item() == pytest.approx(terms * LN2)


def test_alpha_is_weighed_by_its_mean_or_by_its_sum():
    batch, size = Batch(size=(128, 96)), dict(id_loss=dict(reduction='sum'))
    for options, expected in (({}, 1.0), (size, 2 * 0.5 * 2 * 128 * 96)):
        model = make(**options)
        painted_by(model, 0.5)
        losses = model.generator_losses(batch, model.translate(batch))
        assert (losses['id.swap'] + losses['id.back']).item() == pytest.approx(expected)
    model = make(id_loss=dict(passes='first'))
    assert 'id.back' not in model.generator_losses(batch, model.translate(batch))


def test_the_adversarial_term_sees_the_swap_and_in_the_published_fault_does_not():
    batch = Batch()
    for adv_on, sees in (('swap', True), ('cycle', False)):
        model = make(adv_on=adv_on)
        x = model.translate(batch)
        other = x._replace(x_ij=-x.x_ij)  # x_ji held fixed
        terms = [model.generator_losses(batch, given)['adv.swap'] for given in (x, other)]
        assert (terms[0] != terms[1]) == sees


def test_the_critic_judges_the_three_pairs_that_it_is_told_of():
    model, batch = make(), Batch()
    x, seen = model.translate(batch), []
    model.D.register_forward_hook(lambda network, given, out: seen.append(given[0]))
    losses = model.critic_losses(batch, x)
    x_i, y_i, y_j = batch.pairs
    expected = [pair(x_i, y_i), pair(x.x_ij, y_j), pair(x_i, y_j)]
    assert all(torch.equal(*each) for each in zip(seen, expected))
    assert not seen[1].requires_grad
    assert {'adv.D.real', 'adv.D.fake', 'mismatch.D', 'stat.D.mismatch'} <= set(losses)


def test_a_family_of_weight_zero_costs_nothing():
    model, batch, seen = make(loss_weights=dict(mismatch=0.0, cycle_adv=0.0)), Batch(), []
    x = model.translate(batch)
    model.D.register_forward_hook(lambda *_: seen.append(1))
    assert 'mismatch.D' not in model.critic_losses(batch, x)
    assert 'cycle_adv.back' not in model.generator_losses(batch, x)
    assert len(seen) == 3
    model = make(loss_weights=dict(identity=1.0))
    painted_by(model, 0.0)
    losses = model.generator_losses(batch, model.translate(batch))
    assert losses['identity.own'].item() == 0


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


# ---- training ----


def test_the_smoke_config_trains_and_draws_its_panel(build, tmp_path):
    build(SMOKE).train()
    assert (tmp_path / 'cagan_smoke/stage_swap.pth').exists()
    assert len(list((tmp_path / 'cagan_smoke/grids').glob('*.png'))) == 1


@pytest.mark.parametrize('phase', ['D', 'G'])
def test_a_phase_moves_exactly_what_it_names(phase, step_of):
    assert step_of(SMOKE).moves(phase) == {phase}


@pytest.mark.parametrize(
    'term, moved',
    [
        ('adv.swap', {'G', 'D'}),
        ('cycle_adv.back', {'G', 'D'}),
        ('cycle.person', {'G'}),
        ('id.swap', {'G'}),
        ('id.back', {'G'}),
    ],
)
def test_each_term_of_the_generator_reaches_the_networks_it_should(term, moved, step_of):
    step = step_of(SMOKE)
    losses = step.model.generator_losses(step.batch, step.model.translate(step.batch))
    assert step.gradients(losses[term]) == moved


def on_drawn_figures(cfg) -> None:
    """Narrow networks on stick figures, one iteration; in place."""
    small = load_config(SMOKE)
    for name, network in cfg.model.networks.items():
        network.base_dim = small.model.networks[name].base_dim
    figures = small.train_dataloader.pairs.dataset
    figures.size = (64, 64)  # a critic without padding needs four patches each way
    cfg.train_dataloader.pairs.dataset = figures
    cfg.train_dataloader.pairs.update(batch_size=2, num_workers=0)
    for stage in cfg.train_cfg.stages:
        stage.iters = 1


NAMES = sorted(path.stem for path in CONFIGS.glob('*.py') if path != SMOKE)


@pytest.mark.parametrize('name', NAMES)
def test_every_config_trains_one_iteration_on_drawn_figures(name, build, tmp_path):
    build(CONFIGS / f'{name}.py', change=on_drawn_figures).train()
    assert (tmp_path / name / 'stage_swap.pth').exists()
