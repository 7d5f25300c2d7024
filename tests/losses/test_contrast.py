import math

import pytest
import torch

from reidgen.losses import CentroidContrast, MemoryContrast
from reidgen.memory import FeatureBank
from reidgen.rng import StepRNG


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def bank_of(features, labels) -> FeatureBank:
    bank = FeatureBank(len(features), features.shape[1])
    bank.fill(features, torch.as_tensor(labels))
    return bank


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


def slow(bank, u, u_generated, index, rows, negatives, temperature) -> float:
    """The loss in loops: rows[b] = (p, q), negatives[b] = rows compared with."""
    M, total, count = bank.features, 0.0, 0
    for b, i in enumerate(index.tolist()):
        if bank.labels[i] < 0:
            continue
        a, g = unit(u[b]), unit(u_generated[b])
        other = sum(math.exp(float(g @ M[n]) / temperature) for n in negatives[b])
        for similarity in (g @ M[i], g @ M[rows[b][0]], a @ M[rows[b][1]]):
            positive = math.exp(float(similarity) / temperature)
            total -= math.log(positive / (positive + other))
        count += 1
    return total / count


@pytest.mark.parametrize('num_negatives, compared', [(100, 6), (4, 4)])
def test_orthogonal_features_have_the_closed_form(num_negatives, compared):
    # seven orthogonal rows, of which row 2 alone has its label
    bank = bank_of(torch.eye(7), [0, 1, 2, 3, -1, -1, 4])
    u = 3 * torch.eye(7)[2:3]
    loss = MemoryContrast(0.5, num_negatives)(bank, u, u, torch.tensor([2]), rng=StepRNG())
    e = math.exp(1 / 0.5)
    assert loss.item() == pytest.approx(3 * -math.log(e / (e + compared)), rel=1e-5)


def test_loss_equals_its_formula_in_loops_with_negatives_of_the_generated_image():
    labels = [0, 0, 1, 1, 1, -1, 2, -1]
    bank = bank_of(torch.randn(8, 5), labels)
    index = torch.tensor([0, 3, 6])
    u, u_generated = torch.randn(3, 5), torch.randn(3, 5)
    rng = StepRNG(4)
    chance = StepRNG(4).rows(3, 2).tolist()
    same = [[0, 1], [2, 3, 4], [6]]
    rows = [[group[int(c * len(group))] for c in pair] for group, pair in zip(same, chance)]
    negatives = [[n for n in range(8) if labels[n] != labels[i]] for i in index.tolist()]
    assert len({len(row) for row in negatives}) == 3  # ragged: padding is at work

    loss = MemoryContrast(0.3, 100)(bank, u, u_generated, index, rng=rng)

    assert loss.item() == pytest.approx(
        slow(bank, u, u_generated, index, rows, negatives, 0.3), rel=1e-5
    )


@pytest.mark.slow
def test_positives_are_drawn_uniformly_from_all_rows_of_the_label():
    # rows 1, 4, 6 are alike; the loss of the second term tells which row was drawn
    features = torch.zeros(8, 8)
    features[torch.arange(8), torch.arange(8)] = 1
    bank = bank_of(features, [0, 5, 1, 2, 5, 3, 5, 4])
    u = torch.zeros(1, 8)
    u[0, [1, 4, 6]] = torch.tensor([1.0, 2.0, 3.0])
    loss, rng, values = MemoryContrast(1.0, 100), StepRNG(), []
    for iteration in range(600):
        rng.begin(iteration)
        values.append(round(loss(bank, u, u, torch.tensor([4]), rng=rng).item(), 3))
    # nine equally likely pairs (p, q) give six sums: three doubles, three of either order
    counts = sorted(values.count(value) / 600 for value in set(values))
    assert len(counts) == 6
    assert counts == pytest.approx([1 / 9] * 3 + [2 / 9] * 3, abs=0.06)


