"""Drawing of ShapesReID: dressed stick figures and grey maps of their bodies."""

import colorsys
import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float, float]
SCALE = 2  # drawn larger by this factor and averaged down: smooth edges

# rest positions, figure 2 high around 0: x to the body's left, y up, z to the front
HEAD, FACE = (0.0, 0.78, 0.03), (0.0, 0.76, 0.09)
NECK, HIPS = (0.0, 0.55, 0.0), (0.0, -0.02, 0.0)
SHOULDER, HIP = (0.20, 0.50, 0.0), (0.11, -0.05, 0.0)
ARM, FOREARM, THIGH, SHIN = 0.30, 0.27, 0.42, 0.44


class Clothes(NamedTuple):
    """Appearance of an identity."""

    shirt: Colour
    trousers: Colour
    stripes: Colour | None  # across the shirt
    hair: Colour
    skin: Colour


class Pose(NamedTuple):
    """Posture and placement of the figure in the picture."""

    azimuth_deg: float  # 0 faces the camera, counted as the body turns to its left
    swing: float  # of arms and legs in -1..1
    height: float  # share of the picture's height
    shift: tuple[float, float]  # of the centre, shares of width and height: right, down


class Style(NamedTuple):
    """Appearance of a domain."""

    sky: Colour  # background, top
    ground: Colour  # background, bottom
    gain: Colour  # multiplies each channel, in percent
    noise: float  # standard deviation, of 255
    texture: float  # strength of the background's texture, of 255


class Limb(NamedTuple):
    """Capsule between two points of the body."""

    name: str
    start: Point
    end: Point
    radius: float


def hue(turn: float, saturation: float = 0.85, value: float = 0.9) -> Colour:
    """RGB colour, uint8, of a hue in 0..1."""
    red, green, blue = colorsys.hsv_to_rgb(turn, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def body(swing: float) -> list[Limb]:
    """Limbs of a walking figure; swing -1..1 is the phase of the stride."""
    limbs = [
        Limb('torso', NECK, HIPS, 0.17),
        Limb('head', HEAD, HEAD, 0.13),
        Limb('face', FACE, FACE, 0.10),
    ]
    for side in (1, -1):
        angle = 0.6 * swing * side
        shoulder, hip = (side * SHOULDER[0], *SHOULDER[1:]), (side * HIP[0], *HIP[1:])
        elbow = _below(shoulder, ARM, -angle)
        knee = _below(hip, THIGH, angle)
        limbs += [
            Limb('arm', shoulder, elbow, 0.065),
            Limb('forearm', elbow, _below(elbow, FOREARM, -angle + 0.4), 0.05),
            Limb('thigh', hip, knee, 0.09),
            Limb('shin', knee, _below(knee, SHIN, angle - 0.25), 0.07),
        ]
    return limbs


def _below(joint: Point, length: float, angle: float) -> Point:
    x, y, z = joint
    return x, y - length * math.cos(angle), z + length * math.sin(angle)


class Canvas:
    """Drawing surface of (height, width) with limbs projected onto it, the farthest first."""

    def __init__(self, size: tuple[int, int], pose: Pose, view_deg: float = 0.0):
        self.height, self.width = size[0] * SCALE, size[1] * SCALE
        self.unit = pose.height * self.height / 2
        self.centre = (self.width * (0.5 + pose.shift[0]), self.height * (0.5 + pose.shift[1]))
        turn = math.radians(pose.azimuth_deg + view_deg)
        self.cos, self.sin = math.cos(turn), math.sin(turn)
        self.limbs = sorted(body(pose.swing), key=self.nearness)

    def depth(self, point: Point) -> float:
        """Nearness of a point to the camera in body units, from -1 (far) to 1 (near)."""
        return point[2] * self.cos - point[0] * self.sin

    def nearness(self, limb: Limb) -> float:
        """Nearness of a limb's middle."""
        return (self.depth(limb.start) + self.depth(limb.end)) / 2

    def project(self, point: Point) -> tuple[float, float]:
        """Pixel (x, y) of a point of the body; a facing figure's left is on the right."""
        across = point[0] * self.cos + point[2] * self.sin
        return self.centre[0] + across * self.unit, self.centre[1] - point[1] * self.unit

    def capsule(self, draw: ImageDraw.ImageDraw, limb: Limb, colour: Colour | int) -> None:
        """Draws a thick line with round ends."""
        start, end = self.project(limb.start), self.project(limb.end)
        radius = limb.radius * self.unit
        draw.line([start, end], fill=colour, width=max(round(2 * radius), 1))
        for x, y in (start, end):
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)

    def shrunk(self, picture: Image.Image) -> np.ndarray:
        """Picture averaged down to its final size, uint8 (H, W) or (H, W, 3)."""
        return np.array(picture.reduce(SCALE))


def draw_map(size: tuple[int, int], pose: Pose, view_deg: float = 0.0) -> np.ndarray:
    """Grey body map (H, W) uint8, nearer limbs lighter, 0 around it; turned by view_deg."""
    canvas = Canvas(size, pose, view_deg)
    picture = Image.new('L', (canvas.width, canvas.height))
    draw = ImageDraw.Draw(picture)
    for limb in canvas.limbs:
        canvas.capsule(draw, limb, round(165 + 250 * max(-0.3, min(0.3, canvas.nearness(limb)))))
    return canvas.shrunk(picture)


def draw_person(
    size: tuple[int, int], pose: Pose, clothes: Clothes, style: Style, rng: np.random.Generator
) -> np.ndarray:
    """Image (H, W, 3) uint8 of the figure in the style of a domain."""
    canvas = Canvas(size, pose)
    picture = Image.fromarray(_background((canvas.height, canvas.width), style, rng))
    draw = ImageDraw.Draw(picture)
    colours = {
        'torso': clothes.shirt,
        'arm': clothes.shirt,
        'forearm': clothes.skin,
        'head': clothes.hair,
        'face': clothes.skin,
        'thigh': clothes.trousers,
        'shin': clothes.trousers,
    }
    for limb in canvas.limbs:
        canvas.capsule(draw, limb, colours[limb.name])
        if limb.name == 'torso' and clothes.stripes is not None:
            _stripe(canvas, draw, limb, clothes.stripes)
    pixels = canvas.shrunk(picture) * (np.array(style.gain) / 100)
    pixels += rng.normal(0, style.noise, pixels.shape)
    return pixels.clip(0, 255).round().astype(np.uint8)


def _stripe(canvas: Canvas, draw: ImageDraw.ImageDraw, torso: Limb, colour: Colour) -> None:
    radius = torso.radius * canvas.unit
    for height in (0.45, 0.25, 0.05):
        x, y = canvas.project((0.0, height, 0.0))
        draw.rectangle([x - radius, y - radius / 4, x + radius, y + radius / 4], fill=colour)


def _background(size: tuple[int, int], style: Style, rng: np.random.Generator) -> np.ndarray:
    """Background gradient from sky to ground, with blotches of an eighth of the picture."""
    height, width = size
    down = np.linspace(0, 1, height)[:, None, None]
    plain = (1 - down) * np.array(style.sky) + down * np.array(style.ground)
    coarse = rng.normal(0, style.texture, (8, 4))
    rows, columns = np.arange(height) * 8 // height, np.arange(width) * 4 // width
    return (plain + coarse[rows][:, columns, None]).clip(0, 255).astype(np.uint8)
