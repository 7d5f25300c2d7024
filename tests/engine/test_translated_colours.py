"""The benchmark of colours: regions, the closed form, and which views it compares."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools' / 'benchmarks'))

from translated_colours import errors_of, matched, region


def test_a_region_is_the_body_between_two_heights():
    picture = np.arange(20 * 4 * 3).reshape(20, 4, 3)
    body = np.zeros((20, 4), bool)
    body[5:15, 1:3] = True
    assert np.array_equal(region(picture, body, (0.2, 0.5)), picture[7:10, 1:3].reshape(-1, 3))
    assert len(region(picture, body, (0.0, 0.01))) == 2  # one row at least


def test_the_closed_form_undoes_a_camera_that_scales_and_shifts():
    rng = np.random.default_rng(0)
    heads, colours = rng.uniform(60, 140, (500, 3)), rng.uniform(60, 140, (7, 3))
    scale, shift = np.array([1.2, 0.8, 1.1]), np.array([5.0, 20.0, -10.0])
    assert matched(colours, heads, heads * scale + shift) == pytest.approx(colours * scale + shift)


def test_views_by_the_camera_of_the_truth_are_compared(tmp_path):
    body = np.ones((10, 4), bool)
    source = SimpleNamespace(names=['a.png', 'b.png'], bodies=[body, body])
    for style, grey in ((0, 100), (1, 200)):
        (tmp_path / str(style)).mkdir()
        for name in source.names:
            Image.new('RGB', (4, 10), (grey,) * 3).save(tmp_path / str(style) / name)
    # image 0 is painted as by cameras 0 and 1, image 1 as by 1 and 0
    cameras = np.array([1, 1])
    wanted = [np.full((2, 3), 90.0)]
    errors = errors_of(tmp_path, source, cameras, wanted, ((0.0, 1.0),))
    assert sorted(errors[0][:, 0]) == [10, 110]
