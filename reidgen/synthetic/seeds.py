"""Random streams of the synthetic people, keyed by purpose, independent of call order."""

import zlib
from typing import NamedTuple

import numpy as np

VERSION = 'synth-1.0'  # of the pictures: another renderer or other parameters, another version


class Seeds(NamedTuple):
    """Seeds of a rendering; all 0 is the benchmark. The training has one of its own elsewhere."""

    camera: int = 0  # scenes, light and sensors
    identity: int = 0  # bodies and clothes
    image: int = 0  # who is seen where, poses, framing, occlusion, noise


BENCHMARK = Seeds()


def stream(*key: str | int) -> np.random.Generator:
    """Random stream of a key: `stream('camera', 0, 'synth_a', 3)`."""
    return np.random.default_rng([zlib.crc32(str(part).encode()) for part in key])
