"""Cloth patterns, folds and garment borders, evaluated at every pixel.

All functions take points in the template's coordinates, so edges and patterns are crisp whatever
the mesh, and the same in every pose and picture.
"""

from typing import NamedTuple

import cv2
import numpy as np

from reidgen.synthetic.identity import Garment


class Places(NamedTuple):
    """Positions of points on the body, (N,) each: the columns of Body.attributes."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    s: np.ndarray  # along the arm
    arm: np.ndarray
    head: np.ndarray
    scalp: np.ndarray

    def take(self, rows: np.ndarray) -> 'Places':
        """Selected points."""
        return Places(*(column[rows] for column in self))


def _noise() -> np.ndarray:
    """Noise (256, 256) float32 of standard deviation 1, smooth over three pixels."""
    white = np.random.default_rng(7).normal(0, 1, (256, 256)).astype(np.float32)
    smooth = cv2.GaussianBlur(white, (0, 0), 3, borderType=cv2.BORDER_REFLECT_101)
    return smooth / smooth.std()


NOISE = _noise()


def folds(places: Places, is_cloth: np.ndarray) -> np.ndarray:
    """Relative brightness (N,) around 0: wrinkles of cloth, less of skin."""
    x, y, z = places.x, places.y, places.z
    shade = np.float32(0.02) * _noise_at(x * 400 + 500, z * 400 + 500)
    cloth = np.nonzero(is_cloth)[0]
    x, y, z = x[cloth], y[cloth], z[cloth]
    shade[cloth] = 0.06 * _noise_at(np.arctan2(x, -y) * 60 + 100, z * 160 + 40) + 0.05 * _noise_at(
        x * 300 + 900, z * 90 + 30
    )
    return shade


def _noise_at(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return NOISE[v.astype(np.int32) & 255, u.astype(np.int32) & 255]


def pattern_mix(garment: Garment, places: Places) -> np.ndarray:
    """Share (N,) float32 of the second colour, in [0, 1]."""
    x, y, z, arm, period = places.x, places.y, places.z, places.arm, garment.period
    name = garment.pattern
    if name == 'plain':
        return np.zeros(len(z), np.float32)
    down = np.where(arm > 0.5, places.s * 0.45, z)
    around = np.arctan2(x, -y) * 0.15
    if name == 'hstripe':
        mix = np.mod(down / period, 1) < 0.45
    elif name == 'vstripe':
        mix = np.mod(around / period, 1) < 0.4
    elif name == 'check':
        mix = 0.5 * (np.mod(down / period, 1) < 0.45) + 0.5 * (np.mod(around / period, 1) < 0.45)
    elif name == 'block':
        mix = (z > 0.45) & (arm < 0.5)
    elif name == 'raglan':
        mix = arm > 0.4
    elif name == 'side':
        mix = np.abs(np.abs(around) - 0.235) < 0.02
    elif name == 'logo':
        mix = (np.abs(x) < 0.085) & (np.abs(z - 0.5) < 0.06) & (y < -0.02)
    else:
        raise ValueError(
            f"no pattern '{name}'; patterns are plain, hstripe, vstripe, check, "
            f'block, raglan, side and logo'
        )
    return mix.astype(np.float32)


def upper_covers(upper: Garment, places: Places, margin: float = 0.0) -> np.ndarray:
    """Mask (N,) bool of points covered by the upper garment, by more than a margin."""
    deeper = upper.v_neck * np.clip(1 - np.abs(places.x) / 0.09, 0, 1) * (places.y < -0.03)
    on_trunk = (places.z > upper.hem + margin) & (places.z < upper.neck - deeper - margin)
    covered = np.where(places.arm > 0.5, places.s < upper.sleeve - margin, on_trunk)
    return covered & ((places.arm > 0.02) | (places.head < 0.9))


def trousers_cover(lower: Garment, places: Places, margin: float = 0.0) -> np.ndarray:
    """Mask (N,) bool of points covered by trousers, which hide the skin; none by a skirt."""
    if lower.kind == 'skirt':
        return np.zeros(len(places.z), bool)
    return (places.z > lower.hem + margin) & (places.z < 0.25) & (places.arm < 0.4)
