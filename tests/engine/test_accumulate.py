"""Accumulation: n micro-batches step as one batch n times as large."""

from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from reidgen.checkpoint import read_checkpoint
from reidgen.engine import OptimizerPerGroup, run_phases
from reidgen.engine.micro_batches import without_graph
from reidgen.memory import FeatureBank
from reidgen.models.adversarial import AdversarialModel
from reidgen.models.phases import Phase
from reidgen.registry import ENCODERS
from reidgen.structures import ImageBatch

DIM = 4


@ENCODERS.register_module(force=True)
class AccumulatedLayer(nn.Module):
    """A linear layer, and batch norm or dropout on demand."""

    def __init__(self, out: int = DIM, norm: bool = False, dropout: float = 0.0):
        super().__init__()
        self.linear = nn.Linear(DIM, out)
        self.norm = nn.BatchNorm1d(out) if norm else nn.Identity()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.norm(self.linear(x)).tanh())


class Images(NamedTuple):
    embedding: Tensor
    x: Tensor


TRAINS = dict(A=('A',), D=('D',), G=('G', 'E'))


class AccumulatedGAN(AdversarialModel):
    """E embeds, G generates from that, against D; a memory of embeddings; A by itself."""

    order = ('A', 'D', 'G')
    loss_families = ('adv', 'recon', 'alone')
    noise = False

    def __init__(self, **layer):
        torch.manual_seed(0)
        plain = dict(type='AccumulatedLayer')
        networks = dict(D=plain | dict(out=1), G=plain | layer, E=plain | layer, A=plain)
        super().__init__(networks, dict(adv=1.0, recon=2.0, alone=1.0))
        self.bank, self.seen, self.discriminated = FeatureBank(12, DIM), [], []
        self.bank.fill(torch.randn(12, DIM), torch.arange(12))
        self.enter_stage('all')

    def phases(self) -> tuple[Phase, ...]:
        forward = self.forward_translation
        known = dict(
            A=Phase('A', TRAINS['A'], self.a_losses),
            D=Phase('D', TRAINS['D'], self.d_losses, forward, detached=True),
            G=Phase('G', TRAINS['G'], self.g_losses, forward),
        )
        return tuple(known[name] for name in self.order)

    def forward_translation(self, batch: ImageBatch) -> Images:
        embedding = self.E(batch.img)
        noise = self.rng.rows(len(batch.img), DIM) if self.noise else 0
        return Images(embedding, self.G(embedding) + noise)

    def a_losses(self, batch, x) -> dict[str, Tensor]:
        return {'alone.a': (self.A(batch.img) - 1).square().mean()}

    def d_losses(self, batch, x: Images) -> dict[str, Tensor]:
        self.seen.append(x.x.detach().clone())
        real, fake = self.D(batch.img), self.D(x.x.detach())
        return {'adv.D': (real - 1).square().mean() + fake.square().mean(), 'stat.o': fake.mean()}

    def g_losses(self, batch, x: Images) -> dict[str, Tensor]:
        self.discriminated.append(x.x.detach().clone())
        adv, recon = (self.D(x.x) - 1).square().mean(), (x.x - batch.img).square().mean()
        return {'adv.G': adv, 'recon.G': recon}

    def update_memory(self, batch, x: Images, logs) -> None:
        assert not x.embedding.requires_grad or len(batch.img) == 12
        self.bank.update(batch.index, x.embedding.detach())


def images(number: int = 12, seed: int = 1) -> ImageBatch:
    rows = torch.arange(number)
    img = torch.randn(number, DIM, generator=torch.Generator().manual_seed(seed))
    return ImageBatch(img=img, pid=rows, camid=rows, index=rows.flip(0))


def parts(batch: ImageBatch, number: int) -> list[ImageBatch]:
    split = [None if value is None else value.chunk(number) for value in batch]
    return [
        ImageBatch(*(None if value is None else value[n] for value in split)) for n in range(number)
    ]


def trained(model: AccumulatedGAN, micro_batches: int, steps: int = 3):
    """Logs of each of some iterations; two Adams, and an SGD with momentum."""
    adam = dict(type='Adam', lr=0.01)
    momentum = dict(type='SGD', lr=0.1, momentum=0.9, clip_grad=dict(max_norm=0.1))
    optim = OptimizerPerGroup(
        dict(
            D=dict(networks=['D'], **adam),
            G=dict(networks=['G', 'E'], **momentum),
            A=dict(networks=['A'], **adam),
        )
    )(model)
    logs = []
    for iteration in range(steps):
        batch = images(seed=iteration)
        given = batch if micro_batches == 1 else parts(batch, micro_batches)
        logs.append(run_phases(model, given, optim, iteration, iteration))
    assert all(parameter.grad is None for parameter in model.parameters())
    return logs


