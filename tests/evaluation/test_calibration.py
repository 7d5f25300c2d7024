import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from reidgen.evaluation import Calibration, RetrievalLabels, calibrate, verify, verify_distances


def noisy_persons() -> tuple[torch.Tensor, RetrievalLabels]:
    """Sixty features of fifteen persons by four cameras, of unit length."""
    rng = torch.Generator().manual_seed(0)
    pids, camids = torch.arange(60) % 15, torch.arange(60) // 15
    persons = torch.randn(15, 8, generator=rng)
    features = persons[pids] + 0.6 * torch.randn(60, 8, generator=rng)
    labels = RetrievalLabels.of_one_set(pids, camids)
    return torch.nn.functional.normalize(features), labels


def test_score_is_the_logistic_regression_of_all_pairs_of_either_kind_weighing_alike():
    features, labels = noisy_persons()
    found = calibrate(verify(features, features, labels, 'all-vs-all'))
    off = ~torch.eye(60, dtype=torch.bool)
    distances = (torch.cdist(features.double(), features.double()) ** 2)[off].numpy()
    genuine = (labels.query_pids[:, None] == labels.query_pids)[off].numpy()
    # Platt's targets; weights that make each kind one in all
    target = np.where(genuine, 1 - 1 / (genuine.sum() + 2), 1 / ((~genuine).sum() + 2))
    weight = np.where(genuine, 1 / genuine.sum(), 1 / (~genuine).sum())

    def loss(parameters):
        odds = parameters[0] * distances + parameters[1]
        return (weight * (np.logaddexp(0, odds) - target * odds)).sum()

    expected = minimize(loss, [0, 0], tol=1e-12).x
    assert [found.slope, found.intercept] == pytest.approx(expected, rel=1e-3)
    assert found.probability(0.7) == pytest.approx(
        1 / (1 + math.exp(-found.slope * 0.7 - found.intercept))
    )
    # the largest distance within which at most 1 % of the impostor pairs are
    within = (distances[~genuine] <= found.threshold).mean()
    assert found.fmr == pytest.approx(within)
    assert within <= 0.01 < (distances[~genuine] <= found.threshold * 1.01).mean()
    assert found.fnmr == pytest.approx((distances[genuine] > found.threshold).mean())
    assert found.is_match(found.threshold)
    assert not found.is_match(found.threshold * 1.001)


def test_pairs_far_apart_have_a_finite_score():
    pids = torch.arange(16) // 2
    features = torch.eye(8)[pids]
    labels = RetrievalLabels.of_one_set(pids, torch.arange(16) % 2)
    found = calibrate(verify(features, features, labels, 'all-vs-all'))
    # two distances alone: the targets themselves, of 16 genuine and 224 impostor pairs
    assert found.probability(0) == pytest.approx(17 / 18)
    assert found.probability(2) == pytest.approx(1 / 226)
    assert 0 < found.threshold < 2
    assert found.probability(1e9) == 0


def test_distances_that_tell_nothing_have_no_threshold():
    labels = RetrievalLabels([0, 1], [0, 1], [0, 0], [1, 1])
    with pytest.raises(ValueError, match=r'100\.00% of the impostor pairs have distance 0'):
        calibrate(verify_distances(np.zeros((2, 2)), labels))


def test_plain_values_give_the_calibration_back_and_others_are_refused():
    values = calibrate(verify_distances([[0.1, 1], [1, 0.2]], LABELS)).to_dict()
    assert Calibration.from_dict(values).to_dict() == values
    with pytest.raises(ValueError, match='its keys are slope, intercept'):
        Calibration.from_dict({**values, 'colour': 1.0})
    for wrong in ('1', float('nan'), True, None):
        with pytest.raises(ValueError, match=r'threshold of the calibration is .*no finite number'):
            Calibration.from_dict({**values, 'threshold': wrong})


LABELS = RetrievalLabels([0, 1], [0, 1], [0, 0], [1, 1])
