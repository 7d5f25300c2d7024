"""Picture of a person: shot, photograph with annotations, and garment."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from reidgen.synthetic.background import Standpoint, draw_background
from reidgen.synthetic.body import JOINTS
from reidgen.synthetic.camera import Camera, CameraStyle, View
from reidgen.synthetic.fabric import NOISE, Places, upper_covers
from reidgen.synthetic.geometry import turned
from reidgen.synthetic.night import blurred_along, motion
from reidgen.synthetic.outfit import UPPER, Outfit, Posed
from reidgen.synthetic.poses import FLAT_POSE, draw_pose
from reidgen.synthetic.sensor import develop
from reidgen.synthetic.shading import PARTS, Figure, Light, draw_figure, under_lamps

SIZE = (128, 64)  # height, width of a picture
GARMENT_SIZE = (128, 96)
SCALE = 2  # drawn larger by this and averaged down
# metres that a joint may lie behind the surface that is seen: its own flesh and clothes
FACE = dict.fromkeys(('nose', 'eye', 'ear'), 0.06)
TRUNK = dict.fromkeys(('neck', 'shoulder', 'hip'), 0.20)
LIMBS = dict.fromkeys(('elbow', 'wrist', 'knee', 'ankle'), 0.12)
JOINT_DEPTHS = np.array([{**FACE, **TRUNK, **LIMBS}[name.split('_')[-1]] for name in JOINTS])


class Shot(NamedTuple):
    """Posed person in a camera's view with the crop box."""

    person: Posed
    yaw_deg: float
    view: View
    light: Light


class Photograph(NamedTuple):
    """Picture with its annotations."""

    image: np.ndarray  # (H, W, 3) uint8 RGB
    quality: int  # of its JPEG file
    parts: np.ndarray  # (H, W) uint8, rows of PARTS; 0 also where something is before
    silhouette: np.ndarray  # (H, W) bool, the person without what is before
    joints: np.ndarray  # (18, 3) x, y from the centre of the first pixel; 1 visible, 0 not


def take_shot(
    outfit: Outfit,
    camera: Camera,
    style: CameraStyle,
    yaw_deg: float,
    pose_rng: np.random.Generator,
    rng: np.random.Generator,
    junk: bool = False,
) -> Shot:
    """Random shot of a person: pose, view, crop box and light.

    Args:
        yaw_deg: walking direction in this camera; changed a little for each picture.
        pose_rng: decides the pose and the turn.
        rng: decides the rest of the picture.
        junk: a badly drawn box: far off, or around a fragment.
    """
    person = outfit.posed(draw_pose(pose_rng))
    yaw_deg = yaw_deg + pose_rng.normal(0, 12)
    view = View(
        camera.elevation_deg + rng.normal(0, 2),
        camera.distance * rng.uniform(0.8, 1.25),
        roll_deg=camera.roll_deg,
    )
    seen, _ = view.project(turned(person.vertices, yaw_deg))
    low, high = seen.min(0), seen.max(0)
    centre = (low + high) / 2
    height = (high - low)[1] * (1.08 + abs(rng.normal(0, style.misplacement)))
    width = height * rng.uniform(0.40, 0.49)
    centre = centre + rng.normal(0, style.misplacement, 2) * [height * 0.5, height]
    if rng.random() < style.cut:
        centre[1] += rng.choice([-0.12, 0.1]) * height
    if junk:
        centre = centre + [
            rng.choice([-1, 1]) * rng.uniform(0.25, 0.6) * width,
            rng.uniform(-0.4, 0.4) * height,
        ]
        shrink = rng.uniform(0.45, 1.2)
        height, width = height * shrink, width * shrink
    view.box = (centre[0] - width / 2, centre[1] - height / 2, width, height)
    light = camera.light._replace(
        sun=camera.light.sun * np.float32(rng.uniform(0.7, 1.15)),
        ambient=camera.light.ambient * np.float32(rng.uniform(0.9, 1.1)),
    )
    if light.lamps is not None:
        light = _elsewhere(light, rng)
    return Shot(person, yaw_deg, view, light)


