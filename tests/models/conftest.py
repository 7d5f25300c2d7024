"""A CrossDomainGCL and a GCL of a few thousand parameters, on 32 x 16 pixels."""

from collections import namedtuple

import pytest
import torch
import torch.nn.functional as nnf
from torch import nn

from reidgen.engine import OptimizerPerGroup
from reidgen.models import GCL, CrossDomainGCL
from reidgen.registry import ENCODERS
from reidgen.structures import Code, DomainBatch

SIZE = (32, 16)
NUM_ROWS, EMBED_DIM, CONTENT_DIM = 10, 8, 32  # of the memory, of E_c
Batch = namedtuple('Batch', ['source', 'target'])


@ENCODERS.register_module()
class ToyContentEncoder(nn.Module):
    """Content encoder of two convolutions with batch norms, parts and a neck."""

    content_dim, embed_dim = CONTENT_DIM, EMBED_DIM

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, stride=2, padding=1),
            nn.BatchNorm2d(8),
        )
        self.linear, self.neck = nn.Linear(8, EMBED_DIM), nn.BatchNorm1d(EMBED_DIM)

    def forward(self, img):
        feature_map = self.trunk(img)
        parts = nnf.adaptive_avg_pool2d(feature_map, (4, 1)).flatten(1)
        pre_bn = self.linear(feature_map.mean((2, 3)))
        return Code(parts, self.neck(pre_bn), pre_bn)


DISCRIMINATOR = dict(type='MultiScaleDiscriminator', num_scales=2, base_dim=4, num_res_blocks=1)
DECODER = dict(type='AdaINDecoder', content_dim=CONTENT_DIM, base_dim=8, head_dim=8)
POSE = dict(
    type='PoseEncoder', base_dim=4, num_res_blocks=1, aspp_dim=4, out_dim=8, dilations=(1, 2, 3)
)


def merged(defaults: dict, changes: dict) -> dict:
    """Keyword arguments of a model; `networks` and `loss_weights` are merged into the defaults."""
    inner = {key: defaults[key] | changes.get(key, {}) for key in ('networks', 'loss_weights')}
    return {**defaults, **changes, **inner}


def gcl_config(**changes) -> dict:
    """Keyword arguments of GCL; `networks` and `loss_weights` are merged."""
    weights = {'adv': 1, 'G/adv': 2, 'gp': 0.01, 'recon': 5, 'cycle': 5, 'content': 5, 'memory': 1}
    defaults = dict(
        networks=dict(D=DISCRIMINATOR, G=DECODER, E_p=POSE, E_c=dict(type='ToyContentEncoder')),
        bank=dict(num_samples=NUM_ROWS, dim=EMBED_DIM),
        gan_loss=dict(type='GANLoss', mode='lsgan', scale_reduction='sum'),
        penalty=dict(type='GradientPenalty', kind='r1_dgnet', reduction='sum'),
        contrast=dict(type='MemoryContrast', num_negatives=4),
        loss_weights=weights,
    )
    return merged(defaults, changes)


def toy_config(**changes) -> dict:
    """Keyword arguments of CrossDomainGCL; `networks` and `loss_weights` are merged."""
    networks = dict(
        D_s=DISCRIMINATOR,
        D_t=DISCRIMINATOR,
        G=DECODER,
        F=DECODER,
        E_p=POSE,
        E_c=dict(type='ToyContentEncoder'),
        C=dict(type='IdentityClassifier', in_dim=EMBED_DIM, num_identities=5),
    )
    weights = dict(adv=1, gp=10, recon=5, cycle=5, content=5, memory=1, identity=1, triplet=1)
    defaults = dict(
        bank=dict(num_samples=NUM_ROWS, dim=EMBED_DIM),
        gan_loss=dict(
            type='GANLoss',
            scale_reduction='sum',
            labels=dict(smooth_real=(0.7, 1.0), smooth_fake=(0.0, 0.3), flip_prob=0.1),
        ),
        penalty=dict(type='GradientPenalty'),
        contrast=dict(type='MemoryContrast', num_negatives=4),
        networks=networks,
        loss_weights=weights,
    )
    return merged(defaults, changes)


@pytest.fixture
def seeded():
    torch.manual_seed(0)


@pytest.fixture(scope='session', name='toy_config')
def toy_config_fixture():
    return toy_config


@pytest.fixture(scope='session')
def build_toy():
    """The model in training mode with a filled memory: rows 2k and 2k + 1 are person k."""

    def build(**changes) -> CrossDomainGCL:
        torch.manual_seed(0)
        model = CrossDomainGCL(**toy_config(**changes))
        for bank in (model.bank, model.bank_t):
            if bank is not None:
                bank.fill(torch.randn(NUM_ROWS, EMBED_DIM), torch.arange(NUM_ROWS) // 2)
        return model.train()

    return build


@pytest.fixture(scope='session', name='gcl_config')
def gcl_config_fixture():
    return gcl_config


@pytest.fixture(scope='session')
def build_gcl():
    """The GCL in training mode with a filled memory: rows 2k and 2k + 1 are cluster k."""

    def build(**changes) -> GCL:
        torch.manual_seed(0)
        model = GCL(**gcl_config(**changes))
        model.bank.fill(torch.randn(NUM_ROWS, EMBED_DIM), torch.arange(NUM_ROWS) // 2)
        return model.train()

    return build


@pytest.fixture(scope='session')
def toy_batch():
    """Random preprocessed images and maps; rows of the memory: 1, 4, 7, ... of each domain."""

    def domain(seed: int, size: int) -> DomainBatch:
        rng = torch.Generator().manual_seed(seed)
        img = torch.randn(size, 3, *SIZE, generator=rng)
        maps = 2 * torch.rand(2, size, 1, *SIZE, generator=rng) - 1
        index = (3 * torch.arange(size) + 1) % NUM_ROWS
        return DomainBatch(img, *maps, pid=index // 2, camid=torch.zeros_like(index), index=index)

    return lambda size=3, seed=0: Batch(domain(2 * seed, size), domain(2 * seed + 1, size))


@pytest.fixture(scope='session')
def batch(toy_batch):
    """Three images of one domain with maps; rows 1, 4, 7 of the memory."""
    return namedtuple('Batch', ['target'])(toy_batch().target)


@pytest.fixture(scope='session')
def toy_optim():
    """Plain gradient descent on every network of a model, a group each."""

    def build(model):
        groups = {
            name: dict(networks=[name], type='SGD', lr=1e-3)
            for name in model.network_names
            if name != 'C'
        }
        return OptimizerPerGroup(groups)(model)

    return build


@pytest.fixture(scope='session')
def gradients():
    """Names of the networks to which the backward pass of a term gives a gradient."""

    def reached(model, term) -> set[str]:
        model.zero_grad(set_to_none=True)
        term.backward(retain_graph=True)
        names = {
            name
            for name in model.network_names
            for parameter in getattr(model, name).parameters()
            if parameter.grad is not None and parameter.grad.count_nonzero()
        }
        model.zero_grad(set_to_none=True)
        return names

    return reached
