import math
from importlib.util import find_spec

import pytest
import torch

from reidgen.evaluation.image_quality import (
    frechet_distance,
    kernel_distance,
    random_pairs,
    ssim_diversity,
)

pytestmark = pytest.mark.skipif(
    find_spec('torchmetrics') is None, reason="needs pip install 'reidgen[metrics]'"
)


def cross(mean: tuple[float, float], variances: tuple[float, float]) -> torch.Tensor:
    """Four points of exactly this mean and, with denominator N - 1, diagonal covariance."""
    x, y = (math.sqrt(1.5 * variance) for variance in variances)
    return torch.tensor([[x, 0], [-x, 0], [0, y], [0, -y]]) + torch.tensor(mean)


def test_two_gaussians_have_the_distance_worked_out_by_hand():
    # |(1, 2)|^2 + (1 + 4 + 9 + 1) - 2 (sqrt(1 * 9) + sqrt(4 * 1)) = 5 + 15 - 10
    real, translated = cross((0, 0), (1, 4)), cross((1, 2), (9, 1))
    assert frechet_distance(real, translated) == pytest.approx(10)
    assert frechet_distance(translated, real) == pytest.approx(10)


def test_in_one_dimension_it_is_the_difference_of_means_and_deviations():
    torch.manual_seed(0)
    real, translated = torch.randn(50, 1) * 2 + 3, torch.randn(70, 1)
    expected = (real.mean() - translated.mean()) ** 2 + (real.std() - translated.std()) ** 2
    assert frechet_distance(real, translated) == pytest.approx(expected.item(), rel=1e-4)


def test_a_set_is_at_no_distance_from_itself_in_any_order_and_with_fewer_images_than_features():
    torch.manual_seed(0)
    features = torch.randn(12, 20)
    assert abs(frechet_distance(features, features.flip(0))) < 1e-6


def test_more_noise_is_farther_away():
    torch.manual_seed(0)
    real, noise = torch.rand(200, 8), torch.randn(200, 8)
    distances = [frechet_distance(real, real + std * noise) for std in (0.0, 0.05, 0.2, 0.5)]
    assert distances == sorted(distances)
    assert distances[-1] > 10 * distances[1]


def test_the_kernel_distance_of_two_pairs_of_points_is_thirteen():
    x, y = torch.tensor([[0.0, 0], [2, 0]]), torch.tensor([[0.0, 2], [2, 2]])

    def kernel(a, b):
        return (sum(p * q for p, q in zip(a, b)) / 2 + 1) ** 3

    def unbiased(u, v):
        u, v = u.tolist(), v.tolist()
        within = sum(kernel(s[i], s[1 - i]) for s in (u, v) for i in (0, 1)) / 2
        return within - 2 * sum(kernel(a, b) for a in u for b in v) / 4

    assert unbiased(x, y) == 13
    assert unbiased(x, x) == -13
    assert kernel_distance(x, y, num_subsets=3).mean == pytest.approx(13)
    assert kernel_distance(x, x, num_subsets=3).mean == pytest.approx(-13)


def test_subsets_are_no_larger_than_the_smaller_set_and_drawn_from_the_seed_alone():
    torch.manual_seed(0)
    real, translated = torch.randn(30, 4), torch.randn(20, 4)
    before = torch.get_rng_state()
    first = kernel_distance(real, translated, num_subsets=5, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert first.subset_size == 20
    torch.manual_seed(9)
    assert kernel_distance(real, translated, num_subsets=5, seed=3) == first
    smaller = kernel_distance(real, translated, num_subsets=5, subset_size=10, seed=3)
    assert smaller.std > 0
    assert smaller != kernel_distance(real, translated, num_subsets=5, subset_size=10, seed=4)


def test_features_that_do_not_compare_are_refused():
    with pytest.raises(ValueError, match=r'features are \(3, 2\) and \(3, 4\)'):
        frechet_distance(torch.zeros(3, 2), torch.zeros(3, 4))
    with pytest.raises(ValueError, match=r'\(1, 2\).*two or more images'):
        kernel_distance(torch.zeros(1, 2), torch.zeros(3, 2))


def test_flat_pictures_have_the_ssim_of_their_colours():
    # (2 a b + C1) / (a^2 + b^2 + C1) with C1 = (0.01 * 255)^2
    flat = {0: 51, 1: 204}
    ssim = (2 * 51 * 204 + 2.55**2) / (51**2 + 204**2 + 2.55**2)
    assert ssim == pytest.approx(0.470666, abs=1e-6)

    def load(row):
        return torch.full((3, 32, 16), flat[row], dtype=torch.uint8)

    assert ssim_diversity(load, 2) == pytest.approx(1 - ssim, rel=3e-4)  # of float32
    assert ssim_diversity(lambda row: load(0), 5) == pytest.approx(0, abs=1e-6)


def test_pairs_are_different_ordered_and_of_the_seed():
    pairs = random_pairs(10, 20, seed=1)
    assert len(set(pairs)) == 20
    assert all(0 <= a < b < 10 for a, b in pairs)
    assert pairs == random_pairs(10, 20, seed=1)
    assert pairs != random_pairs(10, 20, seed=2)
    assert sorted(random_pairs(4, 1000, seed=0)) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    with pytest.raises(ValueError, match='1 images make no pair'):
        random_pairs(1, 5, seed=0)