def _elsewhere(light: Light, rng: np.random.Generator) -> Light:
    """Light of the same lamps on a person at another place of the path."""
    assert light.lamps is not None
    along = rng.uniform(-0.5, 0.5) * light.lamps.spacing
    step = light.lamps.along * along + [*rng.normal(0, 0.4, 2), 0]
    return under_lamps(light.lamps.moved(step, rng.uniform(0.9, 1.1)), light.ambient)


def draw_alone(outfit: Outfit, shot: Shot) -> Figure:
    """Figure of a shot without background, SCALE times as large as a picture."""
    size = (SIZE[0] * SCALE, SIZE[1] * SCALE)
    vertices = turned(shot.person.vertices, shot.yaw_deg)
    points, nearness = shot.view.to_pixels(vertices, size)
    normals = turned(shot.person.normals, shot.yaw_deg)
    return draw_figure(outfit, points, nearness, normals, size, shot.light, points_3d=vertices)


def photograph(
    outfit: Outfit,
    shot: Shot,
    camera: Camera,
    style: CameraStyle,
    rng: np.random.Generator,
    passers: Sequence[Figure] = (),
) -> Photograph:
    """Photograph of a shot.

    Args:
        passers: figures that may stand behind the person or before them.
    """
    figure = draw_alone(outfit, shot)
    stand = Standpoint(rng.uniform(0, 8), rng.uniform(0, 8), rng.uniform(-1.5, 1.5))
    scene = draw_background(camera, shot.view, figure.alpha.shape, stand, shot.light)
    if passers and rng.random() < style.occlusion * 0.8:
        alpha, colour = _passer(passers, False, rng)
        scene = scene * (1 - alpha[..., None]) + colour
    if camera.night is None:
        scene = np.where(figure.alpha[..., None] > 0, figure.colour, scene)
    else:
        scene = _moving(figure, scene, shot, camera.night.shutter, rng)
    visible = figure.alpha
    if rng.random() < style.occlusion:
        scene, visible = _occlude(scene, visible, passers, shot.light, rng)
    image = develop(scene, camera, SIZE, SCALE, rng)
    quality = int(np.clip(camera.quality + rng.integers(-5, 6), 40, 97))
    return Photograph(
        image,
        quality,
        _parts(figure, visible),
        _shrunk(figure.alpha) > 0.5,
        _joints(shot, figure, visible),
    )


def _moving(
    figure: Figure, scene: np.ndarray, shot: Shot, shutter: float, rng: np.random.Generator
) -> np.ndarray:
    """Scene with the person smeared along their walk."""
    way = motion(
        lambda points: shot.view.to_pixels(points, figure.alpha.shape)[0],
        shot.yaw_deg,
        shutter,
        rng,
    )
    both = blurred_along(np.dstack([figure.colour, figure.alpha]), way)
    return scene * (1 - both[..., 3:]) + both[..., :3]


