"""Retrieval as re-ID scores it: junk, CMC, AP and INP. Pure functions, blockwise over the queries.

The protocol is Market-1501's (Zheng et al., ICCV 2015): an image of the query's person by the
query's own camera, or of nobody (pid -1), is junk and leaves the list before anything is counted.
Letters: Q queries, G gallery images, D embedding, R matches of one query.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from reidgen.evaluation.labels import (
    Array,
    Labels,
    as_labels,
    as_matrix,
    check_finite,
    good_and_junk,
    raise_no_match,
)
from reidgen.evaluation.protocols import Protocol, find_protocol

AP_KINDS = ('standard', 'trapezoid')
GALLERY_CHUNK = 4096  # gallery rows held in float64 at a time


@dataclass(frozen=True, eq=False)
class RetrievalResult:
    """Scores over the counted queries, those with at least one match; all in [0, 1]."""

    mAP: float
    cmc: np.ndarray  # (max_rank,) float64, rank 1 first; constant beyond the end of the gallery
    mINP: float  # mean of R / rank of the last match (Ye et al., TPAMI 2021)
    ap: np.ndarray  # (Q,) float64, NaN where the query was skipped
    num_queries: int  # counted
    num_skipped: int  # without a match: in no mean
    protocol: str

    def summary(self, ranks: Sequence[int] = (1, 5, 10)) -> dict[str, float]:
        """mAP, rank1, rank5, ... and mINP as fractions.

        Raises:
            ValueError: a rank is not between 1 and `max_rank`.
        """
        outside = [rank for rank in ranks if not 1 <= rank <= len(self.cmc)]
        if outside:
            raise ValueError(
                f'ranks {outside} are not within 1..{len(self.cmc)}; '
                f'evaluate with max_rank={max(ranks)} or ask for other ranks'
            )
        return {
            'mAP': self.mAP,
            **{f'rank{rank}': float(self.cmc[rank - 1]) for rank in ranks},
            'mINP': self.mINP,
        }


class RankedList(NamedTuple):
    """The head of one query's list as the eye sees it: junk is kept, and flagged."""

    query: int  # row among the queries
    gallery: np.ndarray  # (top,) int64 rows of the gallery, nearest first
    distances: np.ndarray  # (top,) squared Euclidean
    flags: tuple[str, ...]  # 'match', 'miss' or 'junk', one for each


def evaluate(
    query_features: Array,
    gallery_features: Array,
    query_pids,
    gallery_pids,
    query_camids,
    gallery_camids,
    protocol: str = 'market1501',
    ap: str = 'standard',
    max_rank: int = 50,
    block: int = 256,
    names: Sequence[str] | None = None,
) -> RetrievalResult:
    """mAP, CMC and mINP of features under squared Euclidean distance.

    Features are compared as they are, never normalised here; on L2-normalised rows the ranking is
    the cosine's. Ties are broken by gallery order. The result does not depend on `block`.

    Args:
        query_features: (Q, D), finite; under 'all-vs-all' the one set, given twice.
        gallery_features: (G, D), finite, on the same device.
        query_pids: (Q,) integers, like the other three: (G,), (Q,), (G,). Only -1 is special among
            pids: pid 0 is compared like any other.
        protocol: a name in `PROTOCOLS`.
        ap: 'standard', (1/R) sum i/rank_i, or 'trapezoid', where the mean of i/rank_i and
            (i-1)/(rank_i-1) (1 at rank 1) stands for i/rank_i, as in Market-1501's first code; it
            is the lower on mixed lists.
        max_rank: length of `cmc`.
        block: queries ranked at a time; (block, G) is the largest array made.
        names: of the queries, then of the gallery ('all-vs-all': of the set), to name the images
            whose features are not finite.

    Raises:
        ValueError: an unknown protocol or ap; shapes that do not fit; NaN or Inf among the
            features; no query, no gallery, or no query with a match.
    """
    rules = find_protocol(protocol)
    query, gallery = as_matrix(query_features, 'query'), as_matrix(gallery_features, 'gallery')
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f'query features are {tuple(query.shape)} and gallery features '
            f'{tuple(gallery.shape)}: embed both with the same encoder'
        )
    labels = as_labels(
        query.shape[0],
        gallery.shape[0],
        query.device,
        query_pids,
        gallery_pids,
        query_camids,
        gallery_camids,
        rules,
    )
    if names is not None and len(names) != len(query) + len(gallery) * (not rules.one_set):
        raise ValueError(
            f'{len(names)} names for {len(query)} queries and {len(gallery)} gallery '
            f'images: give one each'
        )
    check_finite(query, 'query', names[: len(query)] if names else None)
    check_finite(gallery, 'gallery', names[-len(gallery) :] if names else None)
    return _evaluate(
        lambda rows: squared_distances(query[rows], gallery), labels, rules, ap, max_rank, block
    )


def evaluate_distances(
    distances: Array,
    query_pids,
    gallery_pids,
    query_camids,
    gallery_camids,
    protocol: str = 'market1501',
    ap: str = 'standard',
    max_rank: int = 50,
    block: int = 256,
) -> RetrievalResult:
    """`evaluate` from a (Q, G) matrix of finite distances, smaller is nearer, of any range."""
    rules = find_protocol(protocol)
    matrix = as_matrix(distances, 'distance')
    labels = as_labels(
        *matrix.shape, matrix.device, query_pids, gallery_pids, query_camids, gallery_camids, rules
    )
    check_finite(matrix, 'distance', None)
    return _evaluate(lambda rows: matrix[rows], labels, rules, ap, max_rank, block)


