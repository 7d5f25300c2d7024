"""A model file with an encoder and generators, untrained."""

from pathlib import Path

import pytest

from reidgen.inference import pack
from reidgen.inference.packing import Packing
from tests.retrieval.conftest import pictures, tiny  # noqa: F401  # fixtures


@pytest.fixture(scope='session')
def generators(tiny, tmp_path_factory) -> Path:  # noqa: F811
    out = tmp_path_factory.mktemp('model') / 'generators.safetensors'
    options = {
        f'train_dataloader.{name}.dataset.pose_map': dict(type='Grayscale', _delete_=True)
        for name in ('source', 'target')
    }
    pack(tiny.config, tiny.checkpoint, out, Packing(translate=True), options)
    return out
