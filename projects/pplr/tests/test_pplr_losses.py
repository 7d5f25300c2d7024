"""PPLR without a network: cross-agreement, the memory of parts, and refined losses in loops."""

import math

import pytest
import torch
import torch.nn.functional as nnf

from projects.pplr.pplr import PartCentroidBank, PartRefinedContrast, cross_agreement
from reidgen.losses import ProxyContrast

NUM_ROWS, DIM, PARTS = 12, 6, 2
LABELS, CAMIDS = torch.arange(NUM_ROWS) // 3 - 1, torch.arange(NUM_ROWS) % 2


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    return nnf.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


# ---- cross-agreement ----


def test_agreement_is_the_jaccard_index_of_the_nearest_images():
    first, second = unit(9, 3), unit(9, 4, seed=1)
    nearest = [
        (2 - 2 * x @ x.t()).argsort(1)[:, :4].tolist() for x in (first.double(), second.double())
    ]
    expected = [len(set(a) & set(b)) / len(set(a) | set(b)) for a, b in zip(*nearest)]
    assert 0 < min(expected) < max(expected)
    torch.testing.assert_close(cross_agreement(first, second, 4), torch.tensor(expected))
    torch.testing.assert_close(cross_agreement(first, second, 4, block=2), torch.tensor(expected))


def test_agreement_of_a_space_with_itself_is_one_and_with_one_neighbour_too():
    assert torch.equal(cross_agreement(unit(9, 3), unit(9, 3), 4), torch.ones(9))
    assert torch.equal(cross_agreement(unit(9, 3), unit(9, 4, seed=1), 1), torch.ones(9))


# ---- memory ----


def filled(per_camera: bool = True, **options) -> PartCentroidBank:
    given = dict(num_parts=PARTS, num_neighbours=4, per_camera=per_camera)
    bank = PartCentroidBank(NUM_ROWS, DIM, **(given | options))
    bank.fill(3 * unit(NUM_ROWS, (1 + PARTS) * DIM), bank.labels)
    bank.set_labels(LABELS, CAMIDS)
    return bank


def test_the_memory_holds_the_whole_and_its_parts_by_the_same_clusters():
    bank = filled()
    whole, *parts = unit(NUM_ROWS, (1 + PARTS) * DIM).split(DIM, dim=1)
    torch.testing.assert_close(bank.features, nnf.normalize(whole))
    for number, (part_bank, part) in enumerate(zip(bank.parts, parts)):
        torch.testing.assert_close(part_bank.features, nnf.normalize(part))
        for mine, its in zip(bank.proxies()[1:], part_bank.proxies()[1:]):
            assert torch.equal(mine, its)
        expected = cross_agreement(bank.features, part_bank.features, 4)
        assert torch.equal(bank.agreement[:, number], expected)


def test_an_update_moves_the_centroids_of_the_whole_and_of_each_part():
    bank, rows = filled(momentum=0.0), torch.tensor([4, 8])
    new = torch.randn(2, (1 + PARTS) * DIM)
    bank.update(rows, new)
    for each, expected in zip((bank, *bank.parts), new.split(DIM, dim=1)):
        torch.testing.assert_close(each.centroids[each.own[rows]], nnf.normalize(expected))


def test_what_a_resumed_run_needs_is_saved():
    bank, fresh = filled(), PartCentroidBank(NUM_ROWS, DIM, num_parts=PARTS, per_camera=True)
    fresh.load_state_dict(bank.state_dict())
    assert torch.equal(fresh.agreement, bank.agreement)
    for mine, its in zip((bank, *bank.parts), (fresh, *fresh.parts)):
        for old, new in zip(mine.proxies(), its.proxies()):
            assert torch.equal(old, new)


def test_embeddings_without_parts_are_refused():
    with pytest.raises(ValueError, match=r'3 x 6 numbers a row.*PartPseudoLabelHook'):
        filled().update(torch.tensor([4]), torch.randn(1, DIM))


# ---- losses ----


