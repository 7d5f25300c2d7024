"""AdversarialModel: stages, freezing, random numbers and precision."""

from collections import namedtuple
from dataclasses import replace

import pytest
import torch
from torch import nn

from reidgen.engine import OptimizerPerGroup, run_phases
from reidgen.losses import GradientPenalty
from reidgen.memory import FeatureBank
from reidgen.models import AdversarialModel, MemoryUse, Phase
from reidgen.registry import ENCODERS
from reidgen.rng import StepRNG

Translated = namedtuple('Translated', ['x'])
Batch, Images = namedtuple('Batch', ['x']), namedtuple('Images', ['img', 'index'])


@ENCODERS.register_module()
class ToyLayer(nn.Module):
    """A linear layer and a batch norm, whose weight may be frozen for good."""

    def __init__(self, fixed: bool = False):
        super().__init__()
        self.linear, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)
        self.norm.weight.requires_grad_(not fixed)

    def forward(self, x):
        return self.norm(self.linear(x))


class ToyGAN(AdversarialModel):
    """A discriminator D and a translator E, G, on vectors of four numbers."""

    loss_families = ('adv', 'recon')

    def phases(self):
        return (
            Phase('D', ('D',), self.discriminator_losses, self.forward_translation, every=2),
            Phase('G', ('E', 'G'), self.generator_losses, self.forward_translation),
        )

    def forward_translation(self, batch):
        return Translated(self.G(self.E(batch)))

    def discriminator_losses(self, batch, x):
        noise = self.rng.rows(len(batch), 4)
        return {'adv.D': (self.D(x.x.detach() + noise) - self.D(batch)).mean(0)[0]}

    def generator_losses(self, batch, x):
        return {
            'adv.G': -self.D(x.x).square().mean(),
            'recon.G': (x.x - batch).abs().mean(),
            'stat.seen': x.x.detach().mean(),
        }


def toy_gan(kind: type[ToyGAN] = ToyGAN, **changes) -> ToyGAN:
    torch.manual_seed(0)
    networks = {name: dict(type='ToyLayer') for name in ('D', 'E', 'G')}
    config = dict(networks=networks, loss_weights=dict(adv=1, recon=5)) | changes
    return kind(**config).train()


def optim_of(model):
    return OptimizerPerGroup(
        {name: dict(networks=[name], type='SGD', lr=0.1) for name in model.network_names}
    )(model)


def thawed(model) -> set[str]:
    return {
        name
        for name in model.network_names
        if any(parameter.requires_grad for parameter in getattr(model, name).parameters())
    }


# ---- stages ----


def test_a_stage_frees_what_it_trains_and_keeps_what_it_freezes():
    model = toy_gan()
    model.enter_stage('warm', frozen=['E'])
    model.train_only(['E', 'G'])
    assert thawed(model) == {'G'}
    model.enter_stage('joint')
    model.train_only(['E', 'G'])
    assert thawed(model) == {'E', 'G'}


def test_a_parameter_frozen_for_good_is_never_thawed_and_never_moves():
    fixed = dict(type='ToyLayer', fixed=True)
    model = toy_gan(networks=dict(D=fixed, E=fixed, G=dict(type='ToyLayer')))
    before = model.E.norm.weight.clone()
    model.enter_stage('warm', frozen=['E'])
    model.enter_stage('joint')
    model.train_only(model.network_names)
    assert [name for name, p in model.named_parameters() if not p.requires_grad] == [
        'D.norm.weight',
        'E.norm.weight',
    ]
    run_phases(model, torch.randn(6, 4), optim_of(model), 0, 1)
    assert torch.equal(model.E.norm.weight, before)
    model.train_only(model.network_names)
    assert not model.E.norm.weight.requires_grad


def test_a_frozen_network_stays_in_eval_mode_until_its_stage_ends():
    model = toy_gan()
    model.enter_stage('warm', frozen=['E'])
    for mode in (True, False, True):
        model.train(mode)
        assert [model.E.norm.training, model.G.norm.training] == [False, mode]
    model.enter_stage('joint')
    assert model.E.norm.training
    model.eval()
    model.enter_stage('warm', frozen=['E'])
    assert not model.training  # entering a stage does not change the mode


