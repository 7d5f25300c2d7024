"""Cameras: styles of the domains, six cameras of each, and the view of a picture."""

from typing import NamedTuple

import numpy as np

from reidgen.synthetic.geometry import rotation
from reidgen.synthetic.lamps import LampStyle, draw_lamps
from reidgen.synthetic.night import Night, NightStyle, draw_night
from reidgen.synthetic.shading import Light, under_lamps
from reidgen.synthetic.textures import ground_texture, wall_texture

NUM_CAMERAS = 6
Range = tuple[float, float]  # of a uniform draw


class CameraStyle(NamedTuple):
    """Parameter ranges of a domain's cameras."""

    ground: tuple[str, ...]  # camera k has the k-th, going round
    wall: tuple[str, ...]
    elevation_deg: Range  # looking down by so much
    distance: Range  # metres
    sun: Range  # strength, linear
    ambient: Range
    warmth: Range  # red up and blue down by this share
    exposure: Range
    saturation: Range
    contrast: Range
    cast: float  # standard deviation of the channels' gains
    blur: Range  # pixels of the final picture
    noise: Range  # standard deviation, of 255
    quality: Range  # of the JPEG file
    native_height: Range  # pixels of the person's box as it was filmed
    haze: Range
    occlusion: float  # chance
    misplacement: float  # of the box, standard deviation as a share of its height
    cut: float  # chance of a box that cuts head or feet
    background_contrast: float  # below 1: strangers before one wall look less alike
    night: NightStyle | None = None  # lamps in place of the sun, and their sensor


STYLES = {
    'synth_a': CameraStyle(
        ground=('tile', 'grass', 'concrete', 'brickpave'),
        wall=('hedge', 'plaster', 'hedge', 'brick'),
        elevation_deg=(6, 20),
        distance=(6, 11),
        sun=(0.5, 1.1),
        ambient=(0.6, 0.85),
        warmth=(-0.01, 0.08),
        exposure=(0.85, 1.2),
        saturation=(0.85, 1.15),
        contrast=(0.95, 1.1),
        cast=0.03,
        blur=(0.4, 0.9),
        noise=(2, 5),
        quality=(80, 95),
        native_height=(90, 140),
        haze=(0, 0.03),
        occlusion=0.10,
        misplacement=0.03,
        cut=0.04,
        background_contrast=0.6,
    ),
    'synth_b': CameraStyle(
        ground=('asphalt', 'concrete', 'snow', 'tile'),
        wall=('grey', 'brick', 'glass', 'plaster'),
        elevation_deg=(12, 28),
        distance=(7, 14),
        sun=(0.1, 0.6),
        ambient=(0.85, 1.1),
        warmth=(-0.09, -0.01),
        exposure=(0.9, 1.3),
        saturation=(0.75, 1.0),
        contrast=(0.88, 1.05),
        cast=0.035,
        blur=(0.5, 1.0),
        noise=(3, 6),
        quality=(65, 90),
        native_height=(80, 128),
        haze=(0.01, 0.05),
        occlusion=0.15,
        misplacement=0.04,
        cut=0.05,
        background_contrast=0.6,
    ),
    'synth_n': CameraStyle(
        ground=('asphalt', 'concrete', 'brickpave', 'tile'),
        wall=('brick', 'grey', 'plaster', 'glass'),
        elevation_deg=(10, 26),
        distance=(6, 12),
        sun=(0, 0),
        ambient=(0.07, 0.13),
        warmth=(-0.06, 0.04),
        exposure=(0.95, 1.3),
        saturation=(0.8, 1.05),
        contrast=(0.95, 1.1),
        cast=0.02,
        blur=(0.5, 1.0),
        noise=(0, 0),
        quality=(60, 88),
        native_height=(80, 128),
        haze=(0, 0.03),
        occlusion=0.12,
        misplacement=0.04,
        cut=0.05,
        background_contrast=0.8,
        night=NightStyle(
            lamps=LampStyle(
                kinds=('sodium', 'white', 'green', 'sodium', 'warm', 'white'),
                height=(3.6, 5.2),
                aside=(1.0, 3.0),
                spacing=(7, 11),
                cone_deg=(38, 52),
                edge_deg=(10, 18),
                strength=(0.7, 1.2),
                balanced=(0.2, 0.5),
            ),
            shutter=(0.02, 0.06),
            photons=(120, 400),
            read_noise=(0.006, 0.016),
            denoising=(0.06, 0.14),
            bloom=(0.15, 0.4),
        ),
    ),
}


class Camera(NamedTuple):
    """Camera with its place, scene, light and sensor; angles in degrees."""

    elevation_deg: float
    distance: float
    roll_deg: float
    flow_deg: float  # the way most people walk, seen from the camera
    ground: np.ndarray  # (512, 512, 3) float32 linear, 8 x 8 metres
    ground_mean: np.ndarray  # (3,) its colour from afar
    wall: np.ndarray  # (512, 512, 3) float32 linear, 8 x 8 metres
    wall_distance: float  # behind the person
    wall_turn_deg: float
    light: Light
    exposure: float
    saturation: float
    contrast: float
    cast: np.ndarray  # (3,)
    blur: float
    noise: float
    quality: int
    native_height: float
    haze: float
    gamma: float
    night: Night | None = None

    def draw_yaw(self, rng: np.random.Generator) -> float:
        """Walking direction of a person, mostly along or against the flow."""
        if rng.random() < 0.7:
            return self.flow_deg + rng.choice([0, 180]) + rng.normal(0, 25)
        return rng.uniform(0, 360)


