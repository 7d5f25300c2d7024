"""A CameraGCL of a few thousand parameters on 32 x 16 pixels; trainings of a small PairsGCL."""

from collections import namedtuple
from pathlib import Path

import pytest
import torch

from projects.gcl_camera.gcl_camera import CameraGCL
from reidgen.datasets import ShapesReID
from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config
from reidgen.structures import DomainBatch
from tests.engine import tiny_networks  # noqa: F401  registers TinyEncoder

Batch = namedtuple('Batch', ['source', 'target'])
SIZE, NUM_ROWS = (32, 16), 10
CONFIG = Path(__file__).with_name('gcl_pairs.py')


def toy(
    num_source: int = 2, num_target: int = 2, own: bool = True, kind=CameraGCL, **changes
) -> CameraGCL:
    """In training mode, of so many cameras; `networks` and `loss_weights` are merged."""
    torch.manual_seed(0)
    both = num_source + num_target if own else 0
    decoder = dict(
        type='CameraStripeDecoder',
        content_dim=32,
        base_dim=8,
        num_res_blocks=1,
        hidden_dim=8,
        num_own_cameras=both,
    )
    D = dict(type='CameraStridedDiscriminator', base_dim=4, num_downsample=2)
    networks = dict(
        G=decoder | dict(num_cameras=num_target),
        F=decoder | dict(num_cameras=num_source),
        D_s=D | dict(num_cameras=num_source),
        D_t=D | dict(num_cameras=num_target),
        E_p=dict(type='StructureEncoder', in_channels=4, out_dim=8),
        E_c=dict(type='TinyEncoder'),
        C=dict(type='IdentityClassifier', in_dim=8, num_identities=5),
    )
    weights = dict(adv=1, gp=10, recon=1, cycle=1, content=1, memory=1, identity=1, triplet=1)
    options = dict(
        bank=dict(num_samples=NUM_ROWS, dim=8),
        gan_loss=dict(type='GANLoss', mode='bce', scale_reduction='sum'),
        penalty=dict(type='GradientPenalty'),
        contrast=dict(type='MemoryContrast', num_negatives=4),
    )
    model = kind(
        networks=networks | changes.pop('networks', {}),
        loss_weights=weights | changes.pop('loss_weights', {}),
        **(options | changes),
    )
    rows = model.bank.num_samples
    model.bank.fill(torch.randn(rows, 8), torch.arange(rows) // 2)
    return model.train()


@pytest.fixture(scope='session')
def build_toy():
    return toy


@pytest.fixture(scope='session')
def toy_batch():
    """Random preprocessed images, maps of colour and body; the cameras of each domain as given."""

    def domain(seed: int, cameras: list[int]) -> DomainBatch:
        rng = torch.Generator().manual_seed(seed)
        size = len(cameras)
        img = torch.randn(size, 3, *SIZE, generator=rng)
        maps = 2 * torch.rand(2, size, 4, *SIZE, generator=rng) - 1
        index = (3 * torch.arange(size) + 1) % NUM_ROWS
        return DomainBatch(img, *maps, pid=index // 2, camid=torch.tensor(cameras), index=index)

    return lambda source=(0, 0, 0), target=(0, 0, 0): Batch(
        domain(0, list(source)), domain(1, list(target))
    )


@pytest.fixture(scope='session')
def figures():
    """Builds a training set of drawn figures with body maps."""

    def build(kind: type = ShapesReID, **options) -> ShapesReID:
        given = dict(domain='a', size=(64, 32), num_identities=4, images_per_identity=3)
        given |= dict(split='train', pose_map=dict(type='ShapesMap'))
        return kind(**(given | options))

    return build


def train_pairs(work_dir: Path, options: dict | None = None, **keys) -> ReIDRunner:
    cfg = load_config(CONFIG, options)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'{work_dir}_{sorted((options or {}).items())}_{sorted(keys)}'
    for key, value in keys.items():
        cfg[key] = value
    runner = ReIDRunner.from_cfg(cfg)
    runner.train()
    return runner


@pytest.fixture(scope='session')
def trained():
    """Trains gcl_pairs.py in a folder, with dotted options merged and top-level keys set."""
    return train_pairs


@pytest.fixture(scope='session')
def whole(tmp_path_factory) -> ReIDRunner:
    """A finished training of gcl_pairs.py, a checkpoint every other iteration; not to change."""
    return train_pairs(tmp_path_factory.mktemp('pairs'))
