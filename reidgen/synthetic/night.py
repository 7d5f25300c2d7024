"""Night cameras: slow shutter, noise of a high gain and its smearing, bloom, and lit windows."""

from typing import NamedTuple

import cv2
import numpy as np

from reidgen.synthetic.geometry import turned
from reidgen.synthetic.lamps import LampStyle
from reidgen.synthetic.textures import SIDE

WALK = (0.7, 1.5)  # metres a second
WINDOW_LIGHTS = ((1.0, 0.72, 0.40), (1.0, 0.86, 0.66), (0.75, 0.88, 1.0))
HALO = 4  # halos are computed in pictures smaller by this


class NightStyle(NamedTuple):
    """Parameter ranges of a domain's night cameras."""

    lamps: LampStyle
    shutter: tuple[float, float]  # seconds
    photons: tuple[float, float]  # a pixel at full scale: the fewer, the more noise
    read_noise: tuple[float, float]  # standard deviation, linear, full scale 1
    denoising: tuple[float, float]  # grey levels of [0, 1] that are taken for noise
    bloom: tuple[float, float]  # share of the light above full scale that spreads


class Night(NamedTuple):
    """A night camera's sensor and what shines in its scene."""

    shutter: float
    photons: float
    read_noise: float
    denoising: float
    bloom: float
    glow: np.ndarray  # (512, 512, 3) float32 linear, light of the wall itself


def draw_night(style: NightStyle, rng: np.random.Generator) -> Night:
    """Random night camera."""
    ranges = (style.shutter, style.photons, style.read_noise, style.denoising, style.bloom)
    return Night(*(rng.uniform(*each) for each in ranges), _glow(rng))


def _glow(rng: np.random.Generator) -> np.ndarray:
    """Lit windows, and small lamps and signs, on a wall of 8 x 8 metres, dark elsewhere."""
    texture = np.zeros((SIDE, SIDE, 3), np.float32)
    for _ in range(int(rng.integers(2, 6))):
        x, y = int(rng.integers(SIDE)), int(rng.integers(SIDE * 0.55, SIDE * 0.85))
        width, height = int(rng.integers(30, 90)), int(rng.integers(40, 90))
        light = np.array(WINDOW_LIGHTS[rng.integers(len(WINDOW_LIGHTS))]) * rng.uniform(0.15, 1.2)
        texture[y - height : y, x : x + width] = light
        texture[y - height : y, x + width // 2 : x + width // 2 + 3] *= 0.3  # the frame
    for _ in range(int(rng.integers(2, 5))):
        x, y = int(rng.integers(SIDE)), int(rng.integers(SIDE * 0.5, SIDE * 0.93))
        light = np.array(WINDOW_LIGHTS[rng.integers(len(WINDOW_LIGHTS))]) * rng.uniform(3, 8)
        cv2.circle(texture, (x, y), int(rng.integers(3, 8)), light.tolist(), -1)
    return texture


def motion(project, yaw_deg: float, shutter: float, rng: np.random.Generator) -> np.ndarray:
    """Way (2,) in pixels that a walking person's chest covers while the shutter is open.

    Args:
        project: from points (V, 3) in metres to pixels (V, 2).
    """
    way = rng.uniform(*WALK) * shutter
    start, end = project(turned(np.array([[0, way / 2, 1.2], [0, -way / 2, 1.2]]), yaw_deg))
    return end - start


def blurred_along(picture: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Picture (H, W, K) smeared along a straight way (2,), x and y in pixels."""
    reach = int(np.ceil(np.abs(way).max() / 2))
    if reach == 0:
        return picture
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    steps = np.linspace(-0.5, 0.5, 8 * reach + 1)
    x, y = np.rint(steps[:, None] * way + reach).astype(int).T
    np.add.at(kernel, (y, x), 1)
    return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def with_bloom(light: np.ndarray, bloom: float) -> np.ndarray:
    """Linear light (H, W, 3) with halos, narrow and wide, around what is above full scale."""
    height, width = light.shape[0] // HALO, light.shape[1] // HALO
    over = cv2.resize(np.maximum(light - 1, 0), (width, height), interpolation=cv2.INTER_AREA)
    if over.max() == 0:
        return light
    halo = cv2.GaussianBlur(over, (0, 0), height / 40) + cv2.GaussianBlur(over, (0, 0), height / 10)
    halo = cv2.resize(halo, light.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return light + np.float32(bloom) * halo


def with_noise(light: np.ndarray, night: Night, rng: np.random.Generator) -> np.ndarray:
    """Linear light with the photons' noise, which grows with its root, and the read-out's."""
    deviation = np.sqrt(light / np.float32(night.photons) + np.float32(night.read_noise**2))
    return np.maximum(light + deviation * rng.normal(0, 1, light.shape).astype(np.float32), 0)


def denoised(picture: np.ndarray, night: Night) -> np.ndarray:
    """Picture (H, W, 3) float32 in [0, 1] without most of its noise and fine texture.

    Luma by a bilateral filter, which keeps strong edges; colours by a median and a blur, which keep
    none.
    """
    luma, *chroma = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb))
    luma = cv2.bilateralFilter(luma, 5, night.denoising, 1.5)
    chroma = [cv2.GaussianBlur(cv2.medianBlur(plane, 5), (0, 0), 1.2) for plane in chroma]
    return np.clip(cv2.cvtColor(cv2.merge([luma, *chroma]), cv2.COLOR_YCrCb2RGB), 0, 1)
