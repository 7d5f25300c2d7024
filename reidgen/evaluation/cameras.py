"""Scores by the camera of the query and the camera of the gallery."""

from dataclasses import dataclass

import numpy as np
import torch

from reidgen.evaluation.distances import squared_norms
from reidgen.evaluation.labels import Array, as_labels, as_matrix, check_finite
from reidgen.evaluation.protocols import Protocol, find_protocol
from reidgen.evaluation.ranking_blocks import rank_features
from reidgen.evaluation.scores import score


@dataclass(frozen=True, eq=False)
class CameraTable:
    """Scores in [0, 1] of queries by one camera in the gallery images of another."""

    query_cameras: tuple[int, ...]  # C
    gallery_cameras: tuple[int, ...]  # E
    mAP: np.ndarray  # (C, E) float64, NaN where no query has a match, as within one camera
    rank1: np.ndarray  # (C, E) likewise
    num_queries: np.ndarray  # (C, E) int64, counted
    protocol: str

    def __str__(self) -> str:
        """mAP / rank-1 in per cent; rows are the queries' cameras, numbered as given."""
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
    query_pids,
    gallery_pids,
    query_camids,
    gallery_camids,
    protocol: str | Protocol = 'market1501',
    ap: str = 'standard',
    block: int = 256,
) -> CameraTable:
    """mAP and rank-1 for each pair of cameras: the gallery holds one camera's images alone.

    Together it takes as long as one `evaluate`, whose arguments these are.

    Raises:
        ValueError: as `evaluate`, but that queries may be without a match; a protocol of one set.
    """
    rules = find_protocol(protocol)
    if rules.one_set:
        raise ValueError(
            f"protocol '{rules.name}' compares one set with itself, which one camera's images are "
            f'not; use no-camera or market1501'
        )
    query, gallery = as_matrix(query_features, 'query'), as_matrix(gallery_features, 'gallery')
    check_finite(query, 'query')
    check_finite(gallery, 'gallery')
    labels = as_labels(
        len(query),
        len(gallery),
        query.device,
        query_pids,
        gallery_pids,
        query_camids,
        gallery_camids,
        rules,
    )
    cameras = [x.unique().tolist() for x in (labels.query_camids, labels.gallery_camids)]
    table = np.full((2, len(cameras[0]), len(cameras[1])), np.nan)
    num_queries = np.zeros(table.shape[1:], np.int64)
    query_norms = squared_norms(query)
    of_query = torch.searchsorted(
        labels.query_camids.new_tensor(cameras[0]), labels.query_camids
    ).numpy(force=True)
    for column, camera in enumerate(cameras[1]):
        seen = labels.gallery_camids == camera
        images = gallery[seen]
        part = labels._replace(
            gallery_pids=labels.gallery_pids[seen], gallery_camids=labels.gallery_camids[seen]
        )
        ranked = rank_features(
            query, images, query_norms, squared_norms(images), part, rules, block, ap == 'threshold'
        )
        arrays = (None if each is None else each.numpy(force=True) for each in ranked)
        found, rank, precision = arrays
        aps, firsts, _ = score(found, rank, len(query), ap, precision)
        counted = ~np.isnan(aps)
        number = np.bincount(of_query[counted], minlength=len(table[0]))
        has = number > 0
        for kind, values in enumerate((aps, firsts == 1)):
            total = np.bincount(of_query[counted], values[counted], minlength=len(table[0]))
            table[kind, has, column] = total[has] / number[has]
        num_queries[:, column] = number
    return CameraTable(*(tuple(x) for x in cameras), *table, num_queries, rules.name)
