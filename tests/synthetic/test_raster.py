import numpy as np
import pytest

from reidgen.synthetic.raster import Corners, nearest, rasterise

HEIGHT, WIDTH = 12, 10


def triangles(seed: int, count: int = 30):
    """Random triangles around and across the picture, all turned towards the camera."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-3, 13, (3 * count, 2)).astype(np.float32)
    faces = np.arange(3 * count).reshape(-1, 3)
    a, b, c = (points[faces[:, k]] for k in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (c - a)[:, 0] * (b - a)[:, 1]
    faces[area > 0] = faces[area > 0][:, ::-1]
    return points, rng.uniform(0.1, 1, 3 * count).astype(np.float32), faces


def inside_slowly(corners: np.ndarray, x: float, y: float) -> np.ndarray | None:
    """The three weights of a point by solving the linear system, None outside."""
    system = np.array([corners[:, 0], corners[:, 1], np.ones(3)], float)
    weights = np.linalg.solve(system, [x, y, 1.0])
    if weights.min() < -1e-4:
        return None
    return weights if weights.min() > 1e-3 else np.full(3, np.nan)  # on an edge: either


@pytest.mark.parametrize('seed', range(3))
def test_fragments_are_the_pixel_centres_inside_each_triangle(seed):
    points, nearness, faces = triangles(seed)
    found = rasterise(points, nearness, faces, HEIGHT, WIDTH)
    fragments = {
        (face, pixel): row
        for row, (face, pixel) in enumerate(zip(found.face.tolist(), found.pixel.tolist()))
    }
    assert len(fragments) == len(found.face)  # none twice
    compared = 0
    for face, corners in enumerate(points[faces]):
        for y in range(HEIGHT):
            for x in range(WIDTH):
                weights = inside_slowly(corners, x + 0.5, y + 0.5)
                row = fragments.pop((face, y * WIDTH + x), None)
                if weights is None:
                    assert row is None
                elif not np.isnan(weights[0]):
                    assert found.second[row] == pytest.approx(weights[1], abs=1e-3)
                    assert found.third[row] == pytest.approx(weights[2], abs=1e-3)
                    assert found.nearness[row] == pytest.approx(
                        weights @ nearness[faces[face]], abs=1e-3
                    )
                    compared += 1
    assert compared > 100
    assert not fragments


def test_triangles_that_face_away_have_no_fragments():
    points, nearness, faces = triangles(0)
    assert len(rasterise(points, nearness, faces[:, ::-1], HEIGHT, WIDTH).face) == 0


def test_a_square_of_two_triangles_has_no_hole():
    points = np.array([[1.3, 2.1], [8.7, 2.1], [8.7, 9.9], [1.3, 9.9]], np.float32)
    faces = np.array([[0, 2, 1], [0, 3, 2]])
    found = rasterise(points, np.ones(4, np.float32), faces, HEIGHT, WIDTH)
    filled = np.zeros(HEIGHT * WIDTH, bool)
    filled[found.pixel] = True
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[2:10, 1:9] = True
    np.testing.assert_array_equal(filled.reshape(HEIGHT, WIDTH), expected)


def test_nearest_fragment_wins_at_each_pixel():
    rng = np.random.default_rng(0)
    pixel, nearness = rng.integers(0, 20, 200), rng.uniform(size=200)
    winner = nearest(pixel, nearness, 25)
    for place in range(25):
        rows = np.where(pixel == place)[0]
        expected = rows[np.argmax(nearness[rows])] if len(rows) else -1
        assert winner[place] == expected


def test_values_are_interpolated_between_corners():
    points, nearness, faces = triangles(1)
    values = np.random.default_rng(2).normal(size=(len(points), 4)).astype(np.float32)
    found = rasterise(points, nearness, faces, HEIGHT, WIDTH)
    mixed = Corners.of(values, faces).at(found)
    for row in range(0, len(found.face), 7):
        first = 1 - found.second[row] - found.third[row]
        expected = (
            np.array([first, found.second[row], found.third[row]]) @ values[faces[found.face[row]]]
        )
        np.testing.assert_allclose(mixed[:, row], expected, atol=1e-4)