@pytest.mark.parametrize('micro_batches', [2, 3])
@pytest.mark.parametrize(
    'phases',
    ['ADG', 'GDA', 'AG', 'D'],
)
def test_micro_batches_step_as_one_batch_as_large_as_all(phases, micro_batches):
    one_batch, accumulated = AccumulatedGAN(), AccumulatedGAN()
    one_batch.order = accumulated.order = phases
    start = {key: value.clone() for key, value in one_batch.state_dict().items()}
    one, many = trained(one_batch, 1), trained(accumulated, micro_batches)
    after = one_batch.state_dict()
    # everything that is trained has moved, the memory too: equality says something
    moved = {key.partition('.')[0] for key in start if not torch.equal(start[key], after[key])}
    assert moved == {name for phase in phases for name in TRAINS[phase]} | {'bank'}
    for key, value in accumulated.state_dict().items():
        torch.testing.assert_close(value, after[key], rtol=1e-4, atol=1e-6, msg=key)
    for expected, log in zip(one, many):
        assert log.keys() == expected.keys()
        for key, value in log.items():
            torch.testing.assert_close(value, expected[key], rtol=1e-4, atol=1e-6, msg=key)


def test_one_micro_batch_is_the_plain_iteration_to_the_bit():
    optim = OptimizerPerGroup({n: dict(networks=[n], type='SGD', lr=0.1) for n in 'DGEA'})
    one, other = AccumulatedGAN(norm=True), AccumulatedGAN(norm=True)
    run_phases(one, images(), optim(one), 5, 5)
    run_phases(other, [images()], optim(other), 5, 5)
    state = other.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in one.state_dict().items())


@pytest.mark.parametrize('phases', ['DG', 'GD'])
def test_both_evaluations_of_the_forward_make_the_same_images(phases):
    model = AccumulatedGAN(norm=True, dropout=0.5)
    model.noise, model.order = True, phases
    trained(model, 3, steps=1)
    assert len(model.seen) == len(model.discriminated) == 3
    assert all(torch.equal(seen, again) for seen, again in zip(model.seen, model.discriminated))
    assert not torch.equal(model.seen[0], model.seen[1])


def test_noise_differs_between_micro_batches_and_repeats_with_the_iteration():
    def noise(iteration: int) -> list[Tensor]:
        model = AccumulatedGAN()
        model.noise, model.order = True, 'D'
        optim = OptimizerPerGroup(dict(D=dict(networks=['D'], type='SGD', lr=0.1)))(model)
        same = images(4)
        run_phases(model, [same, same], optim, iteration, 0)
        return model.seen

    first, again, later = noise(3), noise(3), noise(4)
    assert not torch.equal(first[0], first[1])
    assert all(torch.equal(a, b) for a, b in zip(first, again))
    assert not torch.equal(first[0], later[0])


@pytest.mark.parametrize('phases', ['DG', 'GD', 'D'])
def test_statistics_of_batch_norm_follow_each_micro_batch_once(phases):
    model = AccumulatedGAN(norm=True)
    model.order = phases
    trained(model, 3, steps=2)
    assert model.E.norm.num_batches_tracked == 3 * 2


def test_without_graph_reaches_every_tensor():
    x = torch.ones(2, requires_grad=True) * 2
    made = without_graph(dict(a=[x, (x, None)], b=Images(x, x)))
    tensors = [made['a'][0], made['a'][1][0], *made['b']]
    assert not any(tensor.requires_grad for tensor in tensors)
    assert all(torch.equal(tensor, x) for tensor in tensors)
    assert (type(made['b']), made['a'][1][1]) == (Images, None)


@pytest.mark.slow
def test_a_resumed_training_goes_on_with_the_micro_batches_it_would_have_drawn(train, tmp_path):
    options = {
        f'train_cfg.stages.{n}.{key}': 2 for n in range(3) for key in ('iters', 'accumulate')
    }
    options |= {'default_hooks.checkpoint.interval': 5}
    straight = train(tmp_path / 'straight', options)
    assert [straight.train_loop.batches_drawn(n) for n in ('identity', 'source')] == [4, 8]
    # as after a kill between the two
    path = str(tmp_path / 'straight/iter_5.pth')
    resumed = train(tmp_path / 'killed', options, resume=True, load_from=path)
    assert resumed.iter == 6
    one, other = (
        read_checkpoint(Path(tmp_path, name, 'iter_6.pth')) for name in ('straight', 'killed')
    )
    state = other['state_dict']
    assert all(torch.equal(value, state[key]) for key, value in one['state_dict'].items())
    with pytest.raises(
        ValueError, match='stage joint: accumulate was 2 in the checkpoint and is 1'
    ):
        train(
            tmp_path / 'killed',
            options | {'train_cfg.stages.2.accumulate': 1, 'train_cfg.stages.2.iters': 3},
            resume=True,
        )
