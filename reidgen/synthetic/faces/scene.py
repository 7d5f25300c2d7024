"""Pictures of a head: the mesh of a person, views of it, and views under lamps."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from reidgen.synthetic.faces import paint
from reidgen.synthetic.faces.glasses import frames
from reidgen.synthetic.faces.hair import Strip, curtain, thickness
from reidgen.synthetic.faces.head import EYE, MASKS, Head
from reidgen.synthetic.faces.identity import Face
from reidgen.synthetic.faces.lights import LIGHTS, Lamp
from reidgen.synthetic.faces.paint import Places
from reidgen.synthetic.geometry import rotation
from reidgen.synthetic.raster import Corners, nearest, rasterise

SIDE = 112  # pixels of a picture
SCALE = 2  # drawn larger by this and averaged down
DISTANCE = 1.4  # metres from the camera to the head's axis
BOX_OVER_FACE = 3.6  # side of the picture, in distances from the eyes to the mouth
EYE_ROW = 0.5  # where the eyes are in the picture, as a share of its side
AXIS_BEHIND_EYES = 0.062  # metres; the head turns about it, and it is in the picture's middle
STRIP_OPEN = 0.85  # light from everywhere that reaches hair and glasses


class Pose(NamedTuple):
    """Pose of the head before the camera, degrees.

    Attributes:
        yaw: positive: the nose points to the right of the picture.
        pitch: positive: it points down.
        roll: positive: the crown leans to the left of the picture.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0

    def matrix(self) -> np.ndarray:
        """Rotation (3, 3) float32 from the head's axes to the camera's."""
        turn = rotation('y', -self.roll) @ rotation('x', self.pitch) @ rotation('z', self.yaw)
        return turn.astype(np.float32)


class View(NamedTuple):
    """Seen surface of a head, not yet lit: N pixels of a picture SCALE times as large."""

    pixel: np.ndarray  # (N,) y * width + x
    colour: np.ndarray  # (N, 3) float32 linear
    normal: np.ndarray  # (3, N) float32, the head's axes
    open: np.ndarray  # (N,) share of light from everywhere
    lit: dict[int, np.ndarray]  # (N,) share of each lamp, by number in LIGHTS
    gloss: np.ndarray  # (N,) strength of the highlight
    sharpness: np.ndarray  # (N,) exponent of the highlight
    to_camera: np.ndarray  # (3,) the head's axes


