"""Crops of a fictive owner: pictures of noise, and dressed stick figures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def draw(tmp_path) -> Callable[..., Path]:
    """Writes pictures of noise, no two alike, below a folder; returns the folder."""

    def write(folder: str, names: list[str], size: tuple[int, int] = (16, 32)) -> Path:
        for name in names:
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            rng = np.random.default_rng(list(f'{folder}/{name}'.encode()))
            Image.fromarray(rng.integers(256, size=(*size[::-1], 3), dtype=np.uint8)).save(path)
        return tmp_path / folder

    return write
