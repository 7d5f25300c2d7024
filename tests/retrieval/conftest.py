"""An untrained tiny encoder, a folder of pictures, and stores of random rows."""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from reidgen.datasets.records import Record
from reidgen.engine.config import load_config
from reidgen.registry import MODELS, find
from reidgen.retrieval.feature_extractor import FeatureExtractor
from reidgen.retrieval.manifest import EncoderInfo, Manifest
from reidgen.retrieval.store_writer import StoreWriter

ENGINE = Path(__file__).resolve().parents[1] / 'engine'
CONFIG = ENGINE / 'gcl_tiny.py'


class Tiny(NamedTuple):
    """A config and checkpoints that fit it."""

    config: Path
    checkpoint: Path
    other_checkpoint: Path
    extractor: FeatureExtractor


@pytest.fixture(scope='session')
def tiny(tmp_path_factory) -> Tiny:
    sys.path.insert(0, str(ENGINE))  # its custom_imports
    folder = tmp_path_factory.mktemp('tiny')
    for number, name in enumerate(('one', 'other')):
        torch.manual_seed(number)
        settings = load_config(CONFIG).model.to_dict()
        model = find(settings.pop('type'), MODELS)(**settings)
        torch.save(dict(state_dict=model.state_dict()), folder / f'{name}.pth')
    paths = folder / 'one.pth', folder / 'other.pth'
    return Tiny(CONFIG, *paths, FeatureExtractor(CONFIG, paths[0]))


@pytest.fixture(scope='session')
def pictures(tmp_path_factory) -> Path:
    """Eleven coloured pictures of four persons by two cameras, in two folders."""
    folder, rng = tmp_path_factory.mktemp('pictures'), np.random.default_rng(0)
    for number in range(11):
        path = folder / 'ab'[number % 2] / f'{number % 4:04d}_c{number % 2 + 1}_{number}.png'
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(256, size=(40, 20, 3), dtype=np.uint8)).save(path)
    return folder


def unit_rows(count: int, dims: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, dims), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def manifest_of(dims: int = 8, shard_size: int = 4, hash_: str = 'abc', **kwargs) -> Manifest:
    encoder = EncoderInfo('/c.py', '/c.pth', hash_, dict(type='Model'), [])
    return Manifest(encoder, 'random', '/images', '', 0, dims, shard_size, **kwargs)


@pytest.fixture
def write_store(tmp_path):
    """Writes features (N, D) as a store and returns its folder; row i is person i // 2, camera
    i % 3.
    """

    def write(features: np.ndarray, name: str = 'store', shard_size: int = 4, **kwargs) -> Path:
        records = [Record(f'{row}.png', row // 2, row % 3) for row in range(len(features))]
        manifest = manifest_of(features.shape[1], shard_size, **kwargs)
        writer = StoreWriter(tmp_path / name, manifest, records)
        writer.prepare()
        for number in writer.todo():
            writer.write(number, features[np.asarray(writer.manifest.rows(number))])
        return tmp_path / name

    write.rows, write.manifest = unit_rows, manifest_of
    return write
