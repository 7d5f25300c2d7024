"""Ranks of the matches by counting nearer images, without sorting.

AP, CMC and INP need nothing but the ranks of a query's few matches, and the rank of a match is one
more than the number of gallery images before it. Distances come in tiles, are sorted into bins
between the query's nearest and farthest match, and only those that share a bin with a match are
compared with it one by one. Letters: b queries, g gallery images of a tile, M matches of all b.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

BINS = 1024  # of a query's distances; the first and the last lie outside those of its matches
MAX_ROWS = 4096  # queries of a counter: their bins are numbered in float32, exact below 2 ** 24

Exact = Callable[[Tensor, Tensor], Tensor]  # places (n,) and gallery rows (n,) to distances (n,)


def _needed_with_slack(place: Tensor, column: Tensor) -> Tensor:
    raise TypeError('MatchCounter(slack=...) needs exact=..., the float64 distances of pairs')


class MatchCounter:
    """Counter of the gallery images nearer than each match of b queries.

    Nearer is before; at equal distance, the gallery's order decides. Images of the query's own
    person, matches and junk, must be given as infinitely far, so that others alone are counted.

    Args:
        place: (M,) int64 row among the b queries, each of which has at least one match.
        column: (M,) int64 gallery row of the match.
        value: (M,) floating-point distance, in any monotone scale that may differ by query.
        num_rows: b, at most MAX_ROWS.
        slack: (b,); distances nearer to one another than that are not told apart by value but by
            `exact`. None: the values are exact themselves.
        exact: float64 distances of pairs; needed with `slack`.
    """

    def __init__(
        self,
        place: Tensor,
        column: Tensor,
        value: Tensor,
        num_rows: int,
        slack: Tensor | None = None,
        exact: Exact = _needed_with_slack,
    ):
        order = value.argsort(stable=True)
        order = order[place[order].argsort(stable=True)]
        self.place, self.column, self.value = place[order], column[order], value[order]
        self.slack, self.exact = slack, exact
        self.settled = self.value.double()  # exact distances, where `known`
        self.known = torch.full_like(self.place, slack is None, dtype=torch.bool)
        self.before = torch.zeros_like(self.place)  # compared one by one and found before
        self.tied = torch.zeros_like(self.place)  # of equal distance, but later in the gallery
        stop = torch.bincount(self.place, minlength=num_rows).cumsum(0)
        self.start = torch.cat([stop.new_zeros(1), stop[:-1]])  # (b,) of a query's matches
        self._make_bins(stop, num_rows)

    def _make_bins(self, stop: Tensor, num_rows: int) -> None:
        margin = 0 if self.slack is None else self.slack[self.place]
        low, high = self.value - margin, self.value + margin
        nearest, farthest = low[self.start], high[stop - 1]  # (b,)
        limits = torch.finfo(self.value.dtype)
        width = torch.maximum(
            (farthest - nearest) / (BINS - 3),
            (8 * limits.eps * torch.maximum(nearest.abs(), farthest.abs())).clamp(min=1e-30),
        )
        self.nearest, self.per_width = nearest[:, None], (1 / width)[:, None]
        rows = torch.arange(num_rows, device=self.place.device)
        self.offset = (rows * BINS).to(self.value.dtype)[:, None]

        first = self._bin(low[:, None], self.place).flatten()
        last = self._bin(high[:, None], self.place).flatten()
        begun = torch.bincount(first, minlength=num_rows * BINS).view(-1, BINS).cumsum(1)
        ends = torch.bincount(last, minlength=num_rows * BINS).view(-1, BINS)
        ended = ends.cumsum(1) - ends
        # a bucket holds what lies before match number `begun` and after the one before it; a query
        # has one more than matches. Odd ones tell that matches `ended` to `begun` share the bin
        bucket = begun + (self.start + rows)[:, None]
        self.bucket = (2 * bucket + (ended < begun)).flatten()
        self.ended = (ended + self.start[:, None]).flatten()
        self.counts = self.bucket.new_zeros(2 * (len(self.place) + num_rows))

    def _bin(self, values: Tensor, rows: Tensor | slice = slice(None)) -> Tensor:
        """Bins of values (n, g), numbered over all queries; each step is monotone in the value."""
        scaled = values - self.nearest[rows]
        scaled.mul_(self.per_width[rows]).add_(1).clamp_(0, BINS - 1).add_(self.offset[rows])
        return scaled.long()

    def add(self, values: Tensor, first_column: int) -> None:
        """Counts one tile: values (b, g) of the gallery rows from `first_column`."""
        bins = self._bin(values).flatten()
        bucket = self.bucket.index_select(0, bins)
        self.counts += torch.bincount(bucket, minlength=len(self.counts))
        shared = (bucket & 1).nonzero().flatten()
        if len(shared) == 0:
            return
        place = shared // values.shape[1]
        begin = self.ended[bins[shared]]
        stop = (bucket[shared] >> 1) - place
        self._compare(
            values.flatten()[shared], place, shared % values.shape[1] + first_column, begin, stop
        )

    def _compare(
        self, value: Tensor, place: Tensor, column: Tensor, begin: Tensor, stop: Tensor
    ) -> None:
        """Compares images with the matches begin..stop-1 in their bin."""
        exact = value.double()
        if self.slack is not None:
            close = torch.zeros_like(place, dtype=torch.bool)
            asked = torch.zeros_like(self.known)
            for image, match in _pairs(begin, stop):
                near = self._near(value[image], match, self.slack)
                close[image[near]] = asked[match[near]] = True
            self.settle(asked)
            exact[close] = self.exact(place[close], column[close])
        for image, match in _pairs(begin, stop):
            before = value[image] < self.value[match]
            equal = exact[image] == self.settled[match]
            nearer = exact[image] < self.settled[match]
            if self.slack is not None:
                near = self._near(value[image], match, self.slack)
                before, equal, nearer = before & ~near, equal & near, nearer & near
            later = column[image] > self.column[match]
            before = before | nearer | (equal & ~later)
            self.before += torch.bincount(match[before], minlength=len(self.before))
            self.tied += torch.bincount(match[equal & later], minlength=len(self.tied))

    def _near(self, value: Tensor, match: Tensor, slack: Tensor) -> Tensor:
        """Mask of pairs of image and match whose order may be lost to rounding."""
        return (value - self.value[match]).abs() <= slack[self.place[match]]

    def settle(self, asked: Tensor) -> None:
        """Computes the exact distances of the matches `asked` (M,) bool."""
        rows = (asked & ~self.known).nonzero().flatten()
        if len(rows):
            self.settled[rows] = self.exact(self.place[rows], self.column[rows])
            self.known[rows] = True

    def ranks(self) -> tuple[Tensor, Tensor]:
        """Place (M,) ascending and rank (M,) from 1, ascending within a place."""
        place, before = self.place, self._before()
        # the order of matches whose values are close is not known, nor needed: a match that comes
        # later has no fewer images of others before it
        before = before.sort(stable=True)
        order = before.indices[place[before.indices].argsort(stable=True)]
        found = torch.arange(len(place), device=place.device) - self.start[place]
        return place, self._before()[order] + found + 1

    def precision_at_thresholds(self) -> Tensor:
        """Precision (M,) of all images no farther than a match, in the order of `place`."""
        self.settle(torch.ones_like(self.known))
        order = self.settled.argsort(stable=True)
        order = order[self.place[order].argsort(stable=True)]
        distance = self.settled[order]
        changes = (distance[1:] != distance[:-1]) | (self.place[1:] != self.place[:-1])
        group = torch.cat([changes.new_zeros(1), changes]).cumsum(0)
        last = torch.bincount(group).cumsum(0)[group]  # one past the last match as near
        found = last - self.start[self.place]
        return found.double() / (found + (self._before() + self.tied)[order])

    def _before(self) -> Tensor:
        counts = self.counts.view(-1, 2).sum(1).cumsum(0)
        counts = torch.cat([counts.new_zeros(1), counts])
        rows = torch.arange(len(self.start), device=self.start.device)
        match = torch.arange(len(self.place), device=self.place.device)
        own = counts[match + self.place + 1] - counts[self.start + rows][self.place]
        return self.before + own


def _pairs(begin: Tensor, stop: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of image i and match in begin[i]..stop[i]-1, no image twice in one yield."""
    image = torch.arange(len(begin), device=begin.device)
    for step in range(int((stop - begin).max()) if len(begin) else 0):
        image = image[begin[image] + step < stop[image]]
        yield image, begin[image] + step
