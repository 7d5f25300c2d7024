"""The benchmark of colours: parts of persons, and which views it compares."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))

from translated_colours import errors_of, mean_colour


def test_a_part_is_the_body_between_two_heights():
    picture = torch.arange(3 * 20 * 4).reshape(3, 20, 4)
    body = np.zeros((20, 4), bool)
    body[5:15, 1:3] = True
    assert mean_colour(picture, body, (0.2, 0.5), 'a.png') == pytest.approx(
        picture[:, 7:10, 1:3].double().mean((1, 2)).numpy()
    )


def test_a_part_without_a_body_is_named():
    with pytest.raises(ValueError, match=r'mesh of a\.png shows no body'):
        mean_colour(torch.zeros(3, 4, 4), np.zeros((4, 4), bool), (0.2, 0.5), 'a.png')


def test_views_by_the_camera_of_the_truth_are_compared_with_their_own_colours(tmp_path):
    body = np.ones((10, 4), bool)
    source = SimpleNamespace(names=['a.png', 'b.png'], bodies=[body, body])
    for style, grey in ((0, 100), (1, 200)):
        (tmp_path / str(style)).mkdir()
        for name in source.names:
            Image.new('RGB', (4, 10), (grey,) * 3).save(tmp_path / str(style) / name)
    # of three cameras, image 0 is translated as by 0 and 1, image 1 as by 1 and 2
    wanted = [np.array([[90.0] * 3, [70.0] * 3])]
    parts = ((0.0, 1.0),)
    errors = errors_of(tmp_path, source, np.array([1, 1]), 3, wanted, parts)
    assert sorted(errors[0][:, 0]) == [30, 110]  # style 0 of image 1, style 1 of image 0
    with pytest.raises(ValueError, match='no picture translated as by the camera of the truth'):
        errors_of(tmp_path, source, np.array([2, 0]), 3, wanted, parts)
