"""Colours of a face, painted at the template's places of the fragments."""

from typing import NamedTuple

import cv2
import numpy as np

from reidgen.synthetic.faces.hair import AXIS_Y, depth_in_hair
from reidgen.synthetic.faces.identity import Face, Features

SKIN, EYE, TEETH, CURTAIN, INSIDE, FRAME = range(6)  # layers; INSIDE: of the curtain
EYE_X, EYE_Z, EYE_RADIUS = 0.0308, 0.7284, 0.0138  # of the template
IRIS, PUPIL = 0.47, 0.19  # radians from the eye's axis
FRONT_Y = -0.055  # what lies before is painted with features
HAIR_GLOSS, SKIN_SHARPNESS = 0.13, 9
MOUTH_COLOUR = np.array([0.3, 0.09, 0.09], np.float32)
NOISE_SIDE = 256


class Places(NamedTuple):
    """Where fragments lie on the template, (N,) each, and what is there."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    lips: np.ndarray
    ears: np.ndarray
    mouth: np.ndarray
    lids: np.ndarray
    open: np.ndarray

    def take(self, rows: np.ndarray) -> 'Places':
        """Selected fragments."""
        return Places(*(column[rows] for column in self))

    @property
    def points(self) -> np.ndarray:
        """Template points (N, 3)."""
        return np.stack([self.x, self.y, self.z], 1)


class Paint(NamedTuple):
    """Painted fragments."""

    colour: np.ndarray  # (N, 3) float32 sRGB in [0, 1]
    gloss: np.ndarray  # (N,) strength of the highlight
    sharpness: np.ndarray  # (N,) exponent of the highlight


def _noise(sigma_x: float, sigma_y: float, seed: int) -> np.ndarray:
    white = np.random.default_rng(seed).normal(0, 1, (NOISE_SIDE, NOISE_SIDE)).astype(np.float32)
    smooth = cv2.GaussianBlur(white, (0, 0), sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_REFLECT)
    return smooth / smooth.std()


STRANDS, GRAIN, CLOUD = _noise(0.7, 14, 1), _noise(0.6, 0.6, 2), _noise(9, 9, 3)


def _lookup(noise: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Values of a noise at (u, v) in pixels, repeated."""
    row, column = (np.floor(w).astype(np.int32) & (NOISE_SIDE - 1) for w in (v, u))
    return noise.ravel()[row * NOISE_SIDE + column]


def _ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smooth step (N,) from 0 at `low` to 1 at `high`."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32, copy=False)


