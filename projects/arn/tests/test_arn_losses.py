"""Losses of ARN against closed forms and loops."""

import math

import pytest
import torch

from projects.arn.arn import MMD, CodeContrast, DifferenceLoss, ReconstructionLoss
from reidgen.losses import ContrastiveLoss

FORMS = ['pair', 'element', 'raw']


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# ---- reconstruction ----


@pytest.mark.parametrize(
    'distance, per, expected',
    [
        # differences: 1, -3, 0, 2, 0, 0 | 0, 0, -4, 0, 0, 2: 34 squared, 12 absolute
        ('squared', 'element', 34 / 12),
        ('squared', 'image', 34 / 2),
        ('squared', 'pixel', 34 / 4),
        ('absolute', 'element', 12 / 12),
        ('absolute', 'image', 12 / 2),
        ('absolute', 'pixel', 12 / 4),
    ],
)
def test_a_reconstruction_costs_its_differences_over_the_count(distance, per, expected):
    target = random(2, 3, 1, 2)
    differences = torch.tensor([1.0, -3, 0, 2, 0, 0, 0, 0, -4, 0, 0, 2]).view(2, 3, 1, 2)
    loss = ReconstructionLoss(distance, per)
    assert loss(target + differences, target).item() == pytest.approx(expected, rel=1e-5)
    assert loss(target, target) == 0


def test_an_unknown_form_of_the_reconstruction_names_the_known_ones():
    with pytest.raises(ValueError, match=r'distance is .l1.; choose one of squared, absolute'):
        ReconstructionLoss('l1')
    with pytest.raises(ValueError, match=r'per is .sum.; choose one of element, pixel, image'):
        ReconstructionLoss(per='sum')


# ---- difference ----


@pytest.mark.parametrize('form', FORMS)
def test_features_whose_columns_are_orthogonal_do_not_differ_from_private_ones(form):
    u, v = random(5), random(7, seed=1)
    shared = torch.tensor([1.0, 1, -1, -1])[:, None] * u
    private = torch.tensor([1.0, -1, 1, -1])[:, None] * v
    assert DifferenceLoss(form)(shared, private).item() == pytest.approx(0, abs=1e-9)
    assert DifferenceLoss(form)(shared, shared).item() > 0.1


def test_two_opposite_rows_cost_1_at_any_scale():
    u = random(5)
    rows = torch.stack([u, -u])
    loss = DifferenceLoss('pair')
    assert loss(rows, rows).item() == pytest.approx(1)
    assert loss(7 * rows, 0.1 * rows).item() == pytest.approx(1)
    assert loss(rows + 3, rows - 2).item() == pytest.approx(1)


@pytest.mark.parametrize('form', FORMS)
def test_the_difference_is_the_frobenius_norm_of_the_product_of_columns(form):
    shared, private = random(6, 5), random(6, 5, seed=1)
    h_c, h_p = shared.clone(), private.clone()
    if form != 'raw':
        for h in (h_c, h_p):
            for column in range(5):
                h[:, column] -= h[:, column].mean()
            for row in range(6):
                h[row] /= h[row].square().sum().sqrt()
    expected = (
        sum(float((h_c[:, a] * h_p[:, b]).sum()) ** 2 for a in range(5) for b in range(5))
        / dict(pair=6 * 6, element=5 * 5, raw=1)[form]
    )
    assert DifferenceLoss(form)(shared, private).item() == pytest.approx(expected, rel=1e-5)


def test_rows_that_are_all_equal_have_a_difference_of_0_and_finite_gradients():
    shared = torch.ones(4, 3).requires_grad_()
    loss = DifferenceLoss()(shared, random(4, 3))
    loss.backward()
    assert loss == 0
    assert torch.isfinite(shared.grad).all()


# ---- contrast ----


def test_pairs_of_the_paper_pull_one_identity_and_push_two_up_to_the_margin():
    loss, same, other = ContrastiveLoss(1.0), torch.tensor([3, 3]), torch.tensor([3, 4])
    equal, apart = torch.zeros(2, 4), torch.tensor([[0.0] * 4, [1.5, 0, 0, 0]])
    assert loss(equal, same).item() == pytest.approx(0, abs=1e-9)
    assert loss(equal, other).item() == pytest.approx(1.0**2, rel=1e-5)
    assert loss(apart, other) == 0
    assert loss(apart, same).item() == pytest.approx(1.5**2)


def test_pairs_of_the_code_are_squared_distances_over_the_dimension():
    points, pid = torch.tensor([[0.0, 0], [2, 0], [0, 1]]), torch.tensor([5, 5, 6])
    # d^2 / 2: 0-1 same: 2; 0-2: 0.5, of margin 2 leaves 1.5; 1-2: 2.5 leaves 0
    assert CodeContrast(2.0)(points, pid).item() == pytest.approx((2 + 1.5 + 0) / 3)
    single = CodeContrast()(points[:1], pid[:1])
    assert single == 0


def test_a_margin_of_0_is_refused():
    with pytest.raises(ValueError, match='margin is 0; set a distance above 0'):
        CodeContrast(0)


# ---- MMD ----


def test_the_discrepancy_of_two_points_is_a_closed_form():
    s, t = torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])  # d = 5
    kernel = sum(math.exp(-25 / (2 * sigma**2)) for sigma in (1, 2, 10))
    assert MMD()(s, t).item() == pytest.approx(math.sqrt(2 * 3 - 2 * kernel), rel=1e-5)


def test_the_discrepancy_is_that_of_loops_over_all_pairs():
    s, t = random(3, 4), random(5, 4, seed=1) + 1

    def mean_kernel(a, b, sigma=2.0):
        pairs = [math.exp(-float((x - y).square().sum()) / (2 * sigma**2)) for x in a for y in b]
        return sum(pairs) / len(pairs)

    expected = math.sqrt(mean_kernel(s, s) + mean_kernel(t, t) - 2 * mean_kernel(s, t))
    assert MMD([2.0])(s, t).item() == pytest.approx(expected, rel=1e-4)


def test_equal_batches_have_no_discrepancy_and_finite_gradients():
    s = random(3, 4).requires_grad_()
    loss = MMD()(s, s.detach())
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-3)
    assert torch.isfinite(s.grad).all()


def test_kernels_without_a_width_are_refused():
    with pytest.raises(ValueError, match=r'sigmas is \[1, 0\]; set one or more numbers above 0'):
        MMD([1, 0])