@pytest.mark.slow
def test_drawn_negatives_are_distinct_rows_of_other_labels():
    # u' . M_n / t = ln 2^n for row n: the sum of 2^n is a bit set of the rows compared with
    labels = [0, 0, 1, 2, -1, 3, 4, 4, 5, -1]
    powers = math.log(2) * torch.arange(10.0)
    height = powers / 10
    features = torch.stack([height, (1 - height**2).sqrt()], dim=1)
    bank = bank_of(features, labels)
    u = torch.tensor([[1.0, 0.0]])
    loss, rng, seen = MemoryContrast(0.1, 4), StepRNG(), set()
    for iteration in range(200):
        rng.begin(iteration)
        value = loss(bank, u, u, torch.tensor([0]), rng=rng).item()
        # the three positives are rows 0 or 1: e^a = 1 or 2
        matches = [
            total
            for total in range(1024)
            for ones in range(3)
            if abs(sum(math.log1p(total / e) for e in [1, *[2] * ones, *[1] * (2 - ones)]) - value)
            < 1e-4
        ]
        if len(matches) == 1:
            rows = {n for n in range(10) if matches[0] >> n & 1}
            assert len(rows) == 4
            assert not rows & {0, 1}
            seen |= rows
    assert seen == set(range(2, 10))  # outliers too, every row some time


def test_anchors_with_fewer_than_k_others_use_them_all_beside_anchors_that_draw():
    labels = [0] * 6 + [1, 2]
    bank = bank_of(torch.eye(8), labels)
    index = torch.tensor([0])
    u = torch.eye(8)[:1]
    # label 0 has two negatives, label 1 has seven: with K = 5 keys are drawn, label 0 padded
    both = MemoryContrast(0.5, 5)(bank, u, u, index, rng=StepRNG()).item()
    e = math.exp(2)
    values = set()
    for p in (e, 1.0):
        for q in (e, 1.0):
            values.add(sum(-math.log(a / (a + 2)) for a in (e, p, q)))
    assert any(both == pytest.approx(value, rel=1e-5) for value in values)


def test_outliers_are_no_anchors_and_a_batch_of_outliers_costs_nothing():
    bank = bank_of(torch.randn(6, 4), [0, 0, 1, 1, -1, -1])
    u, g = torch.randn(3, 4, requires_grad=True), torch.randn(3, 4, requires_grad=True)
    loss = MemoryContrast(0.1, 100)(bank, u, g, torch.tensor([4, 0, 5]), rng=StepRNG())
    loss.backward()
    assert u.grad[1].abs().sum() > 0
    assert not u.grad[[0, 2]].any()
    none = MemoryContrast(0.1, 100)(bank, u, g, torch.tensor([4, 5, 4]), rng=StepRNG())
    assert none.item() == 0
    none.backward()


def test_a_bank_of_one_identity_has_nothing_to_contrast():
    bank = bank_of(torch.randn(4, 3), [7, 7, 7, 7])
    u = torch.randn(2, 3, requires_grad=True)
    loss = MemoryContrast()(bank, u, u, torch.tensor([0, 1]), rng=StepRNG())
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-5)
    assert u.grad.isfinite().all()


def test_gradients_reach_both_embeddings_and_never_the_bank():
    bank = bank_of(torch.randn(6, 4), [0, 0, 1, 1, 2, 2])
    before = {key: value.clone() for key, value in bank.state_dict().items()}
    u, g = torch.randn(2, 4, requires_grad=True), torch.randn(2, 4, requires_grad=True)
    MemoryContrast()(bank, u, g, torch.tensor([0, 3]), rng=StepRNG()).backward()
    assert u.grad.abs().sum() > 0
    assert g.grad.abs().sum() > 0
    assert all(torch.equal(value, before[key]) for key, value in bank.state_dict().items())
    assert not bank.features.requires_grad


