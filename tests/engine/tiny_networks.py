"""Encoder of a thousand weights, for trainings of a second."""

import os
import subprocess
from pathlib import Path

import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.datasets.shapes import ShapesReID
from reidgen.models.encoders.weights import Choices, load_weights
from reidgen.registry import ENCODERS
from reidgen.structures import Code
from tests.forks import run_program


def drawn_once(read):
    """The same figures for all data sets of a process: drawing takes longer than training, too."""
    kept = {}

    def cached(self, record, *view):
        key = (self.domain, self.seed, self.size, record, *view)
        if key not in kept:
            kept[key] = read(self, record, *view)
        return kept[key]

    return cached


ShapesReID.read_image = drawn_once(ShapesReID.read_image)
ShapesReID.read_map = drawn_once(ShapesReID.read_map)


@ENCODERS.register_module(force=True)
class TinyEncoder(nn.Module):
    """ContentEncoder's interface on two convolutions, with batch norms like it."""

    trunk_name = 'tiny'

    def __init__(
        self, channels: int = 8, num_parts: int = 4, embed_dim: int = 8, weights: Choices = None
    ):
        super().__init__()
        self.num_parts, self.content_dim, self.embed_dim = (
            num_parts,
            num_parts * channels,
            embed_dim,
        )
        self.trunk = nn.Sequential(
            nn.Conv2d(3, channels, 3, stride=4, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, stride=2, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.linear, self.neck = nn.Linear(channels, embed_dim), nn.BatchNorm1d(embed_dim)
        self.pretrained = load_weights(self, weights)

    def forward(self, img: Tensor) -> Code:
        feature_map = self.trunk(img)
        parts = nnf.adaptive_avg_pool2d(feature_map, (self.num_parts, 1)).squeeze(3)
        pre_bn = self.linear(feature_map.mean((2, 3)))
        return Code(content=parts.flatten(1), embedding=self.neck(pre_bn), pre_bn=pre_bn)


def environment(**env) -> dict[str, str]:
    """Of a process that trains gcl_tiny.py: one thread, and this folder on its path."""
    here = str(Path(__file__).resolve().parent)
    return dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=here, PYTHONWARNINGS='ignore') | env


def python(*args, **env) -> subprocess.CompletedProcess:
    """Runs a script of the repository as a user would."""
    return run_program(list(args), env=environment(**env))
