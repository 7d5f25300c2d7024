"""Losses of frontalization, worked out by hand."""

import numpy as np
import pytest
import torch
from PIL import Image

from projects.face_frontalization.face_frontalization import PixelLoss
from projects.face_frontalization.face_frontalization.losses import (
    drift_loss,
    identity_loss,
    pixel_weights,
    symmetry_loss,
)


def test_identity_is_the_angle_of_features_whatever_their_length():
    a = torch.tensor([[3.0, 0.0], [0.0, 2.0]])
    assert identity_loss(a, a).item() == pytest.approx(0, abs=1e-6)
    assert identity_loss(a, a.flip(1)).item() == pytest.approx(1, abs=1e-6)
    assert identity_loss(a, -a).item() == pytest.approx(2, abs=1e-6)
    b = torch.randn(2, 2, generator=torch.Generator().manual_seed(0))
    assert identity_loss(5 * a, 0.1 * b).item() == pytest.approx(identity_loss(a, b).item())
    target, made = b.requires_grad_(), a.requires_grad_()
    identity_loss(made, target).backward()
    assert target.grad is None
    assert made.grad is not None


def test_symmetry_of_a_face_and_of_two_halves():
    img = -torch.ones(1, 3, 4, 6)
    assert symmetry_loss(img).item() == 0
    img[..., 3:] = 1  # black left, white right
    assert symmetry_loss(img).item() == 1


@pytest.mark.parametrize(
    'kind, value_range, expected', [('l1', 1, 0.5), ('l1', 255, 127.5), ('mse', 1, 0.25)]
)
def test_pixels_count_in_their_range(kind, value_range, expected):
    made, true = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)  # grey, white
    assert PixelLoss(kind, value_range)(made, true).item() == expected


def test_a_mask_weighs_pixels(tmp_path):
    path = tmp_path / 'mask.png'
    Image.fromarray(np.array([[255, 0], [51, 0]], dtype=np.uint8)).save(path)
    made, true = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    assert PixelLoss(mask=str(path))(made, true).item() == pytest.approx(0.5 * (1 + 0.2) / 4)
    with pytest.raises(ValueError, match=r'the mask has \(2, 2\) pixels, the images \(3, 3\)'):
        PixelLoss(mask=str(path))(torch.zeros(1, 3, 3, 3), torch.zeros(1, 3, 3, 3))
    with pytest.raises(FileNotFoundError, match=r'no picture of weights .*none\.png'):
        PixelLoss(mask=str(tmp_path / 'none.png'))


def test_the_weight_of_a_pixel_falls_with_its_variance_over_faces():
    images = torch.zeros(2, 3, 1, 3)
    images[1, :, 0, 1], images[1, :, 0, 2] = 1.0, 2.0  # variances 0, 1/4, 1
    assert torch.allclose(pixel_weights(images), torch.tensor([[[1.0, 0.75, 0.0]]]))


def test_drift_sums_the_mean_squares_of_the_heads():
    assert drift_loss([torch.tensor([[1.0], [3.0]]), torch.tensor([[2.0]])]).item() == 5 + 4
