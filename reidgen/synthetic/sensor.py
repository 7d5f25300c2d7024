"""Sensor model: from linear light to the uint8 picture of a surveillance camera."""

import cv2
import numpy as np

from reidgen.synthetic.camera import Camera

ROLL_OFF = 0.25  # how softly highlights saturate
PIVOT = 0.45  # grey that contrast leaves alone


def develop(
    linear: np.ndarray, camera: Camera, size: tuple[int, int], scale: int, rng: np.random.Generator
) -> np.ndarray:
    """Developed picture (H, W, 3) uint8 at (height, width).

    Args:
        linear: (scale * H, scale * W, 3) float32.
    """
    gain = camera.exposure * rng.uniform(0.9, 1.1) * camera.cast
    light = linear * np.float32(1 - camera.haze) + np.float32(camera.haze * 0.8)
    light = np.clip(light * gain.astype(np.float32), 0, 4)
    picture = np.minimum(light / (1 + np.float32(ROLL_OFF) * light) * np.float32(1.18), 1)
    picture = cv2.pow(picture, camera.gamma / 2.2)
    picture = np.clip(
        (picture - np.float32(PIVOT)) * np.float32(camera.contrast) + np.float32(PIVOT), 0, 1
    )
    grey = picture @ np.full((3, 1), 1 / 3, np.float32)
    picture = np.clip(grey + (picture - grey) * np.float32(camera.saturation), 0, 1)
    sigma = max(camera.blur * scale * rng.uniform(0.7, 1.3), 0.3)
    picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    native = int(np.clip(camera.native_height * rng.uniform(0.75, 1.3), 48, 200))
    picture = cv2.resize(picture, (max(native // 2, 24), native), interpolation=cv2.INTER_AREA)
    noise = rng.normal(0, camera.noise / 255, picture.shape).astype(np.float32)
    picture = cv2.resize(np.clip(picture + noise, 0, 1), size[::-1], interpolation=cv2.INTER_LINEAR)
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
