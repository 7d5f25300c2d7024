"""Closed-form maps between colours: each against its definition."""

import numpy as np
import pytest
import torch

from projects.gcl_camera.gcl_camera.colour_maps import COLOUR_MAPS, histogram

MIX = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.5, 0.2], [0.05, 0.1, 0.3]], dtype=torch.float64)


def colours(seed: int, count: int = 4000) -> torch.Tensor:
    """(count, 3) float64 of correlated channels, well inside 0 to 255."""
    rng = torch.Generator().manual_seed(seed)
    free = torch.randn(count, 3, generator=rng, dtype=torch.float64) * 20
    return 128 + free @ MIX.T + free[:, :1] * 0.5


def matched(name: str, own: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """(N, 3) pixels brought to the wanted ones' colours."""
    way = COLOUR_MAPS[name]
    picture = own.T.reshape(1, 3, -1, 1)
    return way.apply(picture, way.measure(own)[None], way.measure(wanted)[None])[0, :, :, 0].T


@pytest.mark.parametrize('name', ['moments', 'matrix'])
def test_statistics_become_the_wanted_ones(name):
    found, wanted = matched(name, colours(0), colours(1) @ MIX.T + 40), colours(1) @ MIX.T + 40
    measure = COLOUR_MAPS[name].measure
    torch.testing.assert_close(measure(found.double()), measure(wanted), rtol=1e-4, atol=1e-3)


def test_the_matrix_undoes_crosstalk_that_moments_cannot():
    """Between a distribution and its image under a symmetric positive matrix, that matrix is it."""
    own, cast = colours(0), (MIX + MIX.T) / 2
    wanted = (own - 128) @ cast + 90
    torch.testing.assert_close(matched('matrix', own, wanted), wanted.float(), rtol=1e-4, atol=1e-2)
    assert (matched('moments', own, wanted) - wanted).abs().max() > 5


def test_the_matrix_of_independent_channels_is_the_ratio_of_their_deviations():
    # 0 and 2 d in each channel, all eight combinations: mean d, covariance diag(d^2)
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 2.0], dtype=torch.float64)] * 3)
    own = corners * torch.tensor([10.0, 20.0, 5.0])
    wanted = corners * torch.tensor([20.0, 5.0, 15.0])
    torch.testing.assert_close(matched('matrix', own, wanted), wanted.float(), atol=1e-4, rtol=0)


def test_a_histogram_becomes_the_wanted_one_level_by_level():
    own = torch.tensor([[10, 0, 7], [20, 0, 7], [20, 1, 7], [30, 1, 7]], dtype=torch.float64)
    wanted = torch.tensor([[50, 9, 3], [90, 9, 3], [90, 8, 3], [200, 8, 3]], dtype=torch.float64)
    expected = torch.tensor([[50, 8, 3], [90, 8, 3], [90, 9, 3], [200, 9, 3]]).float()
    torch.testing.assert_close(matched('histogram', own, wanted), expected)


def test_a_bent_curve_of_each_channel_is_found_by_histograms_alone():
    own = colours(2).round().clamp(0, 255)
    wanted = 255 * (own / 255) ** 2.2
    gap = (matched('histogram', own, wanted.round()) - wanted).abs()
    assert gap.mean() < 0.6  # levels are whole
    assert (matched('matrix', own, wanted) - wanted).abs().mean() > gap.mean() * 2


def test_a_histogram_has_a_share_for_each_level():
    pixels = torch.tensor([[0, 255, 3], [0, 254, 3]], dtype=torch.float64)
    shares = histogram(pixels)
    np.testing.assert_array_equal(shares.sum(0), 1)
    assert (shares[0, 0], shares[255, 1], shares[254, 1], shares[3, 2]) == (1, 0.5, 0.5, 1)