def test_the_length_of_embeddings_does_not_matter_and_autocast_changes_nothing():
    bank = bank_of(torch.randn(6, 4), [0, 0, 1, 1, 2, 2])
    u, g, index = torch.randn(2, 4), torch.randn(2, 4), torch.tensor([0, 3])
    loss = MemoryContrast()
    plain = loss(bank, u, g, index, rng=StepRNG())
    assert loss(bank, 9 * u, 0.2 * g, index, rng=StepRNG()).item() == pytest.approx(
        plain.item(), rel=1e-5
    )
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(loss(bank, u, g, index, rng=StepRNG()), plain)


def test_whether_negatives_are_drawn_depends_on_the_bank_and_not_on_the_batch():
    # two processes with other images must use up equally many random numbers
    bank = bank_of(torch.eye(8), [0] * 6 + [1, 2])
    left = []
    for index in (0, 6):
        rng = StepRNG()
        MemoryContrast(0.5, 5)(
            bank, torch.randn(1, 8), torch.randn(1, 8), torch.tensor([index]), rng=rng
        )
        left.append(rng.uniform())
    assert left[0] == left[1]


def test_an_empty_bank_and_wrong_numbers_are_refused():
    with pytest.raises(RuntimeError, match='has not been filled'):
        MemoryContrast()(
            FeatureBank(4, 3),
            torch.randn(1, 3),
            torch.randn(1, 3),
            torch.tensor([0]),
            rng=StepRNG(),
        )
    with pytest.raises(ValueError, match='temperature is 0'):
        MemoryContrast(temperature=0)


# ---- centroids ----


def slow_centroids(bank, u, index, temperature) -> float:
    """The loss in loops over clusters and images."""
    labels, total, count = bank.labels.tolist(), 0.0, 0
    centroids = {
        label: unit(sum(bank.features[n] for n in range(len(labels)) if labels[n] == label))
        for label in set(labels) - {-1}
    }
    for b, i in enumerate(index.tolist()):
        if labels[i] < 0:
            continue
        shares = {k: math.exp(float(unit(u[b]) @ c) / temperature) for k, c in centroids.items()}
        total -= math.log(shares[labels[i]] / sum(shares.values()))
        count += 1
    return total / count


def test_centroid_loss_equals_its_formula_in_loops_outliers_left_out():
    bank = bank_of(torch.randn(9, 5), [4, 0, 4, -1, 2, 2, -1, 0, 0])
    u, index = torch.randn(4, 5), torch.tensor([0, 3, 5, 8])
    loss = CentroidContrast(0.2)(bank, u, index)
    assert loss.item() == pytest.approx(slow_centroids(bank, u, index, 0.2), rel=1e-5)


def test_centroid_loss_of_orthogonal_clusters_has_the_closed_form():
    bank = bank_of(torch.eye(3), [0, 1, 2])
    loss = CentroidContrast(0.5)(bank, 7 * torch.eye(3), torch.arange(3))
    assert loss.item() == pytest.approx(math.log(1 + 2 * math.exp(-2)), rel=1e-5)


def test_a_batch_of_outliers_gives_zero_with_a_gradient_of_zero():
    bank, u = bank_of(torch.eye(3), [-1, -1, 0]), torch.randn(2, 3, requires_grad=True)
    loss = CentroidContrast()(bank, u, torch.tensor([0, 1]))
    loss.backward()
    assert loss.item() == 0
    assert u.grad.count_nonzero() == 0


def test_centroid_loss_leaves_the_bank_as_it_was_and_reaches_the_embedding():
    bank, u = bank_of(torch.randn(4, 3), [0, 0, 1, 1]), torch.randn(2, 3, requires_grad=True)
    before = bank.features.clone()
    CentroidContrast()(bank, u, torch.tensor([0, 2])).backward()
    assert torch.equal(bank.features, before)
    assert u.grad.abs().sum() > 0


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(ValueError, match='temperature is 0; set it above 0'):
        CentroidContrast(0)