def _over(colour: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Colours (N, 3) float32 of which a share (N,) is replaced."""
    share = np.clip(share, 0, 1).astype(np.float32, copy=False)[:, None]
    return colour + share * (other - colour)


def paint(face: Face, layer: np.ndarray, places: Places) -> Paint:
    """Colours and highlights of fragments.

    Args:
        layer: (N,) SKIN, EYE, TEETH, CURTAIN, INSIDE or FRAME.
    """
    count = len(layer)
    out = Paint(
        np.empty((count, 3), np.float32), np.zeros(count, np.float32), np.ones(count, np.float32)
    )

    def put(rows: np.ndarray, colour: np.ndarray, gloss: np.ndarray | float, sharp: float) -> None:
        out.colour[rows], out.gloss[rows], out.sharpness[rows] = colour, gloss, sharp

    rows = np.nonzero(layer == SKIN)[0]
    put(rows, *_paint_skin(face, places.take(rows)), SKIN_SHARPNESS)
    rows = np.nonzero(layer == EYE)[0]
    put(rows, _paint_eye(face.features, places.take(rows)), 0.5, 60)
    put(np.nonzero(layer == TEETH)[0], np.array([0.86, 0.83, 0.76]), 0.15, 20)
    for which, brightness in ((CURTAIN, 1.0), (INSIDE, 0.45)):
        rows = np.nonzero(layer == which)[0]
        put(
            rows,
            _paint_hair(face, places.take(rows)) * brightness,
            HAIR_GLOSS * brightness,
            SKIN_SHARPNESS,
        )
    if face.glasses is not None:
        put(np.nonzero(layer == FRAME)[0], face.glasses.colour, 0.35, 25)
    return out


def _paint_hair(face: Face, places: Places) -> np.ndarray:
    turn = np.arctan2(places.x, AXIS_Y - places.y)
    u = turn * 110 + places.z * 60 * (1 if face.hair.curl < 0.002 else 5)
    strands = 1 + 0.16 * _lookup(STRANDS, u, places.z * 900)
    strands += 0.10 * _lookup(GRAIN, u * 2, places.z * 1500)
    return face.hair.colour * np.clip(strands, 0.4, 1.7)[:, None]


def _paint_skin(face: Face, places: Places) -> tuple[np.ndarray, np.ndarray]:
    """Colours (N, 3) and highlights (N,)."""
    features, y, z = face.features, places.y, places.z
    colour = np.tile(features.skin, (len(y), 1))
    gloss = np.full(len(y), 0.10, np.float32)
    front = np.nonzero((y < FRONT_Y) & (z > 0.6))[0]
    colour[front], gloss[front] = _paint_front(features, places.take(front), colour[front])
    if face.hair.kind != 'bald':
        depth = depth_in_hair(face.hair, places.points)
        near = np.nonzero((depth > -0.008) & (places.ears < 0.5))[0]
        here = places.take(near)
        waves = _lookup(STRANDS, np.arctan2(here.x, AXIS_Y - here.y) * 160, here.z * 900)
        edge = 0.012 if face.hair.kind == 'crop' else 0.003
        grown = _ramp(depth[near] + 0.0015 * waves, -0.0015, edge)
        colour[near] = _over(colour[near], _paint_hair(face, here), grown)
        gloss[near] += (HAIR_GLOSS - gloss[near]) * grown
    worn = _ramp(0.592 + 0.25 * (y + 0.05) - z, 0, 0.002)
    return _over(colour, features.clothes, worn), gloss * (1 - worn)


def _paint_front(
    features: Features, places: Places, colour: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Colours (N, 3) and highlights (N,) of the front, from the plain skin's colours."""
    x, y, z, side = places.x, places.y, places.z, np.abs(places.x)
    colour = colour * (1 + 0.025 * _lookup(CLOUD, x * 1500 + 128, z * 1500))[:, None]
    warm = features.skin * np.array([1.0, 0.78, 0.76], np.float32)
    blush = np.exp(-(((side - 0.045) / 0.018) ** 2) - ((z - 0.697) / 0.016) ** 2)
    nose = np.exp(-((x / 0.016) ** 2) - ((z - 0.69) / 0.014) ** 2)
    colour = _over(colour, warm, features.blush * blush + 0.2 * nose)
    under = np.exp(-(((side - 0.029) / 0.016) ** 2) - ((z - 0.716) / 0.006) ** 2)
    colour *= (1 - 0.12 * under)[:, None]
    if features.freckles:
        spots = _lookup(GRAIN, x * 900 + 128, z * 900) > 1.2
        cheeks = np.exp(-((side / 0.055) ** 2) - ((z - 0.7) / 0.022) ** 2)
        colour *= (1 - features.freckles * spots * cheeks)[:, None]
    for mole_x, mole_z, radius in features.moles:
        distance = np.sqrt((x - mole_x) ** 2 + (z - mole_z) ** 2)
        colour *= (1 - 0.65 * (y < -0.09) * _ramp(-distance, -1.6 * radius, -0.7 * radius))[:, None]
    colour = _over(colour, features.beard, _beard(features, places))
    lips = _ramp(places.lips, 0.35, 0.75)
    colour = _over(colour, features.lips, lips * features.lips_share)
    colour = _over(colour, features.brow, _brows(features, places))
    lids = _ramp(places.lids, 0.45, 0.95) * (side < 0.05)
    colour = _over(colour, features.skin * np.float32(0.22), lids * features.liner)
    colour = _over(colour, MOUTH_COLOUR, _ramp(places.mouth, 0.5, 0.9))
    return colour, 0.10 + 0.10 * lips


def _brows(features: Features, places: Places) -> np.ndarray:
    """Share (N,) of the brows' colour."""
    x = np.abs(places.x)
    along = (x - features.brow_inner) / (0.054 - features.brow_inner)
    middle = features.brow_z + features.brow_slope * (x - 0.03)
    middle = middle + features.brow_arch * (1 - ((along - 0.6) / 0.6) ** 2)
    half = features.brow_half * np.clip(0.9 - 0.65 * np.clip(along - 0.25, 0, 1), 0.2, 1)
    inside = _ramp(half - np.abs(places.z - middle), -0.0012, 0.0012)
    ends = _ramp(along, -0.08, 0.10) * _ramp(-along, -1.05, -0.85)
    grain = 1 + 0.2 * _lookup(GRAIN, places.x * 2500 + 128, places.z * 2500)
    share = features.brow_density * inside * ends * grain * (places.y < -0.10)
    return share


def _beard(features: Features, places: Places) -> np.ndarray:
    """Share (N,) of the beard's colour."""
    if not features.beard_density and not features.moustache_density:
        return np.zeros(len(places.x), np.float32)
    x, y, z = np.abs(places.x), places.y, places.z
    grain = np.clip(0.85 + 0.28 * _lookup(GRAIN, places.x * 1600 + 128, z * 1600), 0, 1.2)
    if features.beard_z < 0.64:  # a goatee
        edge = np.minimum(0.03 - x, 0.645 - z)
    else:  # from the ears down to the corners of the mouth
        edge = features.beard_z + 0.9 * np.clip(x - 0.045, 0, 1) - z
        edge = np.minimum(edge, (z < 0.642) * 1.0 + 3 * (x - 0.026))
        edge = np.minimum(edge, -0.055 - y)
    chin = _ramp(edge, -0.004, 0.006) * (z > 0.60)
    lip_z = 0.6745 - 0.25 * x
    moustache = _ramp(np.minimum(0.033 - x, 0.0065 - np.abs(z - lip_z)), -0.002, 0.003)
    share = np.maximum(
        chin * features.beard_density, moustache * (y < -0.12) * features.moustache_density
    )
    return share * grain * (places.ears < 0.5)


def _paint_eye(features: Features, places: Places) -> np.ndarray:
    across = (np.abs(places.x) - EYE_X) / EYE_RADIUS
    up = (places.z - EYE_Z) / EYE_RADIUS
    angle = np.arcsin(np.clip(np.sqrt(across**2 + up**2), 0, 1))
    white = np.array([0.86, 0.83, 0.81], np.float32)
    rays = 1 + 0.18 * _lookup(GRAIN, np.arctan2(up, across) * 9, angle * 20)
    iris = features.iris * np.clip(rays, 0.5, 1.5)[:, None]
    iris = iris * (1.25 - 0.8 * _ramp(angle, IRIS - 0.14, IRIS))[:, None]  # dark at its rim
    colour = np.tile(white, (len(angle), 1))
    colour = _over(colour, iris, _ramp(-angle, -IRIS - 0.05, -IRIS + 0.02))
    return _over(colour, np.full(3, 0.02, np.float32), _ramp(-angle, -PUPIL - 0.05, -PUPIL + 0.03))
