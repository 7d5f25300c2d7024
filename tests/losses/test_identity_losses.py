import itertools
import math

import pytest
import torch

from reidgen.losses import BatchHardTriplet, LabelSmoothCrossEntropy, TripletLoss
from reidgen.registry import LOSSES

LINE = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
LINE_PID = torch.tensor([5, 5, 9, 9])
KINDS = ('batch_hard', 'batch_hard_soft', 'batch_all', 'batch_all_nonzero', 'semi_hard', 'lifted')


def pk_batch(num_identities=4, num_images=3, dim=5):
    torch.manual_seed(0)
    return torch.randn(num_identities * num_images, dim), torch.arange(
        num_identities
    ).repeat_interleave(num_images)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def slow(kind, x, pid, margin=0.3, include_self=False) -> float:
    """The formula in loops over plain numbers."""

    def d(a, b):
        return max(math.dist(x[a].tolist(), x[b].tolist()), 1e-6)

    indices, terms = range(len(x)), []
    for a in indices:
        positives = [d(a, p) for p in indices if pid[p] == pid[a] and (include_self or p != a)]
        negatives = [d(a, n) for n in indices if pid[n] != pid[a]]
        if not positives or not negatives:
            continue
        if kind == 'batch_hard':
            terms.append(max(0, margin + max(positives) - min(negatives)))
        elif kind == 'batch_hard_soft':
            terms.append(softplus(max(positives) - min(negatives)))
        elif kind == 'lifted':
            pull, push = sum(map(math.exp, positives)), sum(math.exp(-d_an) for d_an in negatives)
            terms.append(max(0, margin + math.log(pull) + math.log(push)))
        elif kind == 'semi_hard':
            for p in positives:
                farther = [n for n in negatives if n > p]
                terms.append(max(0, margin + p - min(farther, default=max(negatives))))
        else:
            terms += [max(0, margin + p - n) for p, n in itertools.product(positives, negatives)]
    if kind == 'batch_all_nonzero':
        terms = [term for term in terms if term > 0] or [0]
    return sum(terms) / len(terms)


# ---- triplets ----


def test_batch_hard_takes_the_farthest_positive_and_nearest_negative():
    # anchors 0, 1 | 3, 7: farthest positive 1, 1, 4, 4; nearest negative 3, 2, 2, 6
    hinge = TripletLoss(margin=0.3)(LINE, LINE_PID)
    assert hinge.item() == pytest.approx((0 + 0 + 2.3 + 0) / 4)
    soft = TripletLoss('batch_hard_soft')(LINE, LINE_PID)
    assert soft.item() == pytest.approx(sum(softplus(x) for x in (-2, -1, 2, -2)) / 4)
    assert soft.item() == pytest.approx(0.6735, abs=1e-4)
    assert BatchHardTriplet(margin=0.3)(LINE, LINE_PID) == hinge
    assert BatchHardTriplet(margin=None)(LINE, LINE_PID) == soft


def test_semi_hard_takes_the_nearest_negative_beyond_each_positive_or_else_the_farthest():
    # pairs (0, 1), (1, 0), (3, 7), (7, 3): positives 1, 1, 4, 4 away; beyond them 3, 2, none, 6;
    # of 3 the negatives are 3 and 2 away
    for margin, terms in ((0.3, (0, 0, 1.3, 0)), (2.5, (0.5, 1.5, 3.5, 0.5))):
        value = TripletLoss('semi_hard', margin)(LINE, LINE_PID).item()
        assert value == pytest.approx(sum(terms) / 4)
    # of 0 the negatives are 1 and 3.5 away, of 2 they are 3 and 1.5: the nearest are too near
    x, pid = torch.tensor([[0.0], [2.0], [-1.0], [3.5]]), torch.tensor([0, 0, 1, 2])
    value = TripletLoss('semi_hard', margin=2.0)(x, pid).item()
    assert value == pytest.approx((2 + 2 - 3.5 + 2 + 2 - 3) / 2)


def test_the_soft_margin_is_the_cross_entropy_of_a_softmax_over_both_distances():
    x, pid = pk_batch()
    distances = torch.cdist(x, x)
    same = pid[:, None] == pid[None]
    d_ap = distances.masked_fill(~same, 0).max(1).values
    d_an = distances.masked_fill(same, torch.inf).min(1).values
    soft = -torch.stack([d_ap, d_an], dim=1).log_softmax(1)[:, 1].mean()
    assert TripletLoss('batch_hard_soft')(x, pid).item() == pytest.approx(soft.item(), abs=1e-6)


