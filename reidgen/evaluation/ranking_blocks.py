"""Ranks of all matches, computed in blocks of queries and gallery images."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from reidgen.evaluation.distances import RankingDistances
from reidgen.evaluation.labels import RetrievalLabels, check_finite
from reidgen.evaluation.matches import (
    SameIdentityPairs,
    SameIdentityRows,
    same_identity_pairs,
    same_identity_rows,
)
from reidgen.evaluation.protocols import Protocol
from reidgen.evaluation.ranking import MAX_ROWS, MatchCounter

MAX_PAIRS = 2**18  # of a query and an image of its person, held at a time; a query's stay together
COLUMNS = 4096  # of given distances, counted at a time

DistancesOf = Callable[[Tensor], Tensor]  # (b,) query rows to (b, G), smaller is nearer


class Ranked(NamedTuple):
    """Matches by query, then by rank."""

    query: Tensor  # (M,) int64
    rank: Tensor  # (M,) int64, from 1
    precision: Tensor | None  # (M,) float64 at the threshold of each match, if requested

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """The fields as arrays."""
        precision = None if self.precision is None else self.precision.numpy(force=True)
        return self.query.numpy(force=True), self.rank.numpy(force=True), precision


def rank_features(
    query: Tensor,
    gallery: Tensor,
    query_norms: Tensor,
    gallery_norms: Tensor,
    labels: RetrievalLabels,
    protocol: Protocol,
    block: int,
    at_thresholds: bool,
) -> Ranked:
    """Ranks under squared Euclidean distance in the order of its float64 values.

    Args:
        query_norms: (Q,) float64 squared norms of the rows; `gallery_norms` (G,) likewise.
        at_thresholds: whether to give `precision`.
    """
    kernel = RankingDistances(query, gallery, query_norms, gallery_norms)
    own = same_identity_rows(labels)
    without_pid = labels.gallery_pids == -1
    edges = torch.arange(0, len(gallery) + kernel.tile, kernel.tile, device=gallery.device)
    # queries in the order of their pid: neighbours share images to compare with
    queries = labels.query_pids.argsort(stable=True)
    memory = gallery.new_empty(min(block, MAX_ROWS, len(query)) * min(kernel.tile, len(gallery)))
    ranked = []
    for rows in _blocks(queries, own, block):
        has, pairs = _with_matches(rows, own, labels, protocol)
        if not has.any():
            continue
        rows = rows[has]
        few = query[rows]
        place, position, column, good = pairs

        def exact(at: Tensor, columns: Tensor, rows: Tensor = rows) -> Tensor:
            return kernel.exact(rows[at], columns)

        values = kernel.values_of_pairs(few, place[good], position[good], own.columns)
        counter = MatchCounter(
            place[good], column[good], values, len(rows), kernel.slack(rows), exact
        )
        order = column.argsort()
        place, column = place[order], column[order]
        bounds = torch.searchsorted(column, edges).tolist()
        for tile, (first, last) in enumerate(pairwise(bounds)):
            start = tile * kernel.tile
            table = kernel.values(few, start, memory)
            table[place[first:last], column[first:last] - start] = torch.inf
            table.masked_fill_(without_pid[start : start + kernel.tile], torch.inf)
            counter.add(table, start)
        ranked.append(_ranked(counter, rows, at_thresholds))
    return _by_query(ranked, query.device)


def rank_distances(
    distances_of: DistancesOf,
    labels: RetrievalLabels,
    protocol: Protocol,
    block: int,
    at_thresholds: bool,
) -> Ranked:
    """Ranks under given distances."""
    own = same_identity_rows(labels)
    without_pid = labels.gallery_pids == -1
    shape = len(without_pid)
    queries = torch.arange(len(labels.query_pids), device=without_pid.device)
    ranked = []
    for rows in _blocks(queries, own, block):
        table = distances_of(rows)
        if table.shape != (len(rows), shape):
            raise ValueError(
                f'distances of {len(rows)} queries to {shape} gallery images have shape '
                f'{tuple(table.shape)}; return one row a query, one column a gallery image'
            )
        check_finite(table, 'distance', numbers=rows)
        has, pairs = _with_matches(rows, own, labels, protocol)
        if not has.any():
            continue
        rows, table = rows[has], table if has.all() else table[has]
        place, _, column, good = pairs
        counter = MatchCounter(
            place[good], column[good], table[place[good], column[good]], len(rows)
        )
        order = column.argsort()
        place, column = place[order], column[order]
        edges = torch.arange(0, shape + COLUMNS, COLUMNS, device=column.device)
        bounds = torch.searchsorted(column, edges).tolist()
        for tile, (first, last) in enumerate(pairwise(bounds)):
            start = tile * COLUMNS
            part = table[:, start : start + COLUMNS].masked_fill(
                without_pid[start : start + COLUMNS], torch.inf
            )
            part[place[first:last], column[first:last] - start] = torch.inf
            counter.add(part, start)
        ranked.append(_ranked(counter, rows, at_thresholds))
    return _by_query(ranked, without_pid.device)


def _blocks(queries: Tensor, own: SameIdentityRows, block: int) -> Iterator[Tensor]:
    """Blocks of at most `block` queries that have images of their identity."""
    for rows in queries[own.count[queries] > 0].split(min(block, MAX_ROWS)):
        held = own.count[rows].cumsum(0) // MAX_PAIRS
        sizes = torch.unique_consecutive(held, return_counts=True)[1]
        yield from rows.split(sizes.tolist())


def _with_matches(
    rows: Tensor, own: SameIdentityRows, labels: RetrievalLabels, protocol: Protocol
) -> tuple[Tensor, SameIdentityPairs]:
    """Mask (b,) of the rows with a match, and their pairs."""
    pairs = same_identity_pairs(rows, own, labels, protocol)
    has = torch.bincount(pairs.place[pairs.good], minlength=len(rows)) > 0
    return has, pairs if has.all() else same_identity_pairs(rows[has], own, labels, protocol)


def _ranked(counter: MatchCounter, rows: Tensor, at_thresholds: bool) -> Ranked:
    place, rank = counter.ranks()
    precision = counter.precision_at_thresholds() if at_thresholds else None
    return Ranked(rows[place], rank, precision)


def _by_query(ranked: list[Ranked], device: torch.device) -> Ranked:
    if not ranked:
        none = torch.empty(0, dtype=torch.int64, device=device)
        return Ranked(none, none, none.double())
    query, rank = (torch.cat(each) for each in list(zip(*ranked))[:2])
    order = query.argsort(stable=True)
    precisions = [part.precision for part in ranked if part.precision is not None]
    return Ranked(query[order], rank[order], torch.cat(precisions)[order] if precisions else None)
