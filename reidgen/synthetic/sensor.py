"""Sensor model: from linear light to the uint8 picture of a surveillance camera."""

import cv2
import numpy as np

from reidgen.synthetic.camera import Camera
from reidgen.synthetic.night import Night, denoised, with_bloom, with_noise

ROLL_OFF = 0.25  # how softly highlights saturate
PIVOT = 0.45  # grey that contrast leaves alone


def develop(
    linear: np.ndarray, camera: Camera, size: tuple[int, int], scale: int, rng: np.random.Generator
) -> np.ndarray:
    """Developed picture (H, W, 3) uint8 at (height, width).

    Args:
        linear: (scale * H, scale * W, 3) float32.
    """
    gain = (camera.exposure * rng.uniform(0.9, 1.1) * camera.cast).astype(np.float32)
    if camera.night is not None:
        return _develop_at_night(linear, camera, camera.night, gain, size, scale, rng)
    light = linear * np.float32(1 - camera.haze) + np.float32(camera.haze * 0.8)
    picture = _toned(np.clip(light * gain, 0, 4), camera)
    sigma = max(camera.blur * scale * rng.uniform(0.7, 1.3), 0.3)
    picture = _shrunk(cv2.GaussianBlur(picture, (0, 0), sigma), camera, rng)
    noise = rng.normal(0, camera.noise / 255, picture.shape).astype(np.float32)
    return _enlarged(np.clip(picture + noise, 0, 1), size)


def _develop_at_night(
    linear: np.ndarray,
    camera: Camera,
    night: Night,
    gain: np.ndarray,
    size: tuple[int, int],
    scale: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Developed picture where noise is the photons', before the tone curve, and is smeared."""
    light = linear + np.float32(camera.haze) * (linear.mean((0, 1)) - linear)
    light = with_bloom(np.clip(light * gain, 0, 12), night.bloom)
    sigma = max(camera.blur * scale * rng.uniform(0.7, 1.3), 0.3)
    light = _shrunk(cv2.GaussianBlur(light, (0, 0), sigma), camera, rng)
    return _enlarged(denoised(_toned(with_noise(light, night, rng), camera), night), size)


def _toned(light: np.ndarray, camera: Camera) -> np.ndarray:
    """Picture in [0, 1] of linear light: highlights, gamma, contrast, saturation."""
    picture = np.minimum(light / (1 + np.float32(ROLL_OFF) * light) * np.float32(1.18), 1)
    picture = cv2.pow(picture, camera.gamma / 2.2)
    picture = np.clip(
        (picture - np.float32(PIVOT)) * np.float32(camera.contrast) + np.float32(PIVOT), 0, 1
    )
    grey = picture @ np.full((3, 1), 1 / 3, np.float32)
    return np.clip(grey + (picture - grey) * np.float32(camera.saturation), 0, 1)


def _shrunk(picture: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """Picture as large as the person's box was filmed."""
    native = int(np.clip(camera.native_height * rng.uniform(0.75, 1.3), 48, 200))
    return cv2.resize(picture, (max(native // 2, 24), native), interpolation=cv2.INTER_AREA)


def _enlarged(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    picture = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_LINEAR)
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