def in_loops(bank, u, parts, index, t, beta, same_camera):
    """The formulas of `PartRefinedContrast` in plain numbers."""

    def probabilities(known, x):
        camera = known.cameras[own]
        rivals = [
            k for k in range(len(known.cameras)) if not same_camera or known.cameras[k] == camera
        ]
        score = {
            k: math.exp(float(nnf.normalize(x, dim=0) @ known.centroids[k]) / t) for k in rivals
        }
        total = sum(score.values())
        return {k: each / total for k, each in score.items()}

    whole, smoothed = [], []
    for row, x, pieces in zip(index.tolist(), u, parts):
        own = int(bank.own[row])
        if own < 0:
            continue
        q = probabilities(bank.proxies(), x)
        q_parts = [probabilities(b.proxies(), piece) for b, piece in zip(bank.parts, pieces)]
        agreement = bank.agreement[row].tolist()
        weights = [math.exp(c) / sum(map(math.exp, agreement)) for c in agreement]
        label = {
            k: beta * (k == own) + (1 - beta) * sum(w * p[k] for w, p in zip(weights, q_parts))
            for k in q
        }
        whole.append(-sum(label[k] * math.log(q[k]) for k in q))
        for c, p in zip(agreement, q_parts):
            divergence = sum(math.log(1 / len(p) / p[k]) / len(p) for k in p)
            smoothed.append(-c * math.log(p[own]) + (1 - c) * divergence)
    return sum(whole) / len(whole), sum(smoothed) / len(smoothed)


@pytest.mark.parametrize('per_camera', [True, False])
@pytest.mark.parametrize('beta', [0.0, 0.3, 1.0])
def test_refined_losses_are_their_formulas_in_loops(per_camera, beta):
    bank = filled(per_camera)
    u, parts, index = torch.randn(5, DIM), torch.randn(5, PARTS, DIM), torch.tensor([0, 3, 5, 8, 9])
    criterion = PartRefinedContrast(0.5, per_camera, beta)
    found = criterion.refined(bank, u, parts, index)
    expected = in_loops(bank, u, parts, index, 0.5, beta, per_camera)
    assert (found.whole.item(), found.parts.item()) == pytest.approx(expected, rel=1e-5)


def test_without_refinement_both_are_contrast_by_the_clusters():
    bank, index = filled(), torch.tensor([3, 4, 8, 9])
    u, parts = torch.randn(4, DIM), torch.randn(4, PARTS, DIM)
    found = PartRefinedContrast(0.1, True).refined(bank, u, parts, index, refine=False)
    plain = ProxyContrast(0.1, same_camera=True)
    torch.testing.assert_close(found.whole, plain(bank, u, index))
    each = [plain(b, part, index) for b, part in zip(bank.parts, parts.unbind(1))]
    torch.testing.assert_close(found.parts, torch.stack(each).mean())


def test_labels_of_images_give_parts_no_gradient_and_the_other_way_round():
    bank, index = filled(), torch.tensor([3, 4, 8, 9])
    u = torch.randn(4, DIM, requires_grad=True)
    parts = torch.randn(4, PARTS, DIM, requires_grad=True)
    found = PartRefinedContrast(0.1, True, beta=0.2).refined(bank, u, parts, index)
    through = torch.autograd.grad(found.whole, [u, parts], allow_unused=True, retain_graph=True)
    assert through[0].any()
    assert through[0].isfinite().all()
    assert through[1] is None
    through = torch.autograd.grad(found.parts, [u, parts], allow_unused=True)
    assert through[0] is None
    assert through[1].any()
    assert through[1].isfinite().all()


def test_the_label_of_a_part_that_disagrees_is_uniform():
    bank = filled(per_camera=False)
    bank.agreement.zero_()
    for each in bank.parts:
        each.centroids[:3] = torch.eye(3, DIM)  # of three clusters
    parts = torch.ones(1, PARTS, DIM)  # as far from each of them
    found = PartRefinedContrast().refined(bank, torch.ones(1, DIM), parts, torch.tensor([4]))
    assert found.parts.item() == pytest.approx(0, abs=1e-6)


def test_outliers_alone_cost_nothing():
    parts = torch.randn(2, PARTS, DIM, requires_grad=True)
    found = PartRefinedContrast().refined(
        filled(False), torch.randn(2, DIM), parts, torch.tensor([0, 1])
    )
    assert found.whole == found.parts == 0
    found.parts.backward()
    assert not parts.grad.any()