def test_a_phase_whose_networks_are_all_frozen_does_not_run():
    model = toy_gan()
    model.enter_stage('discriminator', frozen=['E', 'G'])
    before = {key: value.clone() for key, value in model.state_dict().items()}
    logs = run_phases(model, torch.randn(6, 4), optim_of(model), 0, 1)
    assert {key.partition('/')[0] for key in logs} == {'D'}
    moved = {
        key[0] for key, value in model.state_dict().items() if not torch.equal(value, before[key])
    }
    assert moved == {'D'}


def test_a_stage_says_how_often_a_phase_is_due():
    model, batch = toy_gan(), torch.randn(6, 4)
    optim = optim_of(model)

    def due(every) -> list[str]:
        model.enter_stage('joint', every=every)
        logs = (run_phases(model, batch, optim, done, done) for done in range(6))
        return [''.join(phase for phase in 'DG' if f'{phase}/loss' in log) for log in logs]

    assert due(dict(D=1, G=3)) == ['D', 'D', 'DG', 'D', 'D', 'DG']
    assert due(None) == ['G', 'DG'] * 3  # D's own number
    with pytest.raises(ValueError, match=r"stage joint: every: ToyGAN has no \['F'\]"):
        model.enter_stage('joint', every=dict(F=2))


def test_each_phase_moves_its_networks_alone_and_leaves_no_gradient():
    model, batch = toy_gan(), torch.randn(6, 4)
    optim = optim_of(model)
    model.enter_stage('joint')
    for done, phases, networks in ((0, {'G'}, {'E', 'G'}), (1, {'D', 'G'}, {'D', 'E', 'G'})):
        before = {key: value.clone() for key, value in model.named_parameters()}
        logs = run_phases(model, batch, optim, done, done)
        assert {key.partition('/')[0] for key in logs} == phases  # D is due every second time
        moved = {key[0] for key, p in model.named_parameters() if not torch.equal(p, before[key])}
        assert moved == networks
        assert all(parameter.grad is None for parameter in model.parameters())


class LazyGAN(ToyGAN):
    """Phases that run in every n-th iteration alone: D with a lazy penalty, G with a memory."""

    loss_families = (*ToyGAN.loss_families, 'gp')

    def phases(self):
        memory = MemoryUse('bank', 'x', 'recon', lambda x: x.x)
        return (
            Phase('D', ('D',), self.penalty_losses, every=2),
            Phase('G', ('G',), self.generator_losses, self.translation, memory=(memory,), every=3),
        )

    def penalty_losses(self, batch, x):
        penalty = GradientPenalty('r1', every=2)(
            'D', self.D, batch.x.img, batch.x.img, rng=self.rng
        )
        return {'adv.D': self.D(batch.x.img).mean(), **penalty}

    def translation(self, batch):
        return self.forward_translation(batch.x.img)

    def generator_losses(self, batch, x):
        return {'recon.G': x.x.abs().mean()}


def test_phases_that_are_not_always_due_keep_their_lazy_penalty_and_their_memory():
    model = toy_gan(LazyGAN, loss_weights=dict(adv=1, recon=5, gp=1))
    model.bank = FeatureBank(12, 4)
    model.bank.fill(torch.eye(4).repeat(3, 1), torch.arange(12))
    model.check_phases()
    model.enter_stage('joint')
    batch = Batch(Images(torch.randn(6, 4), torch.arange(6)))
    optim, penalised, written = optim_of(model), [], []
    for done in range(9):
        before = model.bank.features.clone()
        logs = run_phases(model, batch, optim, 4 + done, done)  # four iterations of another stage
        penalised.append('D/stat.D.grad_norm' in logs)
        written.append(not torch.equal(model.bank.features, before))
    assert [done for done in range(9) if penalised[done]] == [1, 5]  # of 1, 3, 5, 7
    assert [done for done in range(9) if written[done]] == [2, 5, 8]