class Bust:
    """Mesh of a person's head with hair and glasses, built once and shown many times."""

    def __init__(self, head: Head, face: Face):
        self.head, self.face = head, face
        neutral = head.shaped(face.strengths)
        rows = np.unique(head.faces[head.kinds == EYE])
        self._eyes = np.stack(
            [neutral[rows[head.template[rows, 0] * side > 0]].mean(0) for side in (-1, 1)]
        )
        mouth = neutral[head.masks['lips'] > 0.5].mean(0)
        self._middle = self._eyes.mean(0) + np.array([0, AXIS_BEHIND_EYES, 0], np.float32)
        self.box = BOX_OVER_FACE * float(self._middle[2] - mouth[2])
        self._thickness = thickness(face.hair, head.template, head.masks['ears'])[:, None]
        self._strips = self._make_strips(neutral)
        kinds = np.array([paint.SKIN, paint.EYE, paint.TEETH])[head.kinds]
        faces, layers, places = [head.faces], [kinds], [self._head_places()]
        count = len(neutral)
        for strip, layer in self._strips:
            faces.append(strip.faces + count)
            layers.append(np.full(len(strip.faces), layer))
            places.append(self._strip_places(strip, layer))
            count += len(strip.points)
        self.faces, self.layers = np.concatenate(faces), np.concatenate(layers)
        self._places = Corners.of(np.concatenate(places), self.faces)

    def view(
        self, pose: Pose, lights: Sequence[int], expression: Mapping[str, float] | None = None
    ) -> View:
        """Surface that the camera sees.

        Args:
            lights: numbers in LIGHTS under which it can be shown.
            expression: strengths in [0, 1] by name of the head's expressions.
        """
        vertices, normals = self._moved(expression or {})
        turn, side = pose.matrix(), SIDE * SCALE
        points = (vertices - self._middle) @ turn.T
        depth = DISTANCE + points[:, 1]
        zoom = side / self.box * DISTANCE / depth
        flat = np.stack(
            [points[:, 0] * zoom + side / 2, side * EYE_ROW - points[:, 2] * zoom], 1
        ).astype(np.float32)
        fragments = rasterise(flat, (1 / depth).astype(np.float32), self.faces, side, side)
        winner = nearest(fragments.pixel, fragments.nearness, side * side)
        pixel = np.nonzero(winner >= 0)[0]
        fragments = fragments.take(winner[pixel])
        width = len(Places._fields)
        columns = [*range(width), *(width + light for light in lights)]
        values = Corners(*(part[:, columns] for part in self._places)).at(fragments)
        painted = paint.paint(self.face, self.layers[fragments.face], Places(*values[:width]))
        normal = Corners.of(normals, self.faces).at(fragments)
        normal /= np.sqrt((normal**2).sum(0)) + 1e-6
        return View(
            pixel,
            cv2.pow(np.clip(painted.colour, 0.005, 1), 2.2),
            normal,
            values[width - 1],
            dict(zip(lights, values[width:])),
            painted.gloss,
            painted.sharpness,
            turn.T @ np.array([0, -1, 0], np.float32),
        )

    def _make_strips(self, neutral: np.ndarray) -> list[tuple[Strip, int]]:
        head, face, strips = self.head, self.face, []
        if face.hair.kind == 'long':
            strip = curtain(face.hair, neutral, head.template)
            inner = strip._replace(faces=strip.faces[:, ::-1], normals=-strip.normals)
            strips += [(strip, paint.CURTAIN), (inner, paint.INSIDE)]
        if face.glasses is not None:
            beside = (np.abs(head.template[:, 2] - 0.728) < 0.02) & (head.masks['ears'] < 0.5)
            beside &= np.abs(head.template[:, 1] + 0.07) < 0.02
            ear = neutral[(head.masks['ears'] > 0.5) & (neutral[:, 0] > 0)]
            place = np.array([0, ear[:, 1].mean(), ear[:, 2].max() - 0.008])
            half_width = np.abs(neutral[beside, 0]).max() + 0.003
            strips.append((frames(face.glasses, self._eyes, half_width, place), paint.FRAME))
        return strips

    def _head_places(self) -> np.ndarray:
        head = self.head
        masks = [head.masks[name] for name in MASKS]
        return np.column_stack([head.template, *masks, head.open, head.lit])

    def _strip_places(self, strip: Strip, layer: int) -> np.ndarray:
        count = len(strip.points)
        share = 0.4 if layer == paint.INSIDE else 1.0
        is_open = STRIP_OPEN * share
        lit = np.full((count, len(LIGHTS)), share)
        masks = np.zeros((count, len(MASKS)))
        return np.column_stack([strip.template, masks, np.full(count, is_open), lit])

    def _moved(self, expression: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """Vertices and unit normals (V, 3) of the head and its strips."""
        vertices = self.head.shaped({**self.face.strengths, **expression})
        outward = self.head.normals(vertices)
        vertices = vertices + self._thickness * outward
        outward = self.head.normals(vertices)
        points = [vertices, *(strip.points for strip, _ in self._strips)]
        normals = [outward, *(strip.normals for strip, _ in self._strips)]
        return (
            np.concatenate(points).astype(np.float32),
            np.concatenate(normals).astype(np.float32),
        )


def light_up(view: View, number: int, background: np.ndarray) -> np.ndarray:
    """Picture (112, 112, 3) uint8 RGB of a view under one of LIGHTS.

    Args:
        background: (224, 224, 3) float32 linear reflectance of the wall behind.
    """
    lamp: Lamp = LIGHTS[number]
    direct = lamp.direction @ view.normal
    shares = view.lit[number] ** 2
    half = lamp.direction + view.to_camera
    half = half / (np.linalg.norm(half) + 1e-6)
    towards = np.clip(half @ view.normal, 0, 1)
    shine = cv2.pow(towards, paint.SKIN_SHARPNESS).ravel()
    sharp = np.nonzero(view.sharpness != paint.SKIN_SHARPNESS)[0]
    shine[sharp] = towards[sharp] ** view.sharpness[sharp]
    shine *= view.gloss * shares
    room = view.open * (0.85 + 0.15 * view.normal[2])
    picture = background * (lamp.room + 0.35 * lamp.lamp)
    flat = np.empty((len(view.pixel), 3), np.float32)
    for channel, wrap in enumerate((0.22, 0.12, 0.08)):  # red light travels farther in skin
        falls = np.clip((direct + wrap) / (1 + wrap), 0, 1) * shares
        light = room * lamp.room[channel] + falls * lamp.lamp[channel]
        lit = view.colour[:, channel] * light + shine * lamp.lamp[channel]
        flat[:, channel] = lit
    picture.reshape(-1, 3)[view.pixel] = flat
    small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return (np.clip(cv2.pow(small, 1 / 2.2), 0, 1) * 255 + 0.5).astype(np.uint8)


def draw_background(rng: np.random.Generator | None) -> np.ndarray:
    """Wall (224, 224, 3) float32 linear: plain grey without a stream, else a blurred room."""
    side = SIDE * SCALE
    if rng is None:
        return np.full((side, side, 3), 0.3, np.float32)
    coarse = rng.uniform(0.7, 1.3, (3, 4, 1)) * rng.uniform(0.9, 1.1, (3, 4, 3))
    wall = rng.uniform(0.05, 0.55) * rng.uniform(0.85, 1.15, 3) * coarse
    return cv2.resize(wall.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
