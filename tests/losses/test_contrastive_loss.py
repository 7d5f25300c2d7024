"""ContrastiveLoss: pairs of a batch, their gradient, and errors."""

import itertools

import pytest
import torch

from reidgen.losses import ContrastiveLoss
from reidgen.registry import LOSSES

LINE = torch.tensor([[0.0], [0.5], [1.0], [3.0]])
PID = torch.tensor([4, 4, 7, 7])


def test_pairs_of_a_line_by_hand():
    # same: 0.5^2, 2^2; different: 0-1 1, 0-3 3, 0.5-1 0.5, 0.5-3 2.5 -> (2 - d)^2: 1, 0, 2.25, 0
    value = ContrastiveLoss(margin=2.0)(LINE, PID).item()
    assert value == pytest.approx((0.25 + 4 + 1 + 2.25) / 6)


def test_the_gradient_pulls_one_identity_together_and_others_to_the_margin():
    x = LINE.clone().requires_grad_()
    ContrastiveLoss(margin=2.0)(x, PID).backward()
    # pairs 0-0.5, 1-3 pull by 2d = 1, 4; 0-1, 0.5-1 push by 2 (2 - d) = 2, 3
    expected = torch.tensor([-1 + 2, 1 + 3, -4 - 2 - 3, 4.0]) / 6
    assert torch.allclose(x.grad.flatten(), expected)


@pytest.mark.parametrize('distance', ['euclidean', 'sqeuclidean', 'cosine'])
def test_every_distance_equals_loops_over_pairs(distance):
    torch.manual_seed(0)
    x, pid = torch.randn(6, 4), torch.tensor([0, 0, 1, 1, 1, 2])
    terms = []
    for a, b in itertools.combinations(range(6), 2):
        d = (x[a] - x[b]).norm().item()
        if distance == 'cosine':
            d = 1 - (x[a] @ x[b] / x[a].norm() / x[b].norm()).item()
        d = d**2 if distance == 'sqeuclidean' else d
        terms.append(d**2 if pid[a] == pid[b] else max(0, 1 - d) ** 2)
    value = ContrastiveLoss(distance=distance)(x, pid).item()
    assert value == pytest.approx(sum(terms) / len(terms), rel=1e-5)


def test_equal_embeddings_and_a_single_image_have_finite_gradients():
    x = torch.ones(4, 3, requires_grad=True)
    loss = ContrastiveLoss(margin=1.0)(x, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(4 / 6, abs=1e-5)  # four of six pairs, a margin apart
    assert x.grad.isfinite().all()
    alone = ContrastiveLoss()(x[:1], torch.tensor([0]))
    alone.backward()
    assert alone.item() == 0


def test_wrong_options_are_named():
    assert LOSSES.build(dict(type='ContrastiveLoss', margin=0.5)).margin == 0.5
    with pytest.raises(ValueError, match=r'margin is 0; set a distance above 0'):
        ContrastiveLoss(margin=0)
    with pytest.raises(ValueError, match=r"distance is 'cosin' \(did you mean 'cosine'"):
        ContrastiveLoss(distance='cosin')
