"""UnconditionalGAN: losses, phases, random numbers and generated images."""

from collections import namedtuple

import pytest
import torch
from torch import nn

from reidgen.engine.optim import OptimizerPerGroup
from reidgen.engine.step import run_phases
from reidgen.models import UnconditionalGAN
from reidgen.structures import ImageBatch

SIZE = (16, 8)
Batch = namedtuple('Batch', 'real')


def gan(**options) -> UnconditionalGAN:
    torch.manual_seed(0)
    common = dict(image_size=SIZE, base_dim=4, num_stages=2)
    networks = dict(
        G=dict(type='DCGANGenerator', latent_dim=8, **common),
        D=dict(type='DCGANDiscriminator', **common),
    )
    return UnconditionalGAN(networks, dict(adv=1.0), gan=options)


def batch_of(img: torch.Tensor) -> Batch:
    rows = torch.arange(len(img))
    return Batch(ImageBatch(img, rows, rows, rows))


@pytest.fixture
def batch() -> Batch:
    return batch_of(torch.rand(6, 3, *SIZE, generator=torch.Generator().manual_seed(1)) * 2 - 1)


def optimizers(model, lr: float = 2e-4):
    adam = dict(type='Adam', lr=lr, betas=(0.5, 0.999))
    return OptimizerPerGroup(dict(G=dict(networks=['G'], **adam), D=dict(networks=['D'], **adam)))(
        model
    )


def train(model, batch, iterations: int, first: int = 0, optim=None) -> list[dict]:
    optim = optim or optimizers(model)
    model.train()
    model.enter_stage('test')
    return [
        {key: value.item() for key, value in run_phases(model, batch, optim, n, done=n).items()}
        for n in range(first, first + iterations)
    ]


