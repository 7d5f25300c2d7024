"""Hair of a head: where it grows, how thick it is, and the curtain of long hair."""

from typing import NamedTuple

import numpy as np

from reidgen.synthetic.faces.identity import Hair

AXIS_Y = -0.05  # of the vertical axis around which azimuths are counted
EAR_TOP, NAPE = 0.742, 0.655
EDGE = 0.012  # metres over which hair reaches its thickness
CURTAIN_ROWS, CURTAIN_COLUMNS = 14, 48


class Strip(NamedTuple):
    """Additional mesh in the head's space."""

    points: np.ndarray  # (V, 3)
    normals: np.ndarray  # (V, 3)
    faces: np.ndarray  # (T, 3)
    template: np.ndarray  # (V, 3) where it lies on the template, for painting


def azimuth_deg(points: np.ndarray) -> np.ndarray:
    """Azimuths (N,) in [0, 180] of template points (N, 3); 0 in front."""
    return np.rad2deg(np.arctan2(np.abs(points[..., 0]), AXIS_Y - points[..., 1]))


def depth_in_hair(hair: Hair, points: np.ndarray) -> np.ndarray:
    """Metres (N,) float32 that template points (N, 3) lie above the hairline; negative below."""
    azimuth = azimuth_deg(points)
    line = np.interp(
        azimuth,
        [0, 22, 42, 60, 72, 82, 105, 122, 180],
        [
            hair.front,
            hair.front + 0.3 * hair.recess,
            hair.front + hair.recess - 0.004,
            0.775,
            hair.sideburn,
            EAR_TOP,
            EAR_TOP - 0.01,
            NAPE + 0.02,
            NAPE,
        ],
    )
    if hair.fringe < hair.front:
        beside = np.clip(np.abs(points[..., 0] - hair.parting) / 0.03, 0, 1)
        low = hair.fringe + 0.02 * (1 - beside) ** 2
        share = np.clip((58 - azimuth) / 14, 0, 1)
        line = line + share * np.minimum(low - line, 0)
    return (points[..., 2] - line).astype(np.float32)


def thickness(hair: Hair, template: np.ndarray, ears: np.ndarray) -> np.ndarray:
    """Thickness (V,) in metres at the template's vertices."""
    depth = np.clip(depth_in_hair(hair, template) / EDGE, 0, 1)
    up = np.clip((template[:, 2] - 0.76) / 0.06, 0, 1)
    wave = hair.curl * np.sin(template @ np.array([310.0, 260.0, 350.0]))
    wanted = hair.side + (hair.top - hair.side) * up + np.abs(wave)
    return (wanted * np.sqrt(depth) * (ears < 0.5)).astype(np.float32)


def curtain(hair: Hair, vertices: np.ndarray, template: np.ndarray) -> Strip:
    """Long hair around the head from the temples to the back, down to `hair.end`."""
    around = np.deg2rad(np.linspace(hair.opening_deg, 360 - hair.opening_deg, CURTAIN_COLUMNS))
    down = np.linspace(0, 1, CURTAIN_ROWS)[:, None]
    # over the ears, or behind them
    skull = (template[:, 2] > (0.70 if hair.opening_deg < 90 else 0.76)) & (template[:, 1] > -0.1)
    half_width = np.abs(vertices[skull, 0]).max() + 0.4 * hair.side
    back, front = vertices[skull, 1].max() + hair.side, -0.115
    centre, half_depth = (back + front) / 2, (back - front) / 2 + 0.004
    lift = vertices[skull, 2].max() - 0.849  # this head is taller than the template
    ends = hair.end + 0.004 * np.sin(11 * around) + 0.003 * np.sin(29 * around)
    z = 0.805 + lift - down * (0.805 + lift - ends)  # (R, C)
    # over the ears wider than above, then towards the shoulders
    swell = 1 + 0.08 * np.sin(np.pi * np.clip(down * 1.3, 0, 1)) - 0.2 * (1 - down) ** 3
    wave = hair.curl * np.sin(9 * around[None] + 14 * down) + 0.6 * hair.curl * np.sin(
        23 * down + 3 * around[None]
    )
    x = (half_width * swell + wave) * np.sin(around)[None]
    y = centre - (half_depth * swell + wave) * np.cos(around)[None]
    points = np.stack([x, y, z], -1).reshape(-1, 3)
    normals = np.stack(
        [
            np.broadcast_to(np.sin(around), x.shape) + 20 * wave,
            np.broadcast_to(-np.cos(around), x.shape),
            np.broadcast_to(0.5 - 0.5 * down, x.shape),
        ],
        -1,
    ).reshape(-1, 3)
    row, column = np.meshgrid(
        np.arange(CURTAIN_ROWS - 1), np.arange(CURTAIN_COLUMNS - 1), indexing='ij'
    )
    a = (row * CURTAIN_COLUMNS + column).ravel()
    b, c, d = a + 1, a + CURTAIN_COLUMNS, a + CURTAIN_COLUMNS + 1
    faces = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    return Strip(points, normals / np.linalg.norm(normals, axis=1, keepdims=True), faces, points)
