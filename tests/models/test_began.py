"""BEGAN: networks, phases, and k over a training."""

from collections import namedtuple
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from reidgen.engine.optim import OptimizerPerGroup
from reidgen.engine.step import run_phases
from reidgen.models import BEGAN
from reidgen.models.discriminators import BEGANDiscriminator
from reidgen.models.generators import BEGANGenerator
from reidgen.structures import ImageBatch

SMALL = dict(image_size=(16, 8), base_size=(4, 2), base_dim=4, latent_dim=6)
Batch = namedtuple('Batch', 'real')


# ---- networks ----


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    'side, base_dim, generator, discriminator',
    [
        (64, 128, 1_716_611, 13_405_379),
        (64, 64, 563_395, 4_011_651),
        (128, 128, 2_011_779, 23_221_443),
        (32, 64, 489_539, 2_310_979),
    ],
)
def test_the_networks_have_the_parameters_of_began_tensorflow(
    side, base_dim, generator, discriminator
):
    with torch.device('meta'):
        assert count(BEGANGenerator((side, side), base_dim=base_dim)) == generator
        assert count(BEGANDiscriminator((side, side), base_dim=base_dim)) == discriminator


@pytest.mark.parametrize(
    'image_size, base_size, num_blocks',
    [((8, 8), (8, 8), 1), ((32, 32), (8, 8), 3), ((16, 8), (4, 2), 3), ((18, 30), (9, 15), 2)],
)
def test_images_of_any_doubled_base_are_made_and_restored(image_size, base_size, num_blocks):
    common = dict(image_size=image_size, base_size=base_size, base_dim=2, channels=2)
    generator, discriminator = BEGANGenerator(**common), BEGANDiscriminator(**common)
    img = generator(torch.randn(3, 64))
    assert img.shape == discriminator(img).shape == (3, 2, *image_size)
    assert discriminator.encode(img).shape == (3, 64)
    assert len(generator.blocks) == len(discriminator.decoder.blocks) == num_blocks
    assert generator.image_size == discriminator.image_size == image_size


def test_no_layer_normalises_and_no_output_is_limited():
    discriminator = BEGANDiscriminator(**SMALL)
    assert not any('Norm' in type(module).__name__ for module in discriminator.modules())
    nn.init.normal_(discriminator.decoder.out.weight, std=100.0)
    assert discriminator.decoder(torch.ones(1, 6)).abs().max() > 1


def test_skips_widen_the_first_layer_of_all_blocks_but_the_first():
    dims = [block[0].in_channels for block in BEGANGenerator(**SMALL, skip=True).blocks]
    assert dims == [4, 8, 8]
    assert BEGANGenerator(**SMALL, skip=True)(torch.randn(2, 6)).shape == (2, 3, 16, 8)


def test_sizes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r'image_size is \(48, 64\).*base_size.*\(64, 64\), say'):
        BEGANGenerator((48, 64))
    with pytest.raises(ValueError, match=r'sides that are whole numbers from 1'):
        BEGANGenerator((0, 8))
    with pytest.raises(ValueError, match=r'8 x 8 is given .* image_size=\(16, 8\)'):
        BEGANDiscriminator(**SMALL)(torch.zeros(1, 3, 8, 8))


# ---- model ----


def began(gan: dict | None = None, **equilibrium) -> BEGAN:
    torch.manual_seed(0)
    networks = dict(
        G=dict(type='BEGANGenerator', **SMALL), D=dict(type='BEGANDiscriminator', **SMALL)
    )
    return BEGAN(networks, dict(adv=1.0), equilibrium, gan)


