"""Retrieval as re-ID scores it: junk, CMC, AP and INP. Pure functions, blockwise over the queries.

The protocol is Market-1501's (Zheng et al., ICCV 2015): an image of the query's person by the
query's own camera, or of nobody (pid -1), is junk and leaves the list before anything is counted.
Letters: Q queries, G gallery images, D embedding, R matches of one query.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from reidgen.evaluation.distances import squared_distances, squared_norms
from reidgen.evaluation.labels import (
    Array,
    Labels,
    as_labels,
    as_matrix,
    check_finite,
    check_rows,
    match_and_junk_masks,
    raise_no_match,
)
from reidgen.evaluation.protocols import Protocol, find_protocol
from reidgen.evaluation.ranking_blocks import DistancesOf, Ranked, rank_distances, rank_features
from reidgen.evaluation.scores import AP_KINDS, RetrievalResult, score


class RankedRows(NamedTuple):
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
    protocol: str | Protocol = 'market1501',
    ap: str = 'standard',
    max_rank: int = 50,
    block: int = 256,
    names: Sequence[str] | None = None,
) -> RetrievalResult:
    """mAP, CMC and mINP of features under squared Euclidean distance.

    Features are compared as they are, never normalised here; on L2-normalised rows the ranking is
    the cosine's. It is that of distances summed in float64, whatever `block`, at the speed of
    a float32 product whose rounding is measured and allowed for (see `products.Products`). Ties are
    broken by gallery order, and equal gallery rows tie. Memory beyond the features
    grows with `block`, hardly with G.

    Args:
        query_features: (Q, D), finite; under 'all-vs-all' the one set, given twice.
        gallery_features: (G, D), finite, on the same device.
        query_pids: (Q,) integers, like the other three: (G,), (Q,), (G,). Only -1 is special among
            pids: pid 0 is compared like any other.
        protocol: a name in `PROTOCOLS`, or a protocol of your own.
        ap: 'standard', (1/R) sum i/rank_i; 'trapezoid', where the mean of i/rank_i and
            (i-1)/(rank_i-1) (1 at rank 1) stands for i/rank_i, as in Market-1501's first code; it
            is the lower on mixed lists; 'threshold', where it is the precision of all images no
            farther than match i, as in scikit-learn and GCL: 'standard' but for ties.
        max_rank: length of `cmc`.
        block: queries ranked at a time.
        names: of the queries, then of the gallery ('all-vs-all': of the set), to name the images
            whose features are not finite.

    Raises:
        ValueError: an unknown protocol or ap; shapes that do not fit; NaN or Inf among the
            features; no query, no gallery, or no query with a match.
    """
    rules = find_protocol(protocol)
    _check_options(ap, max_rank, block)
    query, gallery = as_matrix(query_features, 'query'), as_matrix(gallery_features, 'gallery')
    if query.shape[1] != gallery.shape[1] or query.dtype != gallery.dtype:
        raise ValueError(
            f'query features are {tuple(query.shape)} {query.dtype} and gallery features '
            f'{tuple(gallery.shape)} {gallery.dtype}: embed both with the same encoder'
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
    norms = squared_norms(query), squared_norms(gallery)
    largest = torch.finfo(query.dtype).max
    check_rows(norms[0] <= largest, 'query', names[: len(query)] if names else None)
    check_rows(norms[1] <= largest, 'gallery', names[-len(gallery) :] if names else None)
    ranked = rank_features(query, gallery, *norms, labels, rules, block, ap == 'threshold')
    return _result(ranked, labels, rules, ap, max_rank)


def evaluate_distances(
    distances: Array,
    query_pids,
    gallery_pids,
    query_camids,
    gallery_camids,
    protocol: str | Protocol = 'market1501',
    ap: str = 'standard',
    max_rank: int = 50,
    block: int = 256,
) -> RetrievalResult:
    """`evaluate` from a (Q, G) matrix of finite distances, smaller is nearer, of any range."""
    matrix = as_matrix(distances, 'distance')
    check_finite(matrix, 'distance')
    return evaluate_blocks(
        lambda rows: matrix[rows],
        query_pids,
        gallery_pids,
        query_camids,
        gallery_camids,
        protocol=protocol,
        ap=ap,
        max_rank=max_rank,
        block=block,
        shape=tuple(matrix.shape),
        device=matrix.device,
    )


def evaluate_blocks(
    distances_of: DistancesOf,
    query_pids,
    gallery_pids,
    query_camids,
    gallery_camids,
    protocol: str | Protocol = 'market1501',
    ap: str = 'standard',
    max_rank: int = 50,
    block: int = 256,
    shape: tuple[int, int] | None = None,
    device: torch.device | str | None = None,
) -> RetrievalResult:
    """`evaluate` from distances that are made when they are needed: re-ranked ones, for instance.

    Args:
        distances_of: from (b,) ascending rows of queries to their (b, G) finite floating-point
            distances on `device`, smaller is nearer; called once for every query that has images
            of its person in the gallery, `block` of them at a time. What it returns is read only.
        shape: (Q, G) of the distances, checked against the labels; None: as the labels are.
        device: of the distances; None: what `distances_of.device` says, else the CPU.
    """
    device = device or getattr(distances_of, 'device', 'cpu')
    rules = find_protocol(protocol)
    _check_options(ap, max_rank, block)
    labels = as_labels(
        *(shape or (len(query_pids), len(gallery_pids))),
        torch.device(device),
        query_pids,
        gallery_pids,
        query_camids,
        gallery_camids,
        rules,
    )
    ranked = rank_distances(distances_of, labels, rules, block, ap == 'threshold')
    return _result(ranked, labels, rules, ap, max_rank)


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
) -> list[RankedRows]:
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
        good, junk = match_and_junk_masks(part, labels, rules)
        order = distances.argsort(dim=1, stable=True)[:, :top]  # (b, top)
        kinds = (good.long() + 2 * junk.long()).gather(1, order)  # miss, match, junk
        for row, columns, kind, distance in zip(
            part.tolist(),
            order.cpu().numpy(),
            kinds.tolist(),
            distances.gather(1, order).cpu().numpy(),
        ):
            flags = tuple(('miss', 'match', 'junk')[one] for one in kind)
            lists.append(RankedRows(row, columns, distance, flags))
    return lists


def _check_options(ap: str, max_rank: int, block: int) -> None:
    if ap not in AP_KINDS:
        raise ValueError(f'unknown ap {ap!r}; known: {", ".join(AP_KINDS)}')
    if max_rank < 1 or block < 1:
        raise ValueError(f'max_rank={max_rank} and block={block} must be at least 1')


def _result(
    ranked: Ranked, labels: Labels, protocol: Protocol, ap: str, max_rank: int
) -> RetrievalResult:
    num_queries = len(labels.query_pids)
    query, rank, precision = (None if each is None else each.cpu().numpy() for each in ranked)
    if len(query) == 0:
        raise_no_match(labels, protocol)
    aps, firsts, inps = score(query, rank, num_queries, ap, precision)  # (Q,) each
    counted = ~np.isnan(aps)
    found_at = np.bincount(firsts[counted].astype(np.int64), minlength=max_rank + 1)
    return RetrievalResult(
        mAP=float(aps[counted].mean()),
        cmc=found_at[1 : max_rank + 1].cumsum() / counted.sum(),
        mINP=float(inps[counted].mean()),
        ap=aps,
        first_match=firsts,
        num_queries=int(counted.sum()),
        num_skipped=int(num_queries - counted.sum()),
        protocol=protocol.name,
        ap_kind=ap,
        description=protocol.description,
    )
