"""Ground and wall textures: random sRGB pictures of 8 x 8 metres."""

import cv2
import numpy as np

SIDE = 512  # pixels
GROUNDS = {
    'tile': (0.62, 0.58, 0.52),
    'asphalt': (0.36, 0.36, 0.38),
    'grass': (0.33, 0.42, 0.2),
    'brickpave': (0.5, 0.36, 0.3),
    'concrete': (0.58, 0.58, 0.57),
    'snow': (0.8, 0.82, 0.85),
}
SLABS = {'tile': 32, 'concrete': 128, 'brickpave': 16}  # pixels
WALLS = {
    'brick': (0.48, 0.27, 0.2),
    'plaster': (0.72, 0.68, 0.6),
    'glass': (0.4, 0.47, 0.52),
    'grey': (0.5, 0.5, 0.52),
}
HEDGE, SKY, TRUNK = (0.22, 0.33, 0.13), (0.75, 0.83, 0.95), (0.25, 0.2, 0.15)
WINDOW = (0.14, 0.18, 0.24)


def ground_texture(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Ground texture (512, 512, 3) float32 in [0.02, 1]."""
    texture = _plain(GROUNDS[kind], rng.uniform(0.8, 1.2))
    for sigma, strength in ((1, 0.05), (4, 0.04), (24, 0.07)):
        texture *= 1 + strength * _cloud(sigma, rng, cv2.BORDER_REFLECT)
    if kind in SLABS:
        side = SLABS[kind]
        texture *= _cells(SIDE // side, SIDE // side, rng)
        texture[::side] *= 0.7
        texture[:, ::side] *= 0.7
        texture[1::side] *= 0.8
    if kind == 'asphalt' and rng.random() < 0.7:
        texture[200:214] = 0.75  # a white line
    return np.clip(texture, 0.02, 1)


def wall_texture(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Wall texture (512, 512, 3) float32 in [0.01, 1], from 8 metres up to the ground."""
    texture = _hedge(rng) if kind == 'hedge' else _house(kind, rng)
    for _ in range(int(rng.integers(4, 10))):
        _clutter(texture, rng)
    texture *= 1 + 0.06 * _cloud(12, rng)
    return np.clip(texture, 0.01, 1).astype(np.float32)


def _hedge(rng: np.random.Generator) -> np.ndarray:
    texture = _plain(HEDGE)
    for sigma, strength in ((2, 0.35), (9, 0.3)):
        texture *= np.clip(1 + strength * _cloud(sigma, rng), 0.1, 3)
    top = int(SIDE * (1 - rng.uniform(1.5, 4) / 8))
    texture[:top] = np.array(SKY) * rng.uniform(0.8, 1)
    for _ in range(4):
        x = rng.integers(SIDE)
        texture[:, x : x + rng.integers(6, 16)] = TRUNK
    return texture


def _house(kind: str, rng: np.random.Generator) -> np.ndarray:
    base = np.array(WALLS[kind])
    texture = _plain(base, rng.uniform(0.8, 1.15))
    if kind == 'brick':
        texture[::8] *= 0.75
        texture[:, ::16] *= 0.9
        texture *= _cells(SIDE // 8, SIDE // 16, rng)
    period = int(rng.integers(80, 170))
    width, start = int(period * rng.uniform(0.35, 0.7)), int(rng.integers(period))
    pane = np.array(WINDOW) * rng.uniform(0.6, 1.6)
    for x in range(start, SIDE, period):
        storeys = (
            (int(SIDE * 0.12), int(SIDE * 0.4)),
            (int(SIDE * 0.55), int(SIDE * rng.choice([0.8, 0.99]))),
        )
        for top, bottom in storeys:
            texture[top:bottom, x : x + width] = pane
            texture[top:bottom, x : x + width : max(width // 2, 2)] = base * 0.6  # the frame
    return texture


def _clutter(texture: np.ndarray, rng: np.random.Generator) -> None:
    """Draws a bin, bicycle or car before the wall: a shaded box, sometimes with a lighter top.

    It is drawn into the texture, which is still being made.
    """
    x, width = int(rng.integers(SIDE)), int(rng.integers(12, 90))
    height = int(rng.integers(20, 110))
    colour = rng.uniform(0.08, 0.6, 3)
    colour = colour.mean() + (colour - colour.mean()) * rng.uniform(0, 0.6)
    texture[SIDE - height :, x : x + width] = (
        colour * np.linspace(1.15, 0.75, height)[:, None, None]
    )
    if rng.random() < 0.5:
        rows = slice(SIDE - height, SIDE - int(height * 0.6))
        texture[rows, x + width // 8 : x + width - width // 8] = rng.uniform(0.05, 0.4)


def _plain(colour: tuple[float, ...], brightness: float = 1.0) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), np.array(colour, np.float32) * brightness, np.float32)


def _cloud(sigma: float, rng: np.random.Generator, border: int = cv2.BORDER_DEFAULT) -> np.ndarray:
    """Noise (SIDE, SIDE, 1) float32 of standard deviation 1, smooth over sigma pixels."""
    white = rng.normal(0, 1, (SIDE, SIDE)).astype(np.float32)
    smooth = cv2.GaussianBlur(white, (0, 0), sigma, borderType=border)
    return (smooth / smooth.std())[..., None]


def _cells(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """Brightness (SIDE, SIDE, 1) of stones, each a little different."""
    cells = rng.normal(1, 0.06, (rows, columns)).astype(np.float32)
    return cells.repeat(SIDE // rows, 0).repeat(SIDE // columns, 1)[..., None]