def draw_camera(style: CameraStyle, number: int, rng: np.random.Generator) -> Camera:
    """Random camera `number` (from 0) of a domain."""
    turn, height_deg = rotation('z', rng.uniform(0, 360)), rng.uniform(30, 65)
    sun = turn @ [0, -np.cos(np.deg2rad(height_deg)), np.sin(np.deg2rad(height_deg))]
    warmth = rng.uniform(*style.warmth)
    tint = np.array([1 + warmth, 1, 1 - warmth])
    place = dict(
        elevation_deg=rng.uniform(*style.elevation_deg),
        distance=rng.uniform(*style.distance),
        roll_deg=rng.normal(0, 1),
        flow_deg=rng.uniform(0, 360),
    )
    ground = _faded(ground_texture(style.ground[number % len(style.ground)], rng), style)
    wall = wall_texture(style.wall[(number + 1) % len(style.wall)], rng)
    camera = Camera(
        **place,
        ground=ground,
        ground_mean=ground.mean((0, 1)),
        wall=_faded(wall, style),
        wall_distance=rng.uniform(2.5, 9),
        wall_turn_deg=rng.normal(0, 12),
        light=Light(
            sun.astype(np.float32),
            (rng.uniform(*style.sun) * tint).astype(np.float32),
            (rng.uniform(*style.ambient) * (1.5 - 0.5 * tint)).astype(np.float32),
        ),
        exposure=rng.uniform(*style.exposure),
        saturation=rng.uniform(*style.saturation),
        contrast=rng.uniform(*style.contrast),
        cast=np.clip(rng.normal(1, style.cast, 3) * (0.5 + 0.5 * tint), 0.8, 1.25).astype(
            np.float32
        ),
        blur=rng.uniform(*style.blur),
        noise=rng.uniform(*style.noise),
        quality=int(rng.uniform(*style.quality)),
        native_height=rng.uniform(*style.native_height),
        haze=rng.uniform(*style.haze),
        gamma=rng.uniform(0.9, 1.12),
    )
    if style.night is None:
        return camera
    lamps = draw_lamps(style.night.lamps, number, camera.flow_deg, rng)
    return camera._replace(
        light=under_lamps(lamps, camera.light.ambient), night=draw_night(style.night, rng)
    )


def _faded(texture: np.ndarray, style: CameraStyle) -> np.ndarray:
    """Linear float32 texture of an sRGB one, with lower contrast."""
    mean = texture.mean((0, 1))
    return ((mean + (texture - mean) * style.background_contrast) ** 2.2).astype(np.float32)


class View:
    """Pinhole view of a person at the origin, and the box cropped from it.

    Args:
        elevation_deg: looking down by so much.
        distance: metres.
        aim: height above the ground that the camera looks at.
        roll_deg: about the viewing direction.
    """

    def __init__(
        self, elevation_deg: float, distance: float, aim: float = 0.9, roll_deg: float = 0.0
    ):
        down, roll = np.deg2rad(elevation_deg), np.deg2rad(roll_deg)
        self.place = np.array([0, -distance * np.cos(down), aim + distance * np.sin(down)])
        forward = np.array([0, np.cos(down), -np.sin(down)])
        right, up = np.array([1.0, 0, 0]), np.array([0, np.sin(down), np.cos(down)])
        c, s = np.cos(roll), np.sin(roll)
        self.axes = np.stack([c * right + s * up, s * right - c * up, forward])  # right, down, far
        self.box = (0.0, 0.0, 1.0, 1.0)  # left, top, width, height on the plane at depth 1

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Projections (V, 2) on the plane at depth 1, and nearness (V,), 1 / depth."""
        seen = (points - self.place) @ self.axes.T
        nearness = 1 / seen[:, 2]
        return seen[:, :2] * nearness[:, None], nearness

    def to_pixels(self, points: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (V, 2) float32 in the box at (height, width), and nearness (V,), 1 / depth."""
        on_plane, nearness = self.project(points)
        left, top, width, height = self.box
        scale = np.array([size[1] / width, size[0] / height])
        return ((on_plane - [left, top]) * scale).astype(np.float32), nearness.astype(np.float32)

    def rays(self, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ray directions x, y and z through the box's pixel centres, (H, W) float32 each."""
        left, top, width, height = self.box
        u = left + (np.arange(size[1]) + 0.5) / size[1] * width
        v = top + (np.arange(size[0]) + 0.5) / size[0] * height
        across, down, far = self.axes
        return tuple(
            np.add.outer(
                (v * down[k] + far[k]).astype(np.float32), (u * across[k]).astype(np.float32)
            )
            for k in range(3)
        )
