"""Verification scores: ROC, false match and false non-match rates.

FMR is the share of impostor pairs (two persons) that are called a match, FNMR that of genuine
pairs (one person) that are not; a pair is called a match if its distance is at most a threshold
(ISO/IEC 19795-1). All query x gallery pairs count but junk.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reidgen.evaluation.distances import CHUNK, squared_distances, squared_norms
from reidgen.evaluation.features import same_space
from reidgen.evaluation.labels import (
    Array,
    RetrievalLabels,
    as_matrix,
    check_finite,
    fitted_labels,
)
from reidgen.evaluation.matches import check_matches, match_and_junk_masks
from reidgen.evaluation.protocols import Protocol, find_protocol

STEPS = 2**16  # thresholds, at least half as many


@dataclass(frozen=True, eq=False)
class VerificationResult:
    """Verification error rates in [0, 1] at evenly spaced thresholds, exact counts."""

    thresholds: np.ndarray  # (T,) float64, ascending from 0, of squared Euclidean distance
    fmr: np.ndarray  # (T,) float64, never falling
    fnmr: np.ndarray  # (T,) float64, never rising
    num_genuine: int  # pairs
    num_impostor: int
    protocol: str

    def at(self, threshold: float) -> tuple[float, float]:
        """FMR and FNMR at the largest of `thresholds` that is not above `threshold`.

        Raises:
            ValueError: a negative threshold.
        """
        if not threshold >= 0:
            raise ValueError(f'threshold={threshold}: squared distances are never below 0')
        place = int(np.searchsorted(self.thresholds, threshold, side='right')) - 1
        return float(self.fmr[place]), float(self.fnmr[place])

    def fnmr_at(self, fmr: float) -> float:
        """Least FNMR among thresholds with an FMR of at most `fmr`; 1 if there are none.

        Raises:
            ValueError: `fmr` is not in [0, 1].
        """
        if not 0 <= fmr <= 1:
            raise ValueError(f'fmr={fmr} is no share; give one in [0, 1], such as 1e-3')
        place = int(np.searchsorted(self.fmr, fmr, side='right')) - 1
        return float(self.fnmr[place]) if place >= 0 else 1.0

    def threshold_at(self, fmr: float) -> float:
        """Largest of `thresholds` with an FMR of at most `fmr`.

        Raises:
            ValueError: `fmr` is not in [0, 1], or the FMR is above it at distance 0 already.
        """
        if not 0 <= fmr <= 1:
            raise ValueError(f'fmr={fmr} is no share; give one in [0, 1], such as 1e-3')
        place = int(np.searchsorted(self.fmr, fmr, side='right')) - 1
        if place < 0:
            raise ValueError(
                f'{self.fmr[0]:.2%} of the impostor pairs have distance 0, so no threshold has a '
                f'false match rate of {fmr:.2%}: are the features constant, or images there twice?'
            )
        return float(self.thresholds[place])

    @property
    def eer(self) -> float:
        """Equal error rate: mean of FMR and FNMR where they are closest."""
        place = np.abs(self.fmr - self.fnmr).argmin()
        return float(self.fmr[place] + self.fnmr[place]) / 2

    def roc(self) -> tuple[np.ndarray, np.ndarray]:
        """ROC curve: false match rates (T,) and true match rates (T,), 1 - FNMR."""
        return self.fmr, 1 - self.fnmr

    def __str__(self) -> str:
        rates = ', '.join(f'{self.fnmr_at(fmr):.4f} at {fmr:g}' for fmr in (1e-2, 1e-3, 1e-4))
        return (
            f'EER {self.eer:.4f}; FNMR at FMR: {rates}; {self.num_genuine} genuine and '
            f"{self.num_impostor} impostor pairs; protocol '{self.protocol}'"
        )


def verify(
    query_features: Array,
    gallery_features: Array,
    labels: RetrievalLabels,
    protocol: str | Protocol = 'market1501',
    block: int = 256,
) -> VerificationResult:
    """ROC, FMR and FNMR of features; arguments as of `evaluate`.

    Blockwise, into a histogram of distances that are summed in float64 and rounded to float32.

    Raises:
        ValueError: as `evaluate`, or no impostor pair.
    """
    rules = find_protocol(protocol)
    query, gallery = same_space(query_features, gallery_features)
    labels = fitted_labels(labels, len(query), len(gallery), query.device, rules)
    check_finite(query, 'query', labels.query_names)
    check_finite(gallery, 'gallery', labels.gallery_names)
    largest = float(sum(squared_norms(x).max().sqrt() for x in (query, gallery))) ** 2

    def distances(rows: Tensor, columns: slice) -> Tensor:
        return squared_distances(query[rows], gallery[columns])

    return _verify(distances, labels, largest, rules, block)


def verify_distances(
    distances: Array,
    labels: RetrievalLabels,
    protocol: str | Protocol = 'market1501',
    block: int = 256,
) -> VerificationResult:
    """Rates as of `verify` from a matrix (Q, G) of finite distances, none below 0."""
    matrix = as_matrix(distances, 'distance')
    check_finite(matrix, 'distance')
    if matrix.numel() and matrix.min() < 0:
        raise ValueError(f'the smallest distance is {float(matrix.min())}; none may be below 0')
    largest = float(matrix.max()) if matrix.numel() else 0.0
    rules = find_protocol(protocol)
    labels = fitted_labels(labels, len(matrix), matrix.shape[1], matrix.device, rules)
    return _verify(lambda rows, columns: matrix[rows, columns], labels, largest, rules, block)


def _verify(
    distances: Callable[[Tensor, slice], Tensor],
    labels: RetrievalLabels,
    largest: float,
    rules: Protocol,
    block: int,
) -> VerificationResult:
    # a power of two, by which division and multiplication are exact
    width = 2.0 ** math.ceil(math.log2(max(largest, 1e-30) / STEPS))
    num_steps = math.ceil(largest / width) + 2
    counts = torch.zeros(2, num_steps, dtype=torch.int64, device=labels.query_pids.device)
    for rows, columns, good, impostor in _pairs(labels, rules, block):
        steps = (distances(rows, columns).double() / width).ceil().long().clamp(max=num_steps - 1)
        for kind, mask in enumerate((impostor, good)):
            counts[kind] += torch.bincount(steps[mask], minlength=num_steps)
    num_impostor, num_genuine = counts.sum(1).tolist()
    if num_genuine == 0:
        check_matches(labels, rules)
    if num_impostor == 0:
        raise ValueError('no impostor pair: query and gallery show one identity alone')
    matched = counts.cumsum(1).double().cpu().numpy()
    return VerificationResult(
        thresholds=np.arange(num_steps) * width,
        fmr=matched[0] / num_impostor,
        fnmr=1 - matched[1] / num_genuine,
        num_genuine=num_genuine,
        num_impostor=num_impostor,
        protocol=rules.name,
    )


def _pairs(
    labels: RetrievalLabels, protocol: Protocol, block: int
) -> Iterator[tuple[Tensor, slice, Tensor, Tensor]]:
    """Blocks of query rows (b,) and gallery columns, with masks of genuine and impostor pairs."""
    for rows in torch.arange(len(labels.query_pids), device=labels.query_pids.device).split(block):
        good, junk = match_and_junk_masks(rows, labels, protocol)
        for start in range(0, good.shape[1], CHUNK):
            columns = slice(start, start + CHUNK)
            yield rows, columns, good[:, columns], ~(good | junk)[:, columns]
