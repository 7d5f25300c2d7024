"""Retrieval scores by camera pair."""

from dataclasses import dataclass

import numpy as np
import torch

from reidgen.evaluation.distances import squared_norms
from reidgen.evaluation.features import same_space
from reidgen.evaluation.labels import (
    Array,
    RetrievalLabels,
    check_finite,
    fitted_labels,
)
from reidgen.evaluation.protocols import Protocol, find_protocol
from reidgen.evaluation.ranking_blocks import Ranked, rank_features
from reidgen.evaluation.scores import score


@dataclass(frozen=True, eq=False)
class CameraTable:
    """Scores in [0, 1] for each pair of query camera and gallery camera."""

    query_cameras: tuple[int, ...]  # C
    gallery_cameras: tuple[int, ...]  # E
    mAP: np.ndarray  # (C, E) float64, NaN where no query has a match, as within one camera
    rank1: np.ndarray  # (C, E) likewise
    num_queries: np.ndarray  # (C, E) int64, counted
    protocol: str

    def __str__(self) -> str:
        """Table of mAP / rank-1 in per cent; rows are the query cameras, numbered as given."""
        lines = [' ' * 8 + ''.join(f'{f"to {camera}":>16}' for camera in self.gallery_cameras)]
        for camera, *cells in zip(self.query_cameras, self.mAP, self.rank1):
            cells = [
                '-' if np.isnan(first) else f'{100 * first:.2f} / {100 * second:.2f}'
                for first, second in zip(*cells)
            ]
            lines.append(f'{f"from {camera}":8}' + ''.join(f'{cell:>16}' for cell in cells))
        return '\n'.join([*lines, f"mAP / rank-1 in per cent; protocol '{self.protocol}'"])


def evaluate_camera_pairs(
    query_features: Array,
    gallery_features: Array,
    labels: RetrievalLabels,
    protocol: str | Protocol = 'market1501',
    block: int = 256,
) -> CameraTable:
    """mAP and rank-1 for each camera pair, with a gallery of one camera's images only.

    Together it takes as long as one `evaluate`, whose arguments these are.

    Raises:
        ValueError: as `evaluate`, but that queries may be without a match; a protocol of one set;
            labels without cameras.
    """
    rules = find_protocol(protocol)
    if rules.one_set:
        raise ValueError(
            f"protocol '{rules.name}' compares one set with itself, which one camera's images are "
            f'not; use no-camera or market1501'
        )
    query, gallery = same_space(query_features, gallery_features)
    check_finite(query, 'query')
    check_finite(gallery, 'gallery')
    labels = fitted_labels(labels, len(query), len(gallery), query.device, rules)
    query_camids, gallery_camids = labels.cameras()
    cameras = [x.unique().tolist() for x in (query_camids, gallery_camids)]
    table = np.full((2, len(cameras[0]), len(cameras[1])), np.nan)
    num_queries = np.zeros(table.shape[1:], np.int64)
    asked_by = torch.searchsorted(query_camids.new_tensor(cameras[0]), query_camids)
    asked_by = asked_by.numpy(force=True)
    norms = squared_norms(query)
    for column, camera in enumerate(cameras[1]):
        seen = gallery_camids == camera
        images, part = gallery[seen], labels.with_gallery(seen)
        ranked = rank_features(
            query, images, norms, squared_norms(images), part, rules, block, False
        )
        table[..., column], num_queries[:, column] = _by_camera(ranked, asked_by, len(cameras[0]))
    return CameraTable(
        tuple(cameras[0]), tuple(cameras[1]), table[0], table[1], num_queries, rules.name
    )


def _by_camera(
    ranked: Ranked, asked_by: np.ndarray, num_cameras: int
) -> tuple[np.ndarray, np.ndarray]:
    """mAP and rank-1 (2, C) by query camera, and the number of counted queries (C,).

    Args:
        asked_by: (Q,) place of each query's camera.
        num_cameras: C.
    """
    query, rank, precision = ranked.arrays()
    aps, firsts, _ = score(query, rank, len(asked_by), 'standard', precision)
    counted = ~np.isnan(aps)
    number = np.bincount(asked_by[counted], minlength=num_cameras)
    totals = [
        np.bincount(asked_by[counted], values[counted], minlength=num_cameras)
        for values in (aps, firsts == 1)
    ]
    return np.where(number > 0, totals / np.maximum(number, 1), np.nan), number
