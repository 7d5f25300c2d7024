"""The benchmark of translations by what an encoder and the eye see of them."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))

from feature_distance import Collected, compared, sharpness_and_contrast

BODY = np.zeros((9, 9), bool)
BODY[2:7, 2:7] = True


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=2).astype(np.uint8)


def test_sharpness_is_the_laplacian_and_contrast_the_deviation_inside_the_body():
    board = np.indices((9, 9)).sum(0) % 2 * 40 + 100  # a Laplacian of 4 x 40 in every pixel
    sharp, contrast = sharpness_and_contrast(grey(board), BODY)
    assert sharp == pytest.approx(160, abs=1e-6)
    assert contrast == pytest.approx(np.std(board[3:6, 3:6]), abs=1e-6)
    assert sharpness_and_contrast(grey(np.full((9, 9), 7)), BODY) == pytest.approx((0, 0), abs=1e-9)


def test_only_the_body_of_a_translation_is_set_into_the_truth():
    truth, picture = grey(np.full((9, 9), 50)), grey(np.arange(81).reshape(9, 9))
    truth[4, 4] = 90  # sharpness and contrast to divide by
    found = Collected()
    found.add(3, picture, truth, BODY)
    assert found.rows == [3]
    assert np.array_equal(found.pictures[0][BODY], picture[BODY])
    assert np.array_equal(found.pictures[0][~BODY], truth[~BODY])
    assert found.images().shape == (1, 3, 9, 9)
    sharp, contrast = sharpness_and_contrast(truth, BODY)
    assert found.ratios[0][0] == pytest.approx(0, abs=1e-9)  # a plane has no Laplacian
    inside = np.arange(81).reshape(9, 9)[3:6, 3:6]
    assert found.ratios[0][1] == pytest.approx(inside.std() / contrast)
    assert sharp > 0


def test_features_are_compared_with_their_own_truth_and_the_nearest_one():
    true = torch.eye(3)
    found = torch.stack([true[0], true[2], true[2]])
    told = compared(found, true, torch.tensor([4, 5, 6]))
    assert told == dict(distance=pytest.approx(1 / 3), same_person=pytest.approx(2 / 3))
