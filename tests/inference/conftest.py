"""An encoder whose features are worked out by hand, in a model file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from reidgen.cli import export, parse
from reidgen.engine.config import load_config
from reidgen.inference import ModelInfo, write_model_file
from reidgen.inference.batch_norm import write_camera_file
from reidgen.inference.model import Model
from reidgen.registry import ENCODERS, MODELS, build
from reidgen.structures import Code
from tests.retrieval.conftest import tiny  # noqa: F401  # a fixture

SIZE = (16, 8)
CALIBRATION = dict(
    slope=-2.0, intercept=3.0, threshold=0.5, fmr=0.01, fnmr=0.2, eer=0.05, num_genuine=10,
    num_impostor=1000,
)  # fmt: skip


@ENCODERS.register_module(force=True)
class StripeColours(nn.Module):
    """Mean normalised colours of `num_stripes` horizontal stripes, times a weight."""

    def __init__(self, num_stripes: int = 2):
        super().__init__()
        self.num_stripes, self.embed_dim = num_stripes, 3 * num_stripes
        self.weight = nn.Parameter(torch.tensor(3.0))

    def forward(self, img: Tensor) -> Code:
        means = nn.functional.adaptive_avg_pool2d(img, (self.num_stripes, 1)).flatten(1)
        return Code(means, self.weight * means, means)


def run_export(*args) -> None:
    export.run(parse('export', list(map(str, args))))


def info_of(**changes) -> ModelInfo:
    values = dict(
        name='stripes',
        model=dict(type='IdentityModel', networks=dict(E_c=dict(type='StripeColours'))),
        transforms=[dict(type='Resize', size=list(SIZE))],
        input_size=list(SIZE),
        dims=6,
        normalisation='L2',
        calibration=CALIBRATION,
        tested_on='stripes (market1501)',
    )
    return ModelInfo(**values | changes)


def untrained(config: str, path: Path) -> Path:
    """Checkpoint of a config's model at its random start."""
    torch.manual_seed(0)
    torch.save(build(load_config(config).model.to_dict(), MODELS).state_dict(), path)
    return path


@pytest.fixture
def model_file(tmp_path) -> Path:
    path = tmp_path / 'stripes.safetensors'
    write_model_file(path, info_of(), {'E_c.weight': torch.tensor(2.0)})
    return path


@pytest.fixture
def model(model_file) -> Model:
    return Model(model_file, device='cpu')


@pytest.fixture
def pixels() -> np.ndarray:
    """Seven images (7, 16, 8, 3) uint8 of noise."""
    return np.random.default_rng(0).integers(256, size=(7, *SIZE, 3), dtype=np.uint8)


@pytest.fixture
def paths(tmp_path, pixels) -> list[Path]:
    """The same as files."""
    found = [tmp_path / f'{number}.png' for number in range(len(pixels))]
    for path, image in zip(found, pixels):
        Image.fromarray(image).save(path)
    return found


def expected_features(pixels: np.ndarray) -> np.ndarray:
    """Features of images (N, 16, 8, 3) uint8: in float64, by the definition."""
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    img = (pixels / 255 - mean) / std
    rows = np.stack([img[:, :8].mean((1, 2)), img[:, 8:].mean((1, 2))], axis=2)  # (N, 3, 2)
    rows = rows.reshape(len(pixels), 6)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


# ---- files with batch-norm statistics by camera, and crops of two cameras ----

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
CAMERAS = {'2': 5, '10': 4}  # images of each; in this order, as numbers
EPS = 1e-5


@ENCODERS.register_module(force=True)
class NormalisedColours(nn.Module):
    """Mean normalised colours of an image, batch-normalised."""

    def __init__(self):
        super().__init__()
        self.bn, self.embed_dim = nn.BatchNorm1d(3, eps=EPS, affine=False), 3

    def forward(self, img: Tensor) -> Code:
        means = img.mean((2, 3))
        return Code(means, self.bn(means), means)


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / 'colours.safetensors'
    model = dict(type='IdentityModel', networks=dict(E_c=dict(type='NormalisedColours')))
    state = {
        'E_c.bn.running_mean': torch.zeros(3),
        'E_c.bn.running_var': torch.ones(3),
        'E_c.bn.num_batches_tracked': torch.tensor(0),
    }
    write_model_file(path, info_of(model=model, dims=3, metrics=dict(mAP=50.0)), state)
    return path


@pytest.fixture
def crops(tmp_path) -> Path:
    """A sub-folder of noise by each camera, one darker than the other."""
    rng, folder = np.random.default_rng(0), tmp_path / 'crops'
    for number, (camera, count) in enumerate(CAMERAS.items()):
        for image in range(count):
            path = folder / camera / f'c{camera}_{image}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(256, size=(1, 1, 3)) / (number + 1) + rng.normal(0, 9, (*SIZE, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return folder


@pytest.fixture
def by_camera(file, crops, tmp_path) -> Path:
    out = tmp_path / 'by_camera.safetensors'
    write_camera_file(file, crops, out)
    return out


def paths_of(crops: Path, camera: str) -> list[Path]:
    return sorted((crops / camera).iterdir())


def colours(paths) -> np.ndarray:
    pixels = np.stack([np.asarray(Image.open(path), np.float64) for path in paths])
    return ((pixels / 255 - MEAN) / STD).mean((1, 2))


def expected(crops: Path, camera: str) -> np.ndarray:
    """Features of a camera's images by the statistics of the same images, in float64."""
    means = colours(paths_of(crops, camera))
    rows = (means - means.mean(0)) / np.sqrt(means.var(0, ddof=1) + EPS)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def close(found: Tensor, rows: np.ndarray) -> None:
    torch.testing.assert_close(found.double(), torch.from_numpy(rows), rtol=0, atol=1e-4)
