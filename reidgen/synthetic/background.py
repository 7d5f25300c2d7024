"""Background of a picture: ray-cast ground and wall, and the person's shadow."""

from typing import NamedTuple

import cv2
import numpy as np

from reidgen.synthetic.camera import Camera, View
from reidgen.synthetic.shading import Light
from reidgen.synthetic.textures import SIDE

PIXELS_PER_METRE = 64  # of the textures
FADE_FROM, FADE_OVER = 30, 60  # metres in which the ground turns into its mean colour
UP, TO_CAMERA = (np.array([axis], np.float32).T for axis in ([0, 0, 1], [0, -1, 0]))


class Standpoint(NamedTuple):
    """Position of the person in the camera's scene."""

    x: float
    y: float
    wall_shift: float  # metres that the wall is farther away than usual


def draw_background(
    camera: Camera, view: View, size: tuple[int, int], stand: Standpoint, light: Light
) -> np.ndarray:
    """Background (H, W, 3) float32, linear colours."""
    ray, eye = view.rays(size), view.place.astype(np.float32)
    along = -eye[2] / np.minimum(ray[2], np.float32(-1e-4))
    along[ray[2] >= -1e-4] = 1e6  # rays that go up never land
    x, y = eye[0] + along * ray[0], eye[1] + along * ray[1]
    turn = np.deg2rad(camera.flow_deg)
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    ground = cv2.remap(
        camera.ground,
        _wrapped(c * x - s * y + np.float32(stand.x)),
        _wrapped(s * x + c * y + np.float32(stand.y)),
        cv2.INTER_LINEAR,
    )
    if along.max() > FADE_FROM:
        fade = np.clip((along - FADE_FROM) / FADE_OVER, 0, 1)[..., None]
        ground += fade * (camera.ground_mean - ground)
    if light.lamps is None:
        ground *= light.ambient + light.sun * light.direction[2]
    else:
        ground = _under_lamps(ground, light, np.stack([x, y, np.zeros_like(x)]), UP)
    ground *= 1 - _shadow(x, y, light, size[0])[..., None]
    return _with_wall(ground, camera, ray, eye, along, stand, light)


def _with_wall(
    ground: np.ndarray,
    camera: Camera,
    ray: tuple,
    eye: np.ndarray,
    along: np.ndarray,
    stand: Standpoint,
    light: Light,
) -> np.ndarray:
    """Adds the wall, the plane y = distance + tan(turn) x, which hides the ground behind."""
    slope = np.float32(np.tan(np.deg2rad(camera.wall_turn_deg)))
    distance = np.float32(camera.wall_distance + stand.wall_shift)
    to_wall = (distance - eye[1] + slope * eye[0]) / np.maximum(
        ray[1] - slope * ray[0], np.float32(1e-4)
    )
    height = eye[2] + to_wall * ray[2]
    hit = (to_wall < along) & (height > 0)
    if not hit.any():
        return ground
    bottom = int(np.nonzero(hit.any(1))[0].max()) + 1  # the wall is above: draw no more
    hit, height = hit[:bottom], height[:bottom]
    across = eye[0] + to_wall[:bottom] * ray[0][:bottom] + np.float32(stand.x)
    row = np.clip((8 - height) * PIXELS_PER_METRE, 0, SIDE - 1)
    wall = cv2.remap(camera.wall, _wrapped(across), row, cv2.INTER_LINEAR)
    if light.lamps is None:
        wall *= light.ambient * np.float32(0.8) + light.sun * max(
            np.float32(0), -light.direction[1]
        )
    else:
        where = [eye[k] + to_wall[:bottom] * ray[k][:bottom] for k in (0, 1)]
        wall = _under_lamps(wall, light, np.stack([*where, height]), TO_CAMERA)
        if camera.night is not None:
            wall += cv2.remap(camera.night.glow, _wrapped(across), row, cv2.INTER_LINEAR)
    out = ground.copy()
    out[:bottom] = np.where(hit[..., None], wall, ground[:bottom])
    return out


def _under_lamps(
    albedo: np.ndarray, light: Light, where: np.ndarray, normal: np.ndarray
) -> np.ndarray:
    """Lit surface (H, W, 3) of lamps, at places (3, H, W), and of the sky."""
    assert light.lamps is not None
    shone = light.lamps.irradiance(where.reshape(3, -1), normal).reshape(*albedo.shape[:2], 1)
    return albedo * light.ambient + albedo @ light.lamps.colour.T * shone


def _wrapped(metres: np.ndarray) -> np.ndarray:
    turns = metres * np.float32(PIXELS_PER_METRE / (SIDE - 1))
    return (turns - np.floor(turns)) * np.float32(SIDE - 1)  # several times as fast as np.mod


def _shadow(x: np.ndarray, y: np.ndarray, light: Light, height: int) -> np.ndarray:
    """Shadow (H, W): share of light blocked by the person, on the ground around (0, 0)."""
    under = np.exp(-((x / 0.28) ** 2 + (y / 0.28) ** 2)) * np.float32(0.45)
    dx, dy = (float(-light.direction[k] / light.direction[2]) for k in (0, 1))
    slope = np.hypot(dx, dy) + 1e-6
    length = 1.7 * slope  # of a person of 1.7 metres
    along = x * np.float32(dx / slope) + y * np.float32(dy / slope)
    beside = np.abs(y * np.float32(dx / slope) - x * np.float32(dy / slope))
    narrow = np.float32(0.2) * (1 - np.float32(0.25) * np.abs(along / np.float32(length) - 0.5))
    cast = ((beside < narrow) & (along > 0) & (along < length)).astype(np.float32)
    cast *= np.float32(0.6 * min(1, light.sun.mean()))
    return np.maximum(under, cv2.GaussianBlur(cast, (0, 0), max(1.0, height / 128)))
