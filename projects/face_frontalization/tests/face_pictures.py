"""Tiny networks and pictures of the tests of face frontalization."""

from collections import namedtuple
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from projects.face_frontalization.face_frontalization import FaceFrontalizer
from reidgen.registry import ENCODERS
from reidgen.structures import ImageBatch, TwoViewBatch

SIZE, DIM = 56, 8
Batch = namedtuple('Batch', 'profile front')


@ENCODERS.register_module()
class TinyFaceNet(nn.Module):
    """Eight features of a picture, through a batch norm."""

    embed_dim = DIM

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, DIM, 8, stride=8), nn.BatchNorm2d(DIM)

    def forward(self, img: Tensor) -> Tensor:
        return self.norm(self.conv(img)).relu().mean((2, 3))


E = dict(type='FrozenTrunk', network=dict(type='TinyFaceNet'))
MULTI = dict(type='MultiScaleDecoder', code_dim=DIM, image_size=SIZE, base_dim=8)
SINGLE = dict(MULTI, type='SingleScaleDecoder')
SCALES = dict(type='MultiScaleFaceDiscriminator', image_size=SIZE, base_dim=2)
FACE_PARTS = dict(type='RegionDiscriminator', image_size=SIZE, base_dim=2)
# networks and objective of each of the programs
WGAN = dict(G=MULTI, D=SCALES)
WGAN_GP = dict(G=MULTI, D=dict(SCALES, norm='layer'), penalty=dict(reduction='sum'))
REGIONS = dict(G=SINGLE, D=FACE_PARTS, penalty=dict(reduction='sum'), joint_penalty=True)


def frontalizer(G=MULTI, D: dict | None = SCALES, weights=(), **options) -> FaceFrontalizer:
    torch.manual_seed(0)
    networks = dict(E=E, G=G) | (dict(D=D) if D else {})
    loss_weights = dict(fea=1.0, adv=1.0 if D else 0.0) | dict(weights)
    if 'penalty' in options:
        loss_weights.setdefault('gp', 10.0)
    return FaceFrontalizer(networks, loss_weights, **options).train()


def batch(count: int = 3, size: int = SIZE) -> Batch:
    rng = torch.Generator().manual_seed(1)
    x, gt, y = (torch.rand(count, 3, size, size, generator=rng) * 2 - 1 for _ in range(3))
    rows = torch.arange(count)
    return Batch(TwoViewBatch(x, gt, rows, rows, rows), ImageBatch(y, rows, rows, rows))


def write(path: Path, value: int = 0, size: tuple[int, int] = (6, 5)) -> None:
    """Writes a grey picture, (height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), value, dtype=np.uint8)).save(path)
