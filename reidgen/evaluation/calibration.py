"""Calibration of a distance: probability that a pair shows one person, and a threshold."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from reidgen.evaluation.verification import VerificationResult

FMR = 0.01  # false match rate at which a pair is called a match
STEPS = 100  # of Newton's method
CLOSE = 1e-10  # step of both parameters at which it has converged


@dataclass(frozen=True)
class Calibration:
    """Logistic calibration of squared distances, and the threshold at a false match rate.

    Platt scaling ("Probabilistic outputs for support vector machines", 1999) of genuine and
    impostor pairs that weigh alike: the probability is that before which both were equally likely.
    It holds for pairs like those it was measured on.
    """

    slope: float  # of the log-odds in the squared distance, below 0
    intercept: float
    threshold: float  # largest squared distance that is called a match
    fmr: float  # share of impostor pairs within it, at most FMR
    fnmr: float  # share of genuine pairs beyond it
    eer: float  # equal error rate
    num_genuine: int
    num_impostor: int

    def probability(self, distance: float) -> float:
        """Probability in [0, 1] that a pair at this squared distance shows one person."""
        odds = self.slope * distance + self.intercept
        return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0

    def is_match(self, distance: float) -> bool:
        return distance <= self.threshold

    def to_dict(self) -> dict[str, float]:
        """Plain values, as `from_dict` reads them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> 'Calibration':
        """Calibration of plain values.

        Raises:
            ValueError: a value is missing, unknown, or no finite number.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(values, dict) or sorted(values) != sorted(names):
            raise ValueError(f'the calibration is {values!r}; its keys are {", ".join(names)}')
        for name, value in values.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not math.isfinite(value):
                raise ValueError(f'{name} of the calibration is {value!r}, no finite number')
        return cls(**values)


def calibrate(result: VerificationResult, fmr: float = FMR) -> Calibration:
    """Calibration of the distances that a verification has counted.

    Raises:
        ValueError: no threshold has a false match rate as low: so many impostor pairs have
            distance 0.
    """
    threshold = result.threshold_at(fmr)
    found = result.at(threshold)
    slope, intercept = _logistic(result)
    return Calibration(
        slope, intercept, threshold, *found, result.eer, result.num_genuine, result.num_impostor
    )


def _logistic(result: VerificationResult) -> tuple[float, float]:
    """Slope and intercept of the log-odds, by Newton's method on the histogram of distances."""
    weights = [  # of impostor and genuine pairs by distance, each kind 1 in all
        np.diff(share, prepend=0.0) for share in (result.fmr, 1 - result.fnmr)
    ]
    # Platt's targets: without them separable pairs have no finite solution
    targets = 1 / (result.num_impostor + 2), 1 - 1 / (result.num_genuine + 2)
    weight = weights[0] + weights[1]
    target = weights[0] * targets[0] + weights[1] * targets[1]
    kept = weight > 0
    weight, target = weight[kept], target[kept]
    scale = result.thresholds[kept].max() or 1.0
    x = np.stack([result.thresholds[kept] / scale, np.ones(len(weight))])
    found = np.zeros(2)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(found @ x, -500, 500)))
        gradient = x @ (weight * chance - target)
        curvature = (x * weight * chance * (1 - chance)) @ x.T + 1e-12 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        step *= min(1.0, 5 / max(1e-30, np.abs(step).max()))  # damped, for pairs far apart
        found = found - step
        if np.abs(step).max() < CLOSE:
            break
    return float(found[0] / scale), float(found[1])
