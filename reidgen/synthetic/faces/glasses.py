"""Spectacle frames as tubes: two rims, the bridge and the temples."""

import numpy as np

from reidgen.synthetic.faces.hair import Strip
from reidgen.synthetic.faces.identity import Glasses

NUM_SIDES, NUM_STEPS = 5, 28


def tube(path: np.ndarray, radius: float, closed: bool) -> tuple[np.ndarray, ...]:
    """Points (V, 3), normals and faces (T, 3) of a tube along a path (N, 3)."""
    if closed:
        along = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    else:
        along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, [0.02, 0.05, 1.0])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    third = np.cross(along, across)
    turn = np.linspace(0, 2 * np.pi, NUM_SIDES, endpoint=False)[None, :, None]
    normals = np.cos(turn) * across[:, None] + np.sin(turn) * third[:, None]
    points = path[:, None] + radius * normals
    count = len(path)
    step, side = np.meshgrid(
        np.arange(count if closed else count - 1), np.arange(NUM_SIDES), indexing='ij'
    )
    following, beside = (step + 1) % count, (side + 1) % NUM_SIDES
    a, b = step * NUM_SIDES + side, step * NUM_SIDES + beside
    c, d = following * NUM_SIDES + side, following * NUM_SIDES + beside
    faces = np.concatenate(
        [np.stack(corners, -1).reshape(-1, 3) for corners in ((a, b, d), (a, d, c))]
    )
    return points.reshape(-1, 3), normals.reshape(-1, 3), faces


def frames(glasses: Glasses, eyes: np.ndarray, half_width: float, ear: np.ndarray) -> Strip:
    """Frames before the eyes of a head.

    Args:
        eyes: (2, 3) centres of the right and the left eyeball.
        half_width: of the head where the temples pass, metres.
        ear: (3,) where the left temple ends.
    """
    turn = np.linspace(0, 2 * np.pi, NUM_STEPS, endpoint=False)

    def rounded(values: np.ndarray) -> np.ndarray:
        return np.sign(values) * np.abs(values) ** (2 / glasses.squareness)

    front = eyes[:, 1].mean() - 0.026
    parts = []
    for eye in eyes:
        side = np.sign(eye[0])
        x = side * (abs(eye[0]) + 0.002) + glasses.half_width * rounded(np.cos(turn))
        y = front + 2.2 * np.abs(x) ** 2  # bent around the face
        z = eye[2] - 0.003 + glasses.half_height * rounded(np.sin(turn))
        parts.append(tube(np.stack([x, y, z], 1), glasses.tube, True))
        outer = abs(eye[0]) + 0.002 + glasses.half_width
        temple = np.array(
            [
                [side * outer, front + 2.2 * outer**2, eye[2]],
                [side * half_width, front + 0.045, eye[2]],
                [side * half_width, ear[1], ear[2]],
            ]
        )
        parts.append(tube(temple, glasses.tube * 1.2, False))
    inner = abs(eyes[:, 0]).mean() + 0.002 - glasses.half_width
    across = np.linspace(-inner, inner, 6)
    height = eyes[:, 2].mean() + 0.004 + 0.003 * (1 - (across / inner) ** 2)
    bridge = np.stack([across, np.full(6, front), height], 1)
    parts.append(tube(bridge, glasses.tube, False))
    starts = np.cumsum([0, *(len(part[0]) for part in parts[:-1])])
    points = np.concatenate([part[0] for part in parts])
    return Strip(
        points,
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] + start for part, start in zip(parts, starts)]),
        points,
    )