@pytest.fixture
def batch() -> Batch:
    img = torch.rand(4, 3, 16, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Batch(ImageBatch(img, *[torch.arange(4)] * 3))


def optimizers(model):
    adam = dict(type='Adam', lr=1e-3)
    groups = dict(G=dict(networks=['G'], **adam), D=dict(networks=['D'], **adam))
    return OptimizerPerGroup(groups)(model)


def train(model, batch, iterations, first=0, optim=None, phases=None) -> list[dict[str, float]]:
    optim = optim or optimizers(model)
    model.train()
    model.enter_stage('test', phases)
    return [
        {key: value.item() for key, value in run_phases(model, batch, optim, n, done=n).items()}
        for n in range(first, first + iterations)
    ]


def changed(model, before) -> set[str]:
    after = model.state_dict()
    return {key.partition('.')[0] for key in after if not torch.equal(after[key], before[key])}


@pytest.mark.parametrize('update', ['joint', 'alternate'])
def test_each_phase_moves_its_own_network_and_both_together_move_k(update, batch):
    for phases, moving in ((['D'], {'D'}), (['G'], {'G'}), (None, {'D', 'G', 'equilibrium'})):
        model = began(dict(update=update), gamma=1.0)
        before = {key: value.clone() for key, value in model.state_dict().items()}
        train(model, batch, 1, phases=phases)
        assert changed(model, before) == moving
        assert all(parameter.grad is None for parameter in model.parameters())


def test_in_joint_mode_both_networks_are_judged_as_they_were_before(batch):
    model = began(k_start=0.5)
    model.rng.begin(0)
    fake = model.gan.forward_samples(batch).fake
    d_real, d_fake = ((img - model.D(img)).abs().mean().item() for img in (batch.real.img, fake))
    (log,) = train(model, batch, 1)
    assert log['D/loss_adv.D.real'] == pytest.approx(d_real, rel=1e-6)
    assert log['D/stat.D.L_fake'] == log['G/loss_adv.D'] == pytest.approx(d_fake, rel=1e-6)
    assert log['D/loss'] == pytest.approx(d_real - 0.5 * d_fake, rel=1e-5)
    assert log['D/stat.balance'] == pytest.approx(0.5 * d_real - d_fake, rel=1e-5)
    assert log['D/stat.M'] == pytest.approx(d_real + abs(0.5 * d_real - d_fake), rel=1e-5)
    assert log['D/stat.k'] == model.equilibrium.k.item()
    assert log['D/stat.k'] == pytest.approx(0.5 + 1e-3 * log['D/stat.balance'], rel=1e-6)


def test_alternating_the_generator_meets_the_moved_discriminator_with_other_fakes(batch):
    model = began(dict(update='alternate'))
    names = [phase.name for phase in model.phases()]
    assert names == ['D', 'G']
    (log,) = train(model, batch, 1)
    assert log['G/loss_adv.D'] != pytest.approx(log['D/stat.D.L_fake'], rel=1e-4)
    # by hand: the second draw of the iteration, through the first G against the moved D
    fresh = began()
    fresh.rng.begin(0)
    fresh.gan.forward_samples(batch)
    fake = fresh.gan.forward_samples(batch).fake
    expected = (fake - model.D(fake)).abs().mean().item()
    assert log['G/loss_adv.D'] == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize('update', ['joint', 'alternate'])
def test_a_training_that_is_stopped_and_resumed_gives_the_same_to_the_last_bit(update, batch):
    whole, halves = (began(dict(update=update), gamma=1.0, k_rate=0.1) for _ in range(2))
    expected = train(whole, batch, 4)
    optim = optimizers(halves)
    found = train(halves, batch, 2, optim=optim)
    resumed = began(dict(update=update), gamma=1.0, k_rate=0.1)
    resumed.load_state_dict(halves.state_dict())
    states = {name: optim[name].state_dict() for name in 'GD'}
    optim = optimizers(resumed)
    for name in 'GD':
        optim[name].load_state_dict(states[name])
    found += train(resumed, batch, 2, first=2, optim=optim)
    assert found == expected
    assert expected[-1]['D/stat.k'] > expected[0]['D/stat.k'] > 0


def test_the_grid_has_what_the_discriminator_makes_of_images(batch):
    columns = began().eval().visuals(batch)
    titles = ['x', 'D(x)', 'G(z) 1', 'D(G(z) 1)', 'G(z) 2', 'G(z) 3', 'G(z) 4']
    assert [title for title, _ in columns] == titles
    assert {tuple(img.shape) for _, img in columns} == {(4, 3, 16, 8)}


def test_what_does_not_fit_is_named(batch):
    with pytest.raises(ValueError, match=r"model\.gan\.update is 'both'.*joint, alternate"):
        began(dict(update='both'))
    with pytest.raises(ValueError, match=r"model\.equilibrium.*no 'gama'.*did you mean 'gamma'"):
        began(gama=0.5)
    stage = SimpleNamespace(name='began', accumulate=2, fields=lambda names: {})
    with pytest.raises(ValueError, match=r'stage began: accumulate is 2.*set accumulate=1'):
        began().check_data({}, {}, [stage])