def _passer(
    passers: Sequence[Figure], before: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Passer-by at the edge: alpha (H, W) and premultiplied colour (H, W, 3)."""
    chosen = passers[rng.integers(len(passers))]
    height, width = chosen.alpha.shape
    zoom = rng.uniform(0.95, 1.2) if before else rng.uniform(0.75, 1.05)
    aside = rng.choice([-1, 1]) * width * rng.uniform(0.42, 0.72)
    move = np.array(
        [[zoom, 0, width * (1 - zoom) / 2 + aside], [0, zoom, height * (0.95 - 0.93 * zoom)]],
        np.float32,
    )
    flip = slice(None, None, -1) if rng.random() < 0.5 else slice(None)
    return tuple(
        cv2.warpAffine(np.ascontiguousarray(plane[:, flip]), move, (width, height))
        for plane in (chosen.alpha, chosen.colour)
    )


def _occlude(
    scene: np.ndarray,
    visible: np.ndarray,
    passers: Sequence[Figure],
    light: Light,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Random occlusion by a passer-by, a low wall or a pole: the scene and the visible mask."""
    height, width = visible.shape
    kind = rng.integers(3)
    if kind == 0 and passers:
        alpha, colour = _passer(passers, True, rng)
        return scene * (1 - alpha[..., None]) + colour, visible * (1 - alpha)
    hidden = np.zeros((height, width), bool)
    if kind == 1:
        top = int(height * rng.uniform(0.6, 0.88))
        start = int(rng.uniform(-0.3, 0.3) * width) if rng.random() < 0.5 else 0
        hidden[top:, start:] = True
    else:
        start = int(width * rng.uniform(0.05, 0.9))
        hidden[:, start : start + int(width * rng.uniform(0.06, 0.2))] = True
    colour = rng.uniform(0.06, 0.6, 3)
    colour = (colour.mean() + (colour - colour.mean()) * 0.35).astype(np.float32) ** 2.2
    rough = 1 + np.float32(0.15) * NOISE[:height, :width, None]
    if light.lamps is None:
        lit = colour * rough * (light.ambient + np.float32(0.4) * light.sun)
    else:
        shone = np.float32(0.4) * light.lamps.colour @ colour * light.lamps.level(light.sun)
        lit = rough * (colour * light.ambient + shone)
    return np.where(hidden[..., None], lit, scene), visible * ~hidden


def _shrunk(plane: np.ndarray) -> np.ndarray:
    """Means (H, W) or (H, W, K) of SCALE x SCALE blocks."""
    height, width = plane.shape[0] // SCALE, plane.shape[1] // SCALE
    return cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)


def _parts(figure: Figure, visible: np.ndarray) -> np.ndarray:
    """Majority part of each pixel, where the person covers more than half of it."""
    seen = np.where(visible > 0.5, figure.parts, 0)
    shares = [_shrunk((seen == part).astype(np.uint8) * 4) for part in range(1, len(PARTS))]
    largest = np.argmax(shares, 0).astype(np.uint8) + 1
    return np.where((_shrunk(visible) > 0.5) & (np.max(shares, 0) > 0), largest, 0).astype(np.uint8)


def _joints(shot: Shot, figure: Figure, visible: np.ndarray) -> np.ndarray:
    """Joints with visibility: inside the picture and occluded by nothing but their own limb."""
    height, width = visible.shape
    points, nearness = shot.view.to_pixels(
        turned(shot.person.joints, shot.yaw_deg), (height, width)
    )
    column, row = np.floor(points.T).astype(int)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    at = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
    surface = 1 / np.maximum(figure.nearness[at], 1e-6)  # far away beside the person
    beside = figure.alpha[at] == 0
    free = beside | ((1 / nearness - surface < JOINT_DEPTHS) & (visible[at] > 0.5))
    return np.column_stack([points / SCALE - 0.5, inside & free])


def draw_garment(outfit: Outfit) -> np.ndarray:
    """Flat frontal image (128, 96, 3) uint8 RGB of the upper garment on white."""
    person, view = outfit.posed(FLAT_POSE), View(0, 6, aim=1.1)
    used = np.unique(outfit.faces[outfit.layers == UPPER])
    covered = upper_covers(outfit.identity.upper, Places(*outfit.attributes[used].T))
    seen, _ = view.project(person.vertices[used[covered]])
    low, high = seen.min(0), seen.max(0)
    aspect = GARMENT_SIZE[1] / GARMENT_SIZE[0]
    height = max((high - low)[1], (high - low)[0] / aspect) * 1.08
    left, top = (low + high) / 2 - [height * aspect / 2, height / 2]
    view.box = (left, top, height * aspect, height)
    size = (GARMENT_SIZE[0] * SCALE, GARMENT_SIZE[1] * SCALE)
    studio = Light(
        np.array([0.2, -0.8, 0.56], np.float32),
        np.full(3, 0.55, np.float32),
        np.full(3, 0.6, np.float32),
    )
    points, nearness = view.to_pixels(person.vertices, size)
    figure = draw_figure(outfit, points, nearness, person.normals, size, studio, garment_only=True)
    alpha = figure.alpha[..., None]
    picture = np.clip(figure.colour, 0, 1) ** (1 / 2.2) * alpha + (1 - alpha) * np.float32(0.97)
    return (_shrunk(picture) * 255).astype(np.uint8)
