"""Losses of pytorch-metric-learning: agreement with ours, miners, and errors."""

import sys

import pytest
import torch

from reidgen.losses import TripletLoss
from reidgen.registry import LOSSES, build

EUCLIDEAN = dict(name='LpDistance', normalize_embeddings=False)
TRIPLETS = dict(type='PML', loss='TripletMarginLoss', margin=0.3)
HARD = TRIPLETS | dict(distance=EUCLIDEAN, miner='BatchHardMiner', reducer='MeanReducer')
# arguments of TripletLoss, and theirs
SAME = [
    (dict(kind='batch_hard'), HARD),
    (dict(kind='batch_hard_soft'), HARD | dict(margin=0.0, smooth_loss=True)),
    (dict(kind='batch_all'), TRIPLETS | dict(distance=EUCLIDEAN, reducer='MeanReducer')),
    (dict(kind='batch_all_nonzero'), TRIPLETS | dict(distance=EUCLIDEAN)),
    (dict(kind='batch_all_nonzero', normalize=True), TRIPLETS),
    (
        dict(kind='batch_all_nonzero', distance='sqeuclidean'),
        TRIPLETS | dict(distance=EUCLIDEAN | dict(power=2)),
    ),
    (dict(kind='batch_hard', distance='cosine'), HARD | dict(distance='CosineSimilarity')),
    (
        dict(kind='lifted'),
        dict(type='PML', loss='GeneralizedLiftedStructureLoss', neg_margin=0.3, distance=EUCLIDEAN),
    ),
]


@pytest.fixture
def pml():
    return pytest.importorskip(
        'pytorch_metric_learning',
        reason="pytorch-metric-learning is not installed: pip install -e '.[pml]'",
    )


def value_and_gradient(loss, x, pid) -> tuple[torch.Tensor, torch.Tensor]:
    x = x.clone().requires_grad_()
    value = loss(x, pid)
    value.backward()
    return value.detach(), x.grad


@pytest.mark.parametrize('ours, theirs', SAME)
def test_where_both_have_a_loss_values_and_gradients_agree(ours, theirs, pml):
    torch.manual_seed(0)
    x, pid = torch.randn(12, 6), torch.arange(4).repeat_interleave(3)
    for scale in (0.3, 1.0, 3.0):
        found = value_and_gradient(build(theirs, LOSSES), scale * x, pid)
        expected = value_and_gradient(TripletLoss(margin=0.3, **ours), scale * x, pid)
        assert expected[0] > 0
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_options_of_the_loss_reach_it_and_the_miner_goes_by_its_distance(pml):
    circle = build(dict(type='PML', loss='CircleLoss', m=0.3, gamma=16), LOSSES)
    assert (circle.loss.m, circle.loss.gamma) == (0.3, 16)
    mined = build(HARD | dict(distance='CosineSimilarity'), LOSSES)
    assert mined.miner.distance is mined.loss.distance
    margin = build(TRIPLETS | dict(miner=dict(name='TripletMarginMiner', margin=0.7)), LOSSES)
    assert margin.miner.margin == 0.7


def test_a_batch_of_one_identity_costs_nothing_and_half_precision_gives_float32(pml):
    loss, x = build(TRIPLETS, LOSSES), torch.randn(4, 3, requires_grad=True)
    value = loss(x, torch.zeros(4, dtype=torch.long))
    value.backward()
    assert value.item() == 0
    with torch.autocast('cpu', torch.bfloat16):
        assert loss(x.bfloat16(), torch.tensor([0, 0, 1, 1])).dtype == torch.float32


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(loss='CircelLoss'), r"PML\.loss is 'CircelLoss' \(did you mean 'CircleLoss'\?\)"),
        (dict(loss='ArcFaceLoss'), 'choose one of AngularLoss, CircleLoss, '),  # has weights
        (dict(loss='CircleLoss', margin=1), r"takes no 'margin'.*known: m, gamma"),
        (dict(loss='CircleLoss', miner='HardMiner'), r"miner is 'HardMiner' \(did you mean 'Batc"),
        (dict(loss='NCALoss', miner=dict(name='HDCMiner', share=1)), r"miner: HDCM.* no 'share'"),
        (dict(loss='NCALoss', distance=dict(p=1)), r'distance is .*; give a name, or dict\(name='),
        (dict(loss='ManifoldLoss', l=4), r'ManifoldLoss has parameters of its own \(proxies\)'),
        (dict(loss='RankedListLoss', margin=1), r'RankedListLoss needs Tn'),
    ],
)
def test_what_cannot_be_built_is_named(options, message, pml):
    with pytest.raises(ValueError, match=message):
        build(dict(type='PML', **options), LOSSES)


def test_a_missing_package_names_the_extra(monkeypatch):
    for name in [name for name in sys.modules if name.startswith('pytorch_metric_learning')]:
        monkeypatch.delitem(sys.modules, name)
    found = sys.meta_path

    class Missing:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name.partition('.')[0] == 'pytorch_metric_learning':
                raise ModuleNotFoundError(f'No module named {name!r}')

    monkeypatch.setattr(sys, 'meta_path', [Missing, *found])
    with pytest.raises(ImportError, match=r"'CircleLoss' is of .*pip install 'reidgen\[pml\]'"):
        build(dict(type='PML', loss='CircleLoss'), LOSSES)
