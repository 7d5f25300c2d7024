"""Identification scores: CMC, AP and INP of ranked galleries, blockwise over the queries.

The protocol is Market-1501's (Zheng et al., ICCV 2015): an image of the query's person by the
query's own camera, or of no identity (pid -1), is junk and leaves the list before anything is
counted. Letters: Q queries, G gallery images, D embedding, R matches of one query.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from reidgen.evaluation.distances import squared_distances, squared_norms
from reidgen.evaluation.features import same_space
from reidgen.evaluation.labels import (
    Array,
    RetrievalLabels,
    as_matrix,
    check_finite,
    check_protocol,
    fitted_labels,
)
from reidgen.evaluation.matches import check_matches, match_and_junk_masks
from reidgen.evaluation.protocols import Protocol, find_protocol
from reidgen.evaluation.ranking_blocks import DistancesOf, Ranked, rank_distances, rank_features
from reidgen.evaluation.scores import AP_KINDS, RetrievalResult, score


class RankedRows(NamedTuple):
    """Top gallery rows of a query, junk kept and flagged."""

    query: int  # row among the queries
    gallery: np.ndarray  # (top,) int64 rows of the gallery, nearest first
    distances: np.ndarray  # (top,) squared Euclidean
    flags: tuple[str, ...]  # 'match', 'miss' or 'junk', one for each


def evaluate(
    query_features: Array,
    gallery_features: Array,
    labels: RetrievalLabels,
    protocol: str | Protocol = 'market1501',
    ap: str = 'standard',
    max_rank: int = 50,
    block: int = 256,
) -> RetrievalResult:
    """mAP, CMC and mINP of features under squared Euclidean distance.

    Features are compared as they are, never normalised here; on L2-normalised rows the ranking is
    the cosine's. It is that of distances summed in float64, whatever `block`, at the speed of
    a float32 product whose rounding is measured and allowed for (see
    `distances.RankingDistances`). Ties are broken by gallery order, and equal gallery rows tie.
    Memory beyond the features grows with `block`, hardly with G.

    Args:
        query_features: (Q, D), finite; under 'all-vs-all' the one set, given twice.
        gallery_features: (G, D), finite, on the same device.
        labels: of Q queries and G gallery images; their names, if there, stand in errors.
        protocol: a name in `PROTOCOLS`, or a protocol of your own.
        ap: 'standard', (1/R) sum i/rank_i; 'trapezoid', where the mean of i/rank_i and
            (i-1)/(rank_i-1) (1 at rank 1) stands for i/rank_i, as in Market-1501's first code; it
            is the lower on mixed lists; 'threshold', where it is the precision of all images no
            farther than match i, as in scikit-learn and GCL: 'standard' but for ties.
        max_rank: length of `cmc`.
        block: queries ranked at a time.

    Raises:
        TypeError: labels that are no RetrievalLabels, or features that are no real numbers.
        ValueError: an unknown protocol or ap; shapes that do not fit; NaN or Inf among the
            features, or rows so long that distances overflow; cameras that the protocol needs are
            missing; no query, no gallery, or no query with a match.
    """
    rules = find_protocol(protocol)
    _check_options(ap, max_rank, block)
    query, gallery = same_space(query_features, gallery_features)
    labels = fitted_labels(labels, len(query), len(gallery), query.device, rules)
    norms = squared_norms(query), squared_norms(gallery)
    _check_lengths(query, norms[0], 'query', labels.query_names)
    _check_lengths(gallery, norms[1], 'gallery', labels.gallery_names)
    ranked = rank_features(query, gallery, *norms, labels, rules, block, ap == 'threshold')
    return _result(ranked, labels, rules, ap, max_rank)


def _check_lengths(rows: Tensor, norms: Tensor, what: str, names: Sequence[str] | None) -> None:
    """Raises ValueError for a row that is not finite, or too long for distances in its dtype.

    Args:
        norms: (N,) squared norms of the rows.
    """
    within = norms <= torch.finfo(rows.dtype).max  # False for NaN
    if within.all():
        return
    check_finite(rows, what, names)
    row = int((~within).nonzero()[0])
    raise ValueError(
        f'{what} row {row}{f" ({names[row]})" if names else ""} is finite, but of length '
        f'{rows[row].double().norm():.3g}, whose square {str(rows.dtype).removeprefix("torch.")} '
        f'does not hold: L2-normalise the features, or divide both sets by one number'
    )


def evaluate_distances(
    distances: Array,
    labels: RetrievalLabels,
    protocol: str | Protocol = 'market1501',
    ap: str = 'standard',
    max_rank: int = 50,
    block: int = 256,
) -> RetrievalResult:
    """Scores as of `evaluate` from a matrix (Q, G) of finite distances, smaller is nearer."""
    matrix = as_matrix(distances, 'distance')
    check_finite(matrix, 'distance')
    num_query, num_gallery = matrix.shape
    rules = find_protocol(protocol)
    labels = fitted_labels(labels, num_query, num_gallery, matrix.device, rules)
    return evaluate_blocks(
        lambda rows: matrix[rows], labels, rules, ap, max_rank, block, matrix.device
    )


def evaluate_blocks(
    distances_of: DistancesOf,
    labels: RetrievalLabels,
    protocol: str | Protocol = 'market1501',
    ap: str = 'standard',
    max_rank: int = 50,
    block: int = 256,
    device: torch.device | str | None = None,
) -> RetrievalResult:
    """Scores as of `evaluate` from blocks of distances computed on demand, such as re-ranked ones.

    Args:
        distances_of: from (b,) ascending rows of queries to their (b, G) finite floating-point
            distances on `device`, smaller is nearer; called once for every query that has images
            of its person in the gallery, `block` of them at a time. What it returns is read only.
        labels: of the Q queries and G gallery images.
        device: of the distances; None: `distances_of.device`, else the CPU.
    """
    rules = find_protocol(protocol)
    _check_options(ap, max_rank, block)
    check_protocol(labels, rules)
    labels = labels.to(getattr(distances_of, 'device', 'cpu') if device is None else device)
    ranked = rank_distances(distances_of, labels, rules, block, ap == 'threshold')
    return _result(ranked, labels, rules, ap, max_rank)


def ranked_lists(
    query_features: Array,
    gallery_features: Array,
    labels: RetrievalLabels,
    protocol: str | Protocol = 'market1501',
    top: int = 10,
    rows: Sequence[int] | None = None,
    block: int = 256,
) -> list[RankedRows]:
    """Top `top` gallery images of chosen queries, for drawing; arguments as in `evaluate`.

    Args:
        rows: of the queries, in the order of the result; None takes all.

    Raises:
        ValueError: as `evaluate`, or a row that is no query; but queries may be without a match.
    """
    rules = find_protocol(protocol)
    query, gallery = same_space(query_features, gallery_features)
    labels = fitted_labels(labels, len(query), len(gallery), query.device, rules)
    check_finite(query, 'query', labels.query_names)
    check_finite(gallery, 'gallery', labels.gallery_names)
    rows = range(len(query)) if rows is None else rows
    outside = [row for row in rows if not 0 <= row < len(query)]
    if outside:
        raise ValueError(f'rows {outside[:5]} are not among the {len(query)} queries')
    lists = []
    for part in torch.tensor(list(rows), dtype=torch.int64, device=query.device).split(block):
        lists += flagged_lists(squared_distances(query[part], gallery), part, labels, rules, top)
    return lists


def flagged_lists(
    distances: Tensor, rows: Tensor, labels: RetrievalLabels, protocol: Protocol, top: int
) -> list[RankedRows]:
    """Top `top` gallery images of the queries `rows` (b,), from their distances (b, G)."""
    good, junk = match_and_junk_masks(rows, labels, protocol)
    order = nearest(distances, top)  # (b, top)
    kinds = (good.long() + 2 * junk.long()).gather(1, order).tolist()
    flags = [tuple(('miss', 'match', 'junk')[one] for one in kind) for kind in kinds]
    values = distances.gather(1, order).numpy(force=True)
    return list(map(RankedRows, rows.tolist(), order.numpy(force=True), values, flags))


def nearest(distances: Tensor, top: int) -> Tensor:
    """Columns (b, top) of the smallest distances (b, G), rising; of equal ones the first comes
    first, as by a stable sort of whole rows. `top` may exceed G, and G columns come then."""
    top = min(top, distances.shape[1])
    limit = distances.topk(top, largest=False).values[:, -1:]
    row, column = (distances <= limit).nonzero(as_tuple=True)  # more than `top` where values tie
    count = torch.bincount(row, minlength=len(distances))
    place = torch.arange(len(row), device=row.device) - (count.cumsum(0) - count)[row]
    near = distances.new_full((len(distances), int(count.max())), torch.inf)
    near[row, place] = distances[row, column]
    columns = column.new_zeros(near.shape)
    columns[row, place] = column
    return columns.gather(1, near.argsort(dim=1, stable=True)[:, :top])


def _check_options(ap: str, max_rank: int, block: int) -> None:
    if ap not in AP_KINDS:
        raise ValueError(f'unknown ap {ap!r}; known: {", ".join(AP_KINDS)}')
    if max_rank < 1 or block < 1:
        raise ValueError(f'max_rank={max_rank} and block={block} must be at least 1')


def _result(
    ranked: Ranked, labels: RetrievalLabels, protocol: Protocol, ap: str, max_rank: int
) -> RetrievalResult:
    num_queries = labels.num_query
    query, rank, precision = ranked.arrays()
    if len(query) == 0:
        check_matches(labels, protocol)
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