def ranked_lists(
    query_features: Array,
    gallery_features: Array,
    query_pids,
    gallery_pids,
    query_camids,
    gallery_camids,
    protocol: str = 'market1501',
    top: int = 10,
    rows: Sequence[int] | None = None,
    block: int = 256,
) -> list[RankedList]:
    """The first `top` gallery images of chosen queries, for drawing; arguments as in `evaluate`.

    Args:
        rows: of the queries, in the order wanted; None takes all.

    Raises:
        ValueError: as `evaluate`, or a row that is no query; but queries may be without a match.
    """
    rules = find_protocol(protocol)
    query, gallery = as_matrix(query_features, 'query'), as_matrix(gallery_features, 'gallery')
    labels = as_labels(
        query.shape[0],
        gallery.shape[0],
        query.device,
        query_pids,
        gallery_pids,
        query_camids,
        gallery_camids,
        rules,
    )
    rows = range(len(query)) if rows is None else rows
    outside = [row for row in rows if not 0 <= row < len(query)]
    if outside:
        raise ValueError(f'rows {outside[:5]} are not among the {len(query)} queries')
    lists = []
    for part in torch.tensor(list(rows), dtype=torch.int64, device=query.device).split(block):
        distances = squared_distances(query[part], gallery)
        good, junk = good_and_junk(part, labels, rules)
        order = distances.argsort(dim=1, stable=True)[:, :top]  # (b, top)
        kinds = (good.long() + 2 * junk.long()).gather(1, order)  # miss, match, junk
        for row, columns, kind, distance in zip(
            part.tolist(),
            order.cpu().numpy(),
            kinds.tolist(),
            distances.gather(1, order).cpu().numpy(),
        ):
            flags = tuple(('miss', 'match', 'junk')[one] for one in kind)
            lists.append(RankedList(row, columns, distance, flags))
    return lists


def squared_distances(query: Tensor, gallery: Tensor) -> Tensor:
    """(Q, D) and (G, D) to (Q, G) float32 squared Euclidean distances, none below 0.

    Summed in float64 and rounded once: equal gallery rows tie, and a value does not depend on the
    rows beside it. A float32 product gives neither: its order of summation changes with the shape.
    """
    left = query.double()
    left_norms = left.square().sum(1, keepdim=True)  # (Q, 1)
    columns = []
    for piece in gallery.split(GALLERY_CHUNK):
        right = piece.double()
        squared = left_norms + right.square().sum(1) - 2 * left @ right.t()  # (Q, chunk)
        columns.append(squared.clamp(min=0).float())
    return torch.cat(columns, dim=1)


def _evaluate(
    distances_of: Callable[[Tensor], Tensor],
    labels: Labels,
    protocol: Protocol,
    ap: str,
    max_rank: int,
    block: int,
) -> RetrievalResult:
    if ap not in AP_KINDS:
        raise ValueError(f'unknown ap {ap!r}; known: {", ".join(AP_KINDS)}')
    if max_rank < 1 or block < 1:
        raise ValueError(f'max_rank={max_rank} and block={block} must be at least 1')
    num_queries = len(labels.query_pids)
    aps, firsts, inps = [], [], []
    for rows in torch.arange(num_queries, device=labels.query_pids.device).split(block):
        good, junk = good_and_junk(rows, labels, protocol)
        order = distances_of(rows).masked_fill(junk, torch.inf).argsort(dim=1, stable=True)
        # sorted by query, then by place; junk stands behind everything and shifts no rank
        query, place = (each.cpu().numpy() for each in good.gather(1, order).nonzero(as_tuple=True))
        scores = _score(query, place + 1, len(rows), ap)
        for kept, new in zip((aps, firsts, inps), scores):
            kept.append(new)
    aps, firsts, inps = (np.concatenate(each) for each in (aps, firsts, inps))  # (Q,) each
    counted = ~np.isnan(aps)
    if not counted.any():
        raise_no_match(labels, protocol)
    found_at = np.bincount(firsts[counted].astype(np.int64), minlength=max_rank + 1)[
        1 : max_rank + 1
    ]
    return RetrievalResult(
        mAP=float(aps[counted].mean()),
        cmc=found_at.cumsum() / counted.sum(),
        mINP=float(inps[counted].mean()),
        ap=aps,
        num_queries=int(counted.sum()),
        num_skipped=int(num_queries - counted.sum()),
        protocol=protocol.name,
    )


def _score(
    query: np.ndarray, rank: np.ndarray, num_queries: int, ap: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """AP, rank of the first match and INP of each query, (Q,) each; NaN without a match.

    Args:
        query: (M,) the query of each match, ascending.
        rank: (M,) its rank from 1, ascending within a query.
    """
    num_matches = np.bincount(query, minlength=num_queries)  # (Q,) R of each
    start = num_matches.cumsum() - num_matches
    found = np.arange(len(query)) - start[query] + 1  # i of i / rank_i
    precision = found / rank
    if ap == 'trapezoid':
        before = np.where(rank == 1, 1.0, (found - 1) / np.maximum(rank - 1, 1))
        precision = (before + precision) / 2
    scores = np.full((3, num_queries), np.nan)
    has = num_matches > 0
    scores[0, has] = np.bincount(query, precision, num_queries)[has] / num_matches[has]
    scores[1, has] = rank[start[has]]
    scores[2, has] = num_matches[has] / rank[start[has] + num_matches[has] - 1]
    return tuple(scores)