@pytest.mark.parametrize('kind', KINDS)
def test_every_kind_equals_its_formula_in_loops(kind):
    x, pid = pk_batch()
    assert TripletLoss(kind)(x, pid).item() == pytest.approx(slow(kind, x, pid), rel=1e-5)
    pid = torch.tensor([0, 0, 1, 1, 1, 2, 3, 3, 3, 3, 3, 3])  # identity 2 has no positive
    assert TripletLoss(kind)(x, pid).item() == pytest.approx(slow(kind, x, pid), rel=1e-5)
    with_self = TripletLoss(kind, include_self=True)(x, pid).item()
    assert with_self == pytest.approx(slow(kind, x, pid, include_self=True), rel=1e-5)


@pytest.mark.parametrize('kind', KINDS)
def test_order_and_place_do_not_matter(kind):
    x, pid = pk_batch()
    loss, order = TripletLoss(kind), torch.randperm(len(x))
    value = loss(x, pid).item()
    assert loss(x[order], pid[order]).item() == pytest.approx(value, rel=1e-5)
    assert loss(x + 100, pid).item() == pytest.approx(value, rel=1e-3)


def test_scaling_embeddings_and_margin_scales_the_hinge():
    x, pid = pk_batch()
    for kind in ('batch_hard', 'batch_all', 'batch_all_nonzero'):
        value = TripletLoss(kind, margin=0.3)(x, pid).item()
        assert TripletLoss(kind, margin=1.2)(4 * x, pid).item() == pytest.approx(
            4 * value, rel=1e-5
        )


