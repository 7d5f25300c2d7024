"""Small data sets on disk, and the log as text."""

import logging
from pathlib import Path

import numpy as np
import pytest
from mmengine.logging import MMLogger
from PIL import Image

MARKET = {
    'bounding_box_train': [
        '0002_c1s1_000451_03.jpg',
        '0002_c2s1_000801_01.jpg',
        '0007_c3s3_077419_03.jpg',
        '0007_c1s6_028546_04.jpg',
        '0010_c6s3_077467_02.jpg',
        '-1_c1s1_000401_03.jpg',
        '0000_c6s3_001234_01.jpg',
    ],
    'query': ['0001_c1s1_001051_00.jpg', '0003_c5s1_001000_00.jpg'],
    'bounding_box_test': [
        '-1_c1s1_000401_03.jpg',
        '0000_c6s3_001234_01.jpg',
        '0001_c2s1_000301_00.jpg',
        '0001_c1s1_000151_00.jpg',
        '0003_c1s1_000002_00.jpg',
    ],
}


def write_image(path: Path, size: tuple[int, int] = (16, 8), seed: int | None = None) -> Path:
    """A picture of noise, different for every name unless seeded; size is (height, width)."""
    rng = np.random.default_rng(seed if seed is not None else list(path.name.encode()))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return path


def write_tree(root: Path, tree: dict[str, list[str]], size: tuple[int, int] = (16, 8)) -> Path:
    for folder, names in tree.items():
        for name in names:
            write_image(root / folder / name, size)
    return root


@pytest.fixture
def draw_image():
    """`write_image`, for the tests that need files of their own."""
    return write_image


@pytest.fixture
def draw_tree():
    """`write_tree`: {folder: [file names]} below a root."""
    return write_tree


@pytest.fixture
def market_root(tmp_path) -> Path:
    """Market-1501 in fourteen files, junk and distractors among them."""
    root = write_tree(tmp_path / 'market', MARKET)
    (root / 'bounding_box_train' / 'Thumbs.db').write_bytes(b'no image')
    return root


@pytest.fixture
def log(caplog):
    """caplog, listening to mmengine's logger, which hands nothing on to the root logger."""
    logger = MMLogger.get_current_instance()
    caplog.set_level(logging.INFO)
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)
