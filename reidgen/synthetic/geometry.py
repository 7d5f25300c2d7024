"""Rotations and a simple solid. Metres; z is up, x to the body's left, it faces -y."""

import numpy as np


def rotation(axis: str, degrees: float) -> np.ndarray:
    """Rotation matrix (3, 3) float64 about 'x', 'y' or 'z'."""
    angle = np.deg2rad(degrees)
    c, s = np.cos(angle), np.sin(angle)
    rows = {
        'x': [[1, 0, 0], [0, c, -s], [0, s, c]],
        'y': [[c, 0, s], [0, 1, 0], [-s, 0, c]],
        'z': [[c, -s, 0], [s, c, 0], [0, 0, 1]],
    }[axis]
    return np.array(rows, float)


def turned(points: np.ndarray, yaw_deg: float) -> np.ndarray:
    """Points or directions (V, 3) float32, rotated about the vertical axis."""
    return points.astype(np.float32) @ rotation('z', yaw_deg).T.astype(np.float32)


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross products of the rows of two (N, 3) arrays; several times as fast as numpy's."""
    out = np.empty_like(a)
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        out[:, k] = a[:, i] * b[:, j] - a[:, j] * b[:, i]
    return out


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows (N, 3) scaled to length 1; a row of zeros stays."""
    length = np.sqrt(np.einsum('ij,ij->i', vectors, vectors))
    return vectors / (length + 1e-9)[:, None]


def rounded_box(
    size: tuple[float, float, float], num_rings: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Superellipsoid around the origin: points (V, 3), faces (T, 3) and normals."""
    around, up = np.meshgrid(
        np.linspace(0, 2 * np.pi, 2 * num_rings, endpoint=False),
        np.linspace(-np.pi / 2, np.pi / 2, num_rings),
    )

    def squared(values: np.ndarray) -> np.ndarray:
        return np.sign(values) * np.abs(values) ** 0.4

    points = np.stack(
        [
            squared(np.cos(up)) * squared(np.cos(around)),
            squared(np.cos(up)) * squared(np.sin(around)),
            squared(np.sin(up)),
        ],
        -1,
    ).reshape(-1, 3)
    step = 2 * num_rings
    ring, column = np.meshgrid(np.arange(num_rings - 1), np.arange(step), indexing='ij')
    a, b = ring * step + column, ring * step + (column + 1) % step
    faces = np.concatenate(
        [
            np.stack([a, b, b + step], -1).reshape(-1, 3),
            np.stack([a, b + step, a + step], -1).reshape(-1, 3),
        ]
    )
    normals = points / np.linalg.norm(points, axis=1, keepdims=True)
    return points * np.array(size) / 2, faces, normals
