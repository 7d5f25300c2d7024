"""Latent vectors: the great circle between two."""

import math

import pytest
import torch

from reidgen.models.latents import slerp


def test_between_two_directions_the_angle_grows_by_the_ratio():
    omega = 1.2
    first = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    last = torch.tensor(
        [[math.cos(omega), math.sin(omega)], [3 * math.sin(omega), 3 * math.cos(omega)]]
    )
    for ratio in (0.0, 0.25, 0.5, 1.0):
        found = slerp(first, last, ratio)
        angle = ratio * omega
        expected = [[math.cos(angle), math.sin(angle)], [3 * math.sin(angle), 3 * math.cos(angle)]]
        torch.testing.assert_close(found, torch.tensor(expected))


@pytest.mark.parametrize('scale', [1.0, 0.5, -1.0, -0.5, 0.0])
def test_between_vectors_on_one_line_the_way_is_straight(scale):
    first = torch.tensor([[0.3, -0.7, 0.1]])
    found = slerp(first, scale * first, 0.25)
    if scale:
        torch.testing.assert_close(found, (0.75 + 0.25 * scale) * first)
    else:  # a vector of no direction is at a right angle to every other
        torch.testing.assert_close(found, math.cos(math.pi / 8) * first)
