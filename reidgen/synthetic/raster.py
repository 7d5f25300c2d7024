"""Z-buffer rasteriser in numpy, over all fragments of all triangles at once.

No OpenGL and no loop over triangles: pictures here have a few thousand triangles of a few pixels.
"""

from typing import NamedTuple

import numpy as np

SLACK = np.float32(1e-4)  # pixels by which a span is widened, so that rounding tears no holes
HALF = np.float32(0.5)  # of a pixel


class Fragments(NamedTuple):
    """Fragments: pixels covered by triangles, several at a pixel where surfaces overlap."""

    face: np.ndarray  # (N,) row of the triangle
    second: np.ndarray  # (N,) weight of its second corner
    third: np.ndarray  # (N,) weight of its third corner
    pixel: np.ndarray  # (N,) y * width + x
    nearness: np.ndarray  # (N,) 1 / depth

    def take(self, rows: np.ndarray) -> 'Fragments':
        """Selected fragments."""
        return Fragments(*(column[rows] for column in self))


class Corners(NamedTuple):
    """Values at the triangles' first corners and differences to it, for interpolation."""

    first: np.ndarray  # (T, K) float32
    to_second: np.ndarray  # (T, K) differences to it
    to_third: np.ndarray  # (T, K)

    @classmethod
    def of(cls, values: np.ndarray, faces: np.ndarray) -> 'Corners':
        """Corners from values (V, K) at the vertices."""
        values = values.astype(np.float32, copy=False)
        first, second, third = (np.take(values, faces[:, k], axis=0) for k in range(3))
        return cls(first, second - first, third - first)

    def at(self, fragments: Fragments) -> np.ndarray:
        """Interpolated values (K, N) at fragments."""
        mixed = np.take(self.to_second, fragments.face, axis=0)
        mixed *= fragments.second[:, None]
        part = np.take(self.to_third, fragments.face, axis=0)
        part *= fragments.third[:, None]
        mixed += part
        mixed += np.take(self.first, fragments.face, axis=0)
        return np.ascontiguousarray(mixed.T)


def rasterise(
    points: np.ndarray, nearness: np.ndarray, faces: np.ndarray, height: int, width: int
) -> Fragments:
    """Fragments of the camera-facing triangles, hidden ones included.

    Each triangle is cut at its middle corner into two halves, each half into pixel lines, each line
    into pixels; the corners' weights and the nearness are linear along a line.

    Args:
        points: (V, 2) float32, pixels; the centre of the first is (0.5, 0.5).
        nearness: (V,) float32, 1 / depth.
        faces: (T, 3), counter-clockwise as seen from the front.
    """
    x, y = np.ascontiguousarray(points.T)
    x0, x1, x2 = (x[faces[:, k]] for k in range(3))
    y0, y1, y2 = (y[faces[:, k]] for k in range(3))
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)  # doubled
    kept = np.nonzero(area < np.float32(-1e-9))[0]
    x0, x1, x2, y0, y1, y2, area = (a[kept] for a in (x0, x1, x2, y0, y1, y2, area))
    half, line, start, length = _lines(x0, x1, x2, y0, y1, y2, height, width)
    triangle = half % max(len(kept), 1)

    face = kept[triangle]
    second_right, third_right = (y2 - y0) / area, (y0 - y1) / area
    second_down, third_down = (x0 - x2) / area, (x1 - x0) / area
    near0, near1, near2 = (nearness[faces[kept, k]] for k in range(3))
    near_right = second_right * (near1 - near0) + third_right * (near2 - near0)
    near_down = second_down * (near1 - near0) + third_down * (near2 - near0)
    across = start + HALF - x0[triangle]
    down = line + HALF - y0[triangle]

    number = np.arange(length.sum(), dtype=np.int32)
    number -= np.repeat((np.cumsum(length) - length).astype(np.int32), length)
    step = number.astype(np.float32)

    def along(origin: np.ndarray | float, right: np.ndarray, below: np.ndarray) -> np.ndarray:
        right = right[triangle]
        begin = origin + right * across + below[triangle] * down
        return np.repeat(begin, length) + np.repeat(right, length) * step

    return Fragments(
        np.repeat(face, length),
        along(0, second_right, second_down),
        along(0, third_right, third_down),
        np.repeat(line * width + start, length) + number,
        along(near0[triangle], near_right, near_down),
    )


def nearest(pixel: np.ndarray, nearness: np.ndarray, num_pixels: int) -> np.ndarray:
    """Row (num_pixels,) of the nearest fragment at each pixel, -1 where there is none."""
    winner = np.full(num_pixels, -1, np.intp)
    rows = np.arange(len(pixel))
    winner[pixel] = rows  # of several at one pixel, any one stays
    while len(rows):
        rows = rows[nearness[rows] > nearness[winner[pixel[rows]]]]
        winner[pixel[rows]] = rows
    return winner


def _lines(
    x0: np.ndarray,
    x1: np.ndarray,
    x2: np.ndarray,
    y0: np.ndarray,
    y1: np.ndarray,
    y2: np.ndarray,
    height: int,
    width: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scan lines of T triangles: half (upper halves 0..T-1, then lower), y, first x, length."""
    x0, x1, y0, y1 = _sorted(x0, x1, y0, y1)
    x1, x2, y1, y2 = _sorted(x1, x2, y1, y2)
    x0, x1, y0, y1 = _sorted(x0, x1, y0, y1)  # by y: 0 on top, 2 at the bottom
    tiny = np.float32(1e-12)  # a level edge spans no line
    long_slope = (x2 - x0) / np.maximum(y2 - y0, tiny)
    upper_slope = (x1 - x0) / np.maximum(y1 - y0, tiny)
    lower_slope = (x2 - x1) / np.maximum(y2 - y1, tiny)
    bounds = [np.clip(np.ceil(y - HALF), 0, height).astype(np.int32) for y in (y0, y1, y2)]
    first = np.concatenate(bounds[:2])
    counts = np.concatenate([bounds[1] - bounds[0], bounds[2] - bounds[1]])
    half = np.repeat(np.arange(len(first), dtype=np.int32), counts)
    line = np.arange(len(half), dtype=np.int32)
    line += np.repeat(first - (np.cumsum(counts) - counts).astype(np.int32), counts)
    triangle = half % max(len(x0), 1)
    centre = line + HALF
    on_long = x0[triangle] + (centre - y0[triangle]) * long_slope[triangle]
    short_x, short_y = np.concatenate([x0, x1]), np.concatenate([y0, y1])
    short_slope = np.concatenate([upper_slope, lower_slope])
    on_short = short_x[half] + (centre - short_y[half]) * short_slope[half]
    left, right = np.minimum(on_long, on_short), np.maximum(on_long, on_short)
    start = np.clip(np.ceil(left - (HALF + SLACK)), 0, width).astype(np.int32)
    stop = np.clip(np.floor(right - (HALF - SLACK)), -1, width - 1).astype(np.int32)
    length = np.maximum(stop - start + 1, 0)
    used = np.nonzero(length)[0]
    return half[used], line[used], start[used], length[used]


def _sorted(
    xa: np.ndarray, xb: np.ndarray, ya: np.ndarray, yb: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of points sorted by y."""
    swap = ya > yb
    return (np.where(swap, xb, xa), np.where(swap, xa, xb), np.minimum(ya, yb), np.maximum(ya, yb))
