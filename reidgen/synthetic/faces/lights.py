"""Twenty lights around a head, as Multi-PIE has flashes, and the light of the true frontal face."""

from typing import NamedTuple

import numpy as np


class Lamp(NamedTuple):
    """Lamp that stays with the head, whatever side the camera sees, and the light of the room."""

    direction: np.ndarray  # (3,) float32 unit vector from the head towards the lamp
    lamp: np.ndarray  # (3,) float32 linear RGB
    room: np.ndarray  # (3,) float32 linear RGB from everywhere


def _lamp(
    azimuth_deg: float, elevation_deg: float, lamp: float, room: float, warmth: float = 0.0
) -> Lamp:
    """Lamp at an azimuth (0 in front, positive to the head's left) and elevation."""
    azimuth, elevation = np.deg2rad([azimuth_deg, elevation_deg])
    direction = [
        np.sin(azimuth) * np.cos(elevation),
        -np.cos(azimuth) * np.cos(elevation),
        np.sin(elevation),
    ]
    tint = np.array([1 + warmth, 1, 1 - warmth], np.float32)
    return Lamp(np.array(direction, np.float32), tint * np.float32(lamp), tint * np.float32(room))


TRUTH_LIGHT = 0
# 13 flashes around the face, 5 above, one below, and the room alone
LIGHTS = (
    _lamp(0, 30, 0.62, 0.42),
    *(_lamp(azimuth, 10, 0.95, 0.2) for azimuth in range(-90, 91, 15)),
    *(_lamp(azimuth, 50, 0.9, 0.22, 0.06) for azimuth in (-60, -30, 0, 30, 60)),
    _lamp(0, -25, 0.7, 0.2, 0.10),
    _lamp(0, 80, 0.15, 0.5, -0.08),
)
NUM_LIGHTS = len(LIGHTS) - 1
