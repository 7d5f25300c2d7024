"""Memories, losses and whole iterations on a GPU, beside the CPU."""

import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from torch import nn

from reidgen.checkpoint import read_checkpoint
from reidgen.engine.config import load_config
from reidgen.engine.optim import OptimizerPerGroup
from reidgen.engine.stages import parse_stages
from reidgen.engine.step import run_phases
from reidgen.losses import GANLoss, GradientPenalty, MemoryContrast, ProxyContrast, TripletLoss
from reidgen.memory import CentroidBank, FeatureBank
from reidgen.registry import MODELS, build
from reidgen.rng import StepRNG
from reidgen.structures import DomainBatch

ROOT = Path(__file__).resolve().parents[2]
Pair = namedtuple('Pair', 'source target')


def rows(num_rows: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(num_rows, 16, generator=torch.Generator().manual_seed(seed))


def filled(bank: nn.Module, device: str) -> nn.Module:
    bank.to(device).fill(rows(32).to(device), torch.arange(32).to(device) // 4)
    return bank


def on_both(work, device: str) -> None:
    """Tensors that `work` makes on the CPU and on the device agree."""
    torch.testing.assert_close(work(device).cpu(), work('cpu'), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('index', [[3, 9, 20], [5, 5, 7]], ids=['once', 'twice'])
def test_the_feature_bank_is_updated_as_on_the_cpu(device, index):
    def work(where):
        bank = filled(FeatureBank(32, 16), where)
        bank.update(torch.tensor(index, device=where), rows(3, seed=1).to(where))
        return bank.features

    on_both(work, device)


@pytest.mark.parametrize('update_by', ['all', 'hardest'])
def test_centroids_are_updated_as_on_the_cpu(device, update_by):
    def work(where):
        bank = filled(CentroidBank(32, 16, update_by=update_by), where)
        bank.set_labels(torch.arange(32, device=where) // 4)
        bank.update(torch.tensor([0, 1, 2, 20], device=where), rows(4, seed=1).to(where))
        return bank.centroids

    on_both(work, device)


def of_memory(where):
    bank = filled(FeatureBank(32, 16), where)
    index = torch.tensor([1, 9, 30], device=where)
    u, v = (rows(3, seed).to(where).requires_grad_() for seed in (1, 2))
    loss = MemoryContrast(num_negatives=8)(bank, u, v, index, rng=StepRNG())
    return loss, (u, v)


def of_proxies(where):
    bank = filled(CentroidBank(32, 16), where)
    bank.set_labels(torch.arange(32, device=where) // 4)
    u = rows(3, 1).to(where).requires_grad_()
    return ProxyContrast()(bank, u, torch.tensor([1, 9, 30], device=where)), (u,)


def of_triplets(kind):
    def loss(where):
        embedding = rows(12).to(where).requires_grad_()
        return TripletLoss(kind)(embedding, torch.arange(12, device=where) // 3), (embedding,)

    return loss


@pytest.mark.parametrize(
    'loss',
    [of_memory, of_proxies]
    + [of_triplets(kind) for kind in ('batch_hard', 'batch_all', 'semi_hard', 'lifted')],
    ids=['memory', 'proxies', 'batch_hard', 'batch_all', 'semi_hard', 'lifted'],
)
def test_a_loss_and_its_gradient_are_those_of_the_cpu(device, loss):
    def work(where):
        value, inputs = loss(where)
        gradients = torch.autograd.grad(value, inputs)
        return torch.cat([value[None], *(gradient.flatten() for gradient in gradients)])

    on_both(work, device)


def discriminator(where: str) -> nn.Module:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 3, 1, 1))
    return nn.Sequential(*layers).to(where)


def images(where: str) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(4, 3, 16, 8, generator=generator).to(where) for _ in range(2))


def slopes(terms: dict, network: nn.Module) -> torch.Tensor:
    """The sum of the terms and its gradient at the network's weights."""
    total = sum(value for key, value in terms.items() if not key.startswith('stat.'))
    gradients = torch.autograd.grad(total, list(network.parameters()), allow_unused=True)
    known = [gradient.flatten() for gradient in gradients if gradient is not None]
    return torch.cat([total.detach()[None], *known])


@pytest.mark.parametrize('mode', ['bce', 'lsgan', 'hinge', 'relativistic_avg'])
def test_gan_losses_are_those_of_the_cpu(device, mode):
    def work(where):
        network = discriminator(where)
        terms = GANLoss(mode).discriminator('D', network, *images(where), rng=StepRNG())
        return slopes(terms, network)

    on_both(work, device)


@pytest.mark.parametrize('kind', ['wgan_gp', 'dragan', 'r1', 'r2', 'r1_dgnet'])
def test_gradient_penalties_are_those_of_the_cpu(device, kind):
    def work(where):
        network = discriminator(where)
        return slopes(GradientPenalty(kind)('D', network, *images(where), rng=StepRNG()), network)

    on_both(work, device)


def iteration(where: str, amp: bool) -> dict[str, float]:
    """Log of the first iteration of the smoke model's joint stage, on random images."""
    cfg = load_config(ROOT / 'configs/gcl_smoke.py')
    torch.manual_seed(0)
    model = build(cfg.model, MODELS)
    model.bank.fill(torch.randn(32, model.bank.dim), torch.arange(32) // 4)
    domains = []
    for _ in range(2):
        maps = torch.rand(4, model.map_channels, 64, 32) * 2 - 1
        index = torch.arange(4)
        batch = DomainBatch(torch.randn(4, 3, 64, 32), maps, maps, index, index, index)
        domains.append(DomainBatch(*(tensor.to(where) for tensor in batch)))
    model.to(where).amp = amp
    groups = {name: group for name, group in cfg.optim_wrapper.items() if name != 'constructor'}
    stage = parse_stages(cfg.train_cfg.stages)[-1]
    model.enter_stage(stage.name, stage.phases, stage.frozen, stage.loss_weights)
    model.train()
    logs = run_phases(model, Pair(*domains), OptimizerPerGroup(groups)(model), 0, 0)
    return {key: float(value) for key, value in logs.items()}


@pytest.mark.slow
@pytest.mark.parametrize('amp, tolerance', [(False, 0.01), (True, 0.3)], ids=['fp32', 'bf16'])
def test_an_iteration_has_the_losses_of_the_cpu(device, amp, tolerance):
    expected, found = iteration('cpu', amp=False), iteration(device, amp)
    assert found.keys() == expected.keys()
    losses = {key: value for key, value in expected.items() if '/loss_' in key}
    assert len(losses) > 10
    for key, value in losses.items():
        assert found[key] == pytest.approx(value, rel=tolerance, abs=tolerance), key


def train(work_dir: Path, device: str, iters: int, *options: str) -> None:
    command = [sys.executable, 'tools/train.py', 'tests/engine/gcl_tiny.py', *options]
    command += ['--work-dir', str(work_dir), '--cfg-options', f'train_cfg.stages.2.iters={iters}']
    path = os.pathsep.join([str(ROOT), str(ROOT / 'tests/engine')])
    env = os.environ | dict(PYTHONPATH=path)
    if device == 'cpu':
        env['CUDA_VISIBLE_DEVICES'] = ''
    subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=300)


@pytest.mark.slow
def test_a_checkpoint_of_a_gpu_is_resumed_on_the_cpu_and_back(device, tmp_path):
    train(tmp_path, device, 2)
    first = read_checkpoint(tmp_path / 'iter_15.pth')
    train(tmp_path, 'cpu', 4, '--resume')
    train(tmp_path, device, 6, '--resume')
    last = read_checkpoint(tmp_path / 'iter_19.pth')
    assert last['meta']['iter'] == 19
    assert first['state_dict'].keys() == last['state_dict'].keys()
    moved = [
        key
        for key, value in first['state_dict'].items()
        if value.is_floating_point() and not torch.equal(value, last['state_dict'][key])
    ]
    assert any(key.startswith('E_c.') for key in moved)
    assert all(value.isfinite().all() for value in last['state_dict'].values())