def test_a_memory_without_a_forward_that_gives_its_embeddings_is_refused():
    model = toy_gan(LazyGAN, loss_weights=dict(adv=1, recon=5, gp=1))
    blind, phases = replace(model.phases()[1], forward=None), model.phases()
    model.phases = lambda: (phases[0], blind)
    with pytest.raises(ValueError, match='phase G has a memory and no forward'):
        model.check_phases()


# ---- weights ----


def test_a_family_is_on_where_any_phase_weighs_it():
    model = toy_gan(loss_weights=dict(adv=0, recon=5))
    assert [model.on('adv'), model.on('recon')] == [False, True]
    model.enter_stage('joint', loss_weights={'D/adv': 0.5, 'recon': 0})
    assert [model.on('adv'), model.on('recon')] == [True, False]
    model.enter_stage('later')  # what a stage weighs ends with it
    assert [model.on('adv'), model.on('recon')] == [False, True]


def test_the_sum_of_a_phase_weighs_families_and_prefers_the_phase():
    model = toy_gan(loss_weights={'adv': 2, 'G/adv': 0.5, 'recon': 5})
    model.enter_stage('joint')
    logs = run_phases(model, torch.randn(6, 4), optim_of(model), 0, 1)
    expected = 0.5 * logs['G/loss_adv.G'] + 5 * logs['G/loss_recon.G']
    torch.testing.assert_close(logs['G/loss'], expected)
    torch.testing.assert_close(logs['D/loss'], 2 * logs['D/loss_adv.D'])
    assert 'G/stat.seen' in logs


# ---- random numbers ----


def test_random_numbers_are_those_of_seed_and_iteration_alone():
    def numbers(seed: int, iteration: int) -> list[float]:
        rng = StepRNG(seed)
        rng.uniform()  # whatever was drawn before
        rng.begin(iteration)
        return [
            rng.uniform(),
            *rng.rows(2, 3).flatten().tolist(),
            *rng.normal_rows(2).tolist(),
        ]

    state = torch.get_rng_state()
    assert numbers(3, 7) == numbers(3, 7)
    assert len({tuple(numbers(*key)) for key in ((3, 7), (3, 8), (4, 7), (7, 3))}) == 4
    assert torch.equal(torch.get_rng_state(), state)  # nothing is taken from the global generator


def test_an_iteration_repeats_exactly_whatever_was_drawn_before_it():
    def discriminator_loss(iteration: int, draw_first: bool) -> float:
        model, batch = toy_gan(), torch.randn(6, 4)
        model.enter_stage('joint')
        if draw_first:
            model.rng.rows(50)
        return run_phases(model, batch, optim_of(model), iteration, 1)['D/loss'].item()

    assert (
        discriminator_loss(4, False) == discriminator_loss(4, True) != discriminator_loss(5, False)
    )


# ---- precision ----


def test_autocast_is_bfloat16_where_asked_for_and_off_otherwise():
    model, x = toy_gan(), torch.randn(6, 4)
    with model.autocast():
        assert model.G.linear(x).dtype == torch.float32
    model.amp = True
    with model.autocast():
        assert model.G.linear(x).dtype == torch.bfloat16


# ---- parts that a model must define ----


def test_missing_networks_weights_and_methods_are_named():
    with pytest.raises(ValueError, match=r"ToyGAN needs the networks \['G'\]; model.networks has"):
        toy_gan(networks=dict(D=dict(type='ToyLayer'), E=dict(type='ToyLayer'))).check_phases()
    with pytest.raises(ValueError, match=r"no weight for \['recon'\]"):
        toy_gan(loss_weights=dict(adv=1))
    with pytest.raises(ValueError, match=r"networks.D: no encoder, .* is registered as 'ToyLayr'"):
        toy_gan(networks={name: dict(type='ToyLayr') for name in 'DEG'})
    with pytest.raises(TypeError, match='ToyGAN has no embedding to evaluate'):
        toy_gan().embed(torch.randn(2, 3, 8, 4))
    with pytest.raises(TypeError, match='ToyGAN translates no images'):
        toy_gan().translate(None, 'target')