@pytest.mark.parametrize(
    'kind, value', [('batch_hard', 0.3), ('batch_hard_soft', math.log(2)), ('batch_all', 0.3)]
)
@pytest.mark.parametrize('distance', ['euclidean', 'sqeuclidean', 'cosine'])
def test_equal_embeddings_cost_the_margin_and_have_a_finite_gradient(kind, value, distance):
    x = torch.ones(6, 4).mul(37.3).requires_grad_()
    loss = TripletLoss(kind, distance=distance)(x, torch.tensor([0, 0, 0, 1, 1, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(value)
    assert x.grad.isfinite().all()


def test_equal_embeddings_are_the_least_distance_apart():
    found = BatchHardTriplet().statistics(torch.ones(4, 2), torch.tensor([0, 0, 1, 1]))
    assert found['d_ap'].item() == found['d_an'].item() == pytest.approx(1e-6)


def test_triplets_that_all_keep_the_margin_cost_nothing_and_have_a_finite_gradient():
    x = torch.tensor([[0.0], [0.0], [9.0], [9.0]]).requires_grad_()
    loss = TripletLoss('batch_all_nonzero')(x, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(x.grad, torch.zeros_like(x))


def test_an_anchor_without_negatives_is_none():
    found = BatchHardTriplet().statistics(LINE, torch.zeros(4))
    assert all(value.isnan() for value in found.values())
    ignoring = TripletLoss('lifted', margin=None, ignore_label=9)
    assert ignoring(LINE, LINE_PID).item() == 0  # two of one person are left


def test_batch_all_is_at_most_batch_hard_on_balanced_batches():
    for seed in range(5):
        torch.manual_seed(seed)
        x, pid = torch.randn(12, 3), torch.arange(4).repeat_interleave(3)
        assert TripletLoss('batch_all')(x, pid) <= TripletLoss('batch_hard')(x, pid)


@pytest.mark.parametrize('kind', KINDS)
def test_a_batch_of_one_identity_costs_nothing_and_backpropagates(kind):
    x = torch.randn(4, 3, requires_grad=True)
    loss = TripletLoss(kind)(x, torch.zeros(4, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(x.grad, torch.zeros(4, 3))


def test_the_gradient_reaches_the_chosen_triplet_alone():
    # only anchor 3.0 is active: its positive is 7.0, its negative 1.0
    x = LINE.clone().requires_grad_()
    TripletLoss(margin=0.3)(x, LINE_PID).backward()
    # a = 3: d_ap = 7 - 3, d_an = 3 - 1 -> by a: -1 - 1, by p: +1, by n: +1, over four anchors
    assert torch.allclose(x.grad.flatten(), torch.tensor([0, 1, -2, 1]) / 4)


def test_ties_choose_the_first_index():
    x = torch.tensor([[0.0], [2.0], [-2.0], [1.0]], requires_grad=True)
    pid = torch.tensor([0, 0, 0, 1])
    distances, positive, negative = TripletLoss()._pairs(x, pid)
    d_ap, _ = TripletLoss()._hardest(distances[:1], positive[:1], negative[:1])
    (gradient,) = torch.autograd.grad(d_ap.sum(), x)
    assert gradient.flatten().tolist() == [-1, 1, 0, 0]


@pytest.mark.parametrize('distance', ['euclidean', 'sqeuclidean', 'cosine'])
def test_distances_are_those_of_loops(distance):
    x, pid = pk_batch(2, 2)
    expected = []
    for a in range(4):

        def d(b, a=a):
            if distance == 'cosine':
                return 1 - (x[a] @ x[b]).item() / (x[a].norm() * x[b].norm()).item()
            square = ((x[a] - x[b]) ** 2).sum().item()
            return square if distance == 'sqeuclidean' else square**0.5

        others = [b for b in range(4) if b != a]
        expected.append(
            max(
                0,
                5
                + max(d(b) for b in others if pid[b] == pid[a])
                - min(d(b) for b in others if pid[b] != pid[a]),
            )
        )
    value = TripletLoss(margin=5, distance=distance)(x, pid).item()
    assert value == pytest.approx(sum(expected) / 4, rel=1e-5)


def test_normalised_squared_distance_is_twice_the_cosine_distance():
    x, pid = pk_batch()
    square = TripletLoss(margin=2.0, distance='sqeuclidean', normalize=True)(x, pid).item()
    assert square == pytest.approx(
        2 * TripletLoss(margin=1.0, distance='cosine')(x, pid).item(), rel=1e-5
    )


def test_close_positives_keep_their_distance_far_from_the_origin():
    # a product of rows would lose 0.01 beside 1000^2
    x = torch.tensor([[1000.0, 0.0], [1000.0, 0.01], [1000.0, 5.0]])
    value = TripletLoss(margin=5.0)(x, torch.tensor([0, 0, 1])).item()
    assert value == pytest.approx((5 + 0.01 - 5 + 5 + 0.01 - 4.99) / 2, abs=1e-4)


def test_ignored_images_take_no_part():
    x, pid = pk_batch()
    ignored = pid.clone()
    ignored[pid == 2] = -1
    loss = TripletLoss('batch_all', ignore_label=-1)
    keep = pid != 2
    assert loss(x, ignored).item() == pytest.approx(
        TripletLoss('batch_all')(x[keep], pid[keep]).item()
    )
    assert loss(x, torch.full_like(pid, -1)).item() == 0


@pytest.mark.parametrize('kind', KINDS)
def test_half_precision_embeddings_give_a_float32_loss(kind):
    x, pid = pk_batch()
    for dtype in (torch.float16, torch.bfloat16):
        with torch.autocast('cpu', torch.bfloat16):
            loss = TripletLoss(kind, distance='cosine')(x.to(dtype), pid)
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(
            TripletLoss(kind, distance='cosine')(x.to(dtype).float(), pid).item()
        )


def test_statistics_of_the_points_on_the_line():
    found = BatchHardTriplet(margin=0.3).statistics(LINE.clone().requires_grad_(), LINE_PID)
    assert {key: value.item() for key, value in found.items()} == {
        'prec': pytest.approx(3 / 4),
        'd_ap': pytest.approx(10 / 4),
        'd_an': pytest.approx(13 / 4),
        'active': pytest.approx(1 / 4),
    }
    assert not any(value.requires_grad for value in found.values())


def test_unknown_kinds_are_named():
    with pytest.raises(ValueError, match="kind is 'hardest'; choose one of batch_hard, "):
        TripletLoss('hardest')
    with pytest.raises(ValueError, match="distance is 'manhattan'; choose one of euclidean, "):
        TripletLoss(distance='manhattan')


# ---- classification ----


def test_smoothed_cross_entropy_is_the_mixture_in_loops():
    torch.manual_seed(0)
    logits, pid, epsilon = torch.randn(4, 5), torch.tensor([0, 3, 3, 1]), 0.1
    expected = 0.0
    for row, label in zip(logits.tolist(), pid.tolist()):
        total = sum(math.exp(z) for z in row)
        for k, z in enumerate(row):
            expected -= (
                ((1 - epsilon) * (k == label) + epsilon / 5) * math.log(math.exp(z) / total) / 4
            )
    assert LabelSmoothCrossEntropy(epsilon)(logits, pid).item() == pytest.approx(expected, rel=1e-5)
    assert LabelSmoothCrossEntropy()(logits.half(), pid).dtype == torch.float32
    with pytest.raises(ValueError, match='epsilon is 1'):
        LabelSmoothCrossEntropy(1)


def test_configs_build_the_losses_by_name():
    assert LOSSES.build({'type': 'BatchHardTriplet', 'margin': 0.5}).margin == 0.5
    assert LOSSES.build({'type': 'LabelSmoothCrossEntropy'}).epsilon == 0.1
    assert LOSSES.build({'type': 'TripletLoss', 'kind': 'lifted'}).kind == 'lifted'
