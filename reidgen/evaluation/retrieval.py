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

AP_KINDS = ('standard', 'trapezoid')
GALLERY_CHUNK = 4096  # gallery rows held in float64 at a time
Array = Tensor | np.ndarray


@dataclass(frozen=True)
class Protocol:
    """What is junk to a query, besides pid -1, which always is."""

    name: str
    same_camera_is_junk: bool = True  # the query's person by the query's camera
    one_set: bool = False  # query and gallery are the same images: own row is junk


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol('market1501'),
        Protocol('msmt17'),
        Protocol('cuhk03-np'),  # the camera is the view, 0 or 1
        Protocol('no-camera', same_camera_is_junk=False),
        Protocol('all-vs-all', same_camera_is_junk=False, one_set=True),
    )
}


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


class _Labels(NamedTuple):
    query_pids: Tensor  # (Q,) int64
    gallery_pids: Tensor  # (G,) int64
    query_camids: Tensor  # (Q,) int64
    gallery_camids: Tensor  # (G,) int64


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
    query, gallery = _matrix(query_features, 'query'), _matrix(gallery_features, 'gallery')
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f'query features are {tuple(query.shape)} and gallery features '
            f'{tuple(gallery.shape)}: embed both with the same encoder'
        )
    labels = _labels(
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
    _check_finite(query, 'query', names[: len(query)] if names else None)
    _check_finite(gallery, 'gallery', names[-len(gallery) :] if names else None)
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
    matrix = _matrix(distances, 'distance')
    labels = _labels(
        *matrix.shape, matrix.device, query_pids, gallery_pids, query_camids, gallery_camids, rules
    )
    _check_finite(matrix, 'distance', None)
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
    query, gallery = _matrix(query_features, 'query'), _matrix(gallery_features, 'gallery')
    labels = _labels(
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
        good, junk = _good_and_junk(part, labels, rules)
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


def find_protocol(name: str) -> Protocol:
    """The protocol of that name; an unknown one raises ValueError and lists the known."""
    if name not in PROTOCOLS:
        raise ValueError(f'unknown protocol {name!r}; known: {", ".join(PROTOCOLS)}')
    return PROTOCOLS[name]


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
    labels: _Labels,
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
        good, junk = _good_and_junk(rows, labels, protocol)
        order = distances_of(rows).masked_fill(junk, torch.inf).argsort(dim=1, stable=True)
        # sorted by query, then by place; junk stands behind everything and shifts no rank
        query, place = (each.cpu().numpy() for each in good.gather(1, order).nonzero(as_tuple=True))
        scores = _score(query, place + 1, len(rows), ap)
        for kept, new in zip((aps, firsts, inps), scores):
            kept.append(new)
    aps, firsts, inps = (np.concatenate(each) for each in (aps, firsts, inps))  # (Q,) each
    counted = ~np.isnan(aps)
    if not counted.any():
        _raise_no_match(labels, protocol)
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


def _good_and_junk(rows: Tensor, labels: _Labels, protocol: Protocol) -> tuple[Tensor, Tensor]:
    """Two (b, G) bool masks for the queries `rows` (b,): what counts as found, what is left out."""
    same = labels.query_pids[rows, None] == labels.gallery_pids
    junk = (labels.gallery_pids == -1).expand_as(same)
    if protocol.same_camera_is_junk:
        junk = junk | (same & (labels.query_camids[rows, None] == labels.gallery_camids))
    if protocol.one_set:
        junk = junk | (rows[:, None] == torch.arange(same.shape[1], device=rows.device))
    return same & ~junk, junk


def _matrix(values: Array, what: str) -> Tensor:
    matrix = torch.as_tensor(values).detach()
    if matrix.ndim != 2:
        raise ValueError(f'{what} values have shape {tuple(matrix.shape)}; give a matrix')
    return matrix if matrix.is_floating_point() else matrix.double()


def _labels(
    num_query: int,
    num_gallery: int,
    device: torch.device,
    query_pids,
    gallery_pids,
    query_camids,
    gallery_camids,
    protocol: Protocol,
) -> _Labels:
    if num_query == 0 or num_gallery == 0:
        raise ValueError(
            f'{num_query} queries and {num_gallery} gallery images: neither may be '
            f'empty; check the folders and num_query'
        )
    labels = _Labels(
        *(
            torch.as_tensor(each, dtype=torch.int64, device=device)
            for each in (query_pids, gallery_pids, query_camids, gallery_camids)
        )
    )
    for name, values, count in zip(_Labels._fields, labels, (num_query, num_gallery) * 2):
        if values.shape != (count,):
            raise ValueError(f'{name} has shape {tuple(values.shape)}, but there are {count} rows')
    if protocol.one_set and not torch.equal(labels.query_pids, labels.gallery_pids):
        raise ValueError(
            f"protocol '{protocol.name}' compares one set with itself, but the {num_query} queries "
            f'and the {num_gallery} gallery images differ: give the set twice, or use no-camera'
        )
    return labels


def _check_finite(matrix: Tensor, what: str, names: Sequence[str] | None) -> None:
    bad = (~torch.isfinite(matrix).all(dim=1)).nonzero().flatten().tolist()
    if not bad:
        return
    shown = ', '.join(f'{row} ({names[row]})' if names else str(row) for row in bad[:5])
    raise ValueError(
        f'NaN or Inf in {len(bad)} of {len(matrix)} {what} rows: {shown}'
        f'{", ..." if len(bad) > 5 else ""}; if in all of them, training has diverged: go back to '
        f'an earlier checkpoint; if in a few, look at these images'
    )


def _raise_no_match(labels: _Labels, protocol: Protocol) -> None:
    known = labels.gallery_pids[labels.gallery_pids != -1]
    shared = torch.isin(labels.query_pids, known).sum().item()
    hint = 'check that query and gallery number the same people'
    if shared:
        hint = 'but always by the same camera: check the camids, or use no-camera'
        if protocol.one_set:
            hint = 'but every person has a single image'
    raise ValueError(
        f'none of {len(labels.query_pids)} queries has a match among {len(labels.gallery_pids)} '
        f"gallery images under protocol '{protocol.name}'; {shared} share a pid with one; {hint}"
    )