def weights(network: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def moved(before, network) -> bool:
    return any(not torch.equal(a, b) for a, b in zip(before, network.parameters()))


def test_a_discriminator_without_evidence_costs_ln_2_an_answer(batch):
    model = gan()
    nn.init.zeros_(model.D.logit.weight)
    x = model.gan.forward_samples(batch)
    terms = model.gan.discriminator_losses(batch, x)
    assert (terms['adv.D.real'] + terms['adv.D.fake']).item() == pytest.approx(1.386294, abs=1e-6)
    terms = model.gan.generator_losses(batch, x)
    assert terms['adv.D'].item() == pytest.approx(0.693147, abs=1e-6)


def test_each_phase_moves_its_own_network_alone(batch):
    for phase, moving, still in (('D', 'D', 'G'), ('G', 'G', 'D')):
        model = gan()
        before = {name: weights(getattr(model, name)) for name in 'GD'}
        model.train()
        model.enter_stage('test', [phase])
        run_phases(model, batch, optimizers(model), 0, done=0)
        assert moved(before[moving], getattr(model, moving))
        assert not moved(before[still], getattr(model, still))
        assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize('g_steps', [1, 2, 3])
def test_the_generator_steps_so_often_for_each_step_of_the_discriminator(g_steps, batch):
    model = gan(g_steps=g_steps)
    optim = optimizers(model)
    train(model, batch, 2, optim=optim)
    counted = {
        name: {int(state['step']) for state in optim[name].optimizer.state.values()}
        for name in 'GD'
    }
    assert counted == {'G': {2 * g_steps}, 'D': {2}}


@pytest.mark.parametrize('reuse_z', [True, False])
def test_further_steps_take_the_latents_of_the_first_if_they_are_to(reuse_z, batch, monkeypatch):
    model, seen = gan(g_steps=3, reuse_z=reuse_z), []
    forward = model.G.forward
    monkeypatch.setattr(model.G, 'forward', lambda z: (seen.append(z), forward(z))[1])
    train(model, batch, 1)
    assert len(seen) == 3
    assert [torch.equal(z, seen[0]) for z in seen] == [True, reuse_z, reuse_z]


def test_a_further_step_sees_the_generator_that_the_first_has_moved(batch):
    one, two = gan(), gan(g_steps=2)
    (log,) = train(one, batch, 1)
    # by hand: the same z through the moved G, against the moved D
    one.rng.begin(0)
    z = one.gan.forward_samples(batch).z
    expected = nn.functional.softplus(-one.D(one.G(z))).mean()
    (again,) = train(two, batch, 1)
    assert again['G/loss_adv.D'] == pytest.approx(expected.item(), rel=1e-5)
    assert again['G/loss_adv.D'] != log['G/loss_adv.D']


def test_a_training_that_is_stopped_and_resumed_gives_the_same_to_the_last_bit(batch):
    whole, halves = gan(g_steps=2, reuse_z=False), gan(g_steps=2, reuse_z=False)
    expected = train(whole, batch, 4)
    optim = optimizers(halves)
    found = train(halves, batch, 2, optim=optim)
    torch.rand(5)  # what happens in between
    found += train(halves, batch, 2, first=2, optim=optim)
    assert found == expected
    assert not moved(weights(whole), halves)


def test_latents_are_of_the_distribution_asked_for(batch):
    for latent, mean_square in (('uniform', 1 / 3), ('normal', 1.0)):
        model = gan(latent=latent)
        drawn = torch.cat([model.gan._draw(6, 'cpu').flatten() for _ in range(200)])
        fixed = model.gan.latents(range(1000)).flatten()
        for z in (drawn, fixed):
            assert z.mean().item() == pytest.approx(0.0, abs=0.03)
            assert z.square().mean().item() == pytest.approx(mean_square, rel=0.05)
            assert (z.abs().max() <= 1) == (latent == 'uniform')


def test_a_fixed_latent_is_a_function_of_its_number_and_the_seed():
    phases = gan().gan
    assert torch.equal(phases.latents(range(2, 5))[1], phases.latents(range(3, 4))[0])
    assert not torch.equal(phases.latents(range(3, 4), seed=1), phases.latents(range(3, 4)))


def test_with_batch_statistics_an_image_depends_on_its_batch_mates():
    for bn_eval, depends in (('running', False), ('batch', True)):
        model = gan(bn_eval=bn_eval).eval()
        nn.init.normal_(model.G.linear.weight)
        before = {key: value.clone() for key, value in model.state_dict().items()}
        z = model.gan.latents(range(4))
        among_others, among_few = model.generate(z)[:2], model.generate(z[:2])
        assert torch.allclose(among_others, among_few, atol=1e-6) is not depends
        after = model.state_dict()
        assert all(torch.equal(value, after[key]) for key, value in before.items())
        assert not any(module.training for module in model.modules())


def test_the_grid_shows_real_images_beside_the_same_latents_each_time(batch):
    model = gan().eval()
    first, again = model.visuals(batch), model.visuals(batch_of(-batch.real.img))
    assert [title for title, _ in first] == ['x', 'G(z) 1', 'G(z) 2', 'G(z) 3', 'G(z) 4']
    assert torch.equal(first[0][1], batch.real.img)
    samples = torch.stack([column for _, column in first[1:]], 1).flatten(0, 1)
    torch.testing.assert_close(samples, model.generate(model.gan.latents(range(24))))
    assert all(torch.equal(a, b) for (_, a), (_, b) in zip(first[1:], again[1:]))


@pytest.mark.slow
def test_the_colours_of_a_set_of_two_are_learned():
    torch.manual_seed(0)
    colours = torch.tensor([[0.8, -0.8, -0.8], [-0.8, -0.8, 0.8]])
    batch = batch_of(colours[torch.arange(16) % 2, :, None, None].expand(-1, -1, *SIZE).clone())
    model = gan(g_steps=2)

    def difference() -> float:
        with torch.no_grad():
            fake = model.eval().generate(model.gan.latents(range(64)))
        histograms = [
            torch.stack([img[:, c].flatten().histc(8, -1, 1) / img[:, c].numel() for c in range(3)])
            for img in (batch.real.img, fake)
        ]
        return (histograms[0] - histograms[1]).abs().mean().item()

    before = difference()
    train(model, batch, 300, optim=optimizers(model, 2e-3))
    assert difference() < 0.5 * before


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r'model\.gan\.g_steps is 0'):
        gan(g_steps=0)
    with pytest.raises(ValueError, match=r"model\.gan\.latent is 'gauss'.*uniform, normal"):
        gan(latent='gauss')
    with pytest.raises(ValueError, match=r"model\.gan.*no 'g_step'.*did you mean 'g_steps'"):
        gan(g_step=2)
    network = dict(type='DCGANGenerator', image_size=SIZE, num_stages=2)
    with pytest.raises(ValueError, match=r'by the networks G and D; set model\.networks\.D'):
        UnconditionalGAN(dict(G=network), dict(adv=1.0))
    other = dict(type='DCGANDiscriminator', image_size=(16, 16), num_stages=2)
    with pytest.raises(ValueError, match=r'G\.image_size is \(16, 8\), that of D \(16, 16\)'):
        UnconditionalGAN(dict(G=network, D=other), dict(adv=1.0))
