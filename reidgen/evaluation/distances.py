"""Distances of features at the speed of a float32 product, told apart as in float64.

The product is fast, but its rounding depends on the shape it is computed in: equal gallery rows
need not tie, and a value may change with the block. So it only proposes. Pairs that its rounding
could have put in the wrong order are few; their differences are summed in float64.
"""

from itertools import pairwise

import torch
from torch import Tensor

SAFETY = 4  # the rounding allowed for, over the largest seen
LEAST_ERROR = 0.5  # units of rounding; less is taken for luck
MEASURED = (128, 512)  # queries and gallery rows whose rounding is measured
CHUNK = 4096  # rows held in float64 at a time
PAIRS = 64  # pairs held in float64 at a time: they should fit the cache
SMALL = 32  # queries of a product with their own persons' images
TILE = {'cpu': 1024, 'cuda': 16384}  # gallery rows of a tile: a tile should fit the cache


class Products:
    """Half squared distances |g|^2 / 2 - q.g of a query and a gallery set, |q|^2 left out.

    How far such a value may be wrong is measured: on `MEASURED` rows, evenly spaced, the largest
    difference from float64 in units of (|q||g| + |g|^2 / 2) eps / 2. `slack` allows for SAFETY
    times as much in each of two values. That is a measurement and no proof: the bound for every
    conceivable order of summation, D units where about 1 to 10 are seen, would have most pairs of
    noise-like features summed again. An error beyond it could swap two images whose distances
    differ by no more than that. TF32, where it is allowed, is measured like everything else.

    Args:
        query: (Q, D), finite, float32 or float64.
        gallery: (G, D) like it.
        query_norms: (Q,) float64 squared norms; `gallery_norms` (G,) likewise.
    """

    def __init__(
        self, query: Tensor, gallery: Tensor, query_norms: Tensor, gallery_norms: Tensor
    ) -> None:
        self.query, self.gallery = query, gallery
        self.query_norms, self.gallery_norms = query_norms, gallery_norms
        self.half_norms = (gallery_norms / 2).to(gallery.dtype)
        self.tile = TILE.get(gallery.device.type, TILE['cpu'])
        self.unit = SAFETY * torch.finfo(gallery.dtype).eps / 2 * self._measured_error()

    def _measured_error(self) -> float:
        rows, columns = (
            torch.arange(min(len(x), most), device=x.device) * len(x) // min(len(x), most)
            for x, most in zip((self.query, self.gallery), MEASURED)
        )
        query, gallery = self.query[rows], self.gallery[columns]
        half_norms = self.gallery_norms[columns] / 2
        product = self.half_norms[columns] - query @ gallery.t()
        exact = half_norms - query.double() @ gallery.double().t()
        size = self.query_norms[rows, None].sqrt() * (2 * half_norms).sqrt() + half_norms
        error = (product - exact).abs() / (size * torch.finfo(gallery.dtype).eps / 2)
        return max(float(error.nan_to_num(0).max()), LEAST_ERROR)

    def slack(self, rows: Tensor) -> Tensor:
        """(b,) what the values of two gallery images to one query may differ in by rounding."""
        longest = self.gallery_norms.max().sqrt()
        size = self.query_norms[rows].sqrt() * longest + longest.square() / 2
        return (2 * self.unit * size).to(self.query.dtype)

    def values(self, query: Tensor, start: int, out: Tensor) -> Tensor:
        """(b, g) values of (b, D) queries and the tile of gallery rows from `start`, in `out`."""
        gallery = self.gallery[start : start + self.tile]
        values = out[: len(query) * len(gallery)].view(len(query), len(gallery))
        # not by addmm: it would sum the small products onto the half norm and round each time
        torch.mm(query, gallery.t(), out=values)
        return torch.sub(self.half_norms[start : start + self.tile], values, out=values)

    def values_of_pairs(
        self, query: Tensor, place: Tensor, position: Tensor, columns: Tensor
    ) -> Tensor:
        """(P,) values of (b, D) queries in the order of their person and images of that person.

        Args:
            place: (P,) row of `query`, ascending.
            position: (P,) place in `columns`.
            columns: (C,) gallery rows by person, so that a few queries need few of them.
        """
        values = self.half_norms.new_empty(len(place))
        edges = torch.arange(0, len(query) + SMALL, SMALL, device=place.device)
        edges = torch.searchsorted(place, edges).tolist()
        for number, (start, stop) in enumerate(pairwise(edges)):
            if start == stop:
                continue
            few = query[number * SMALL : (number + 1) * SMALL]
            where = position[start:stop]
            first, last = int(where.min()), int(where.max()) + 1
            table = values.new_empty(len(few), last - first)
            for column in range(first, last, self.tile):
                part = columns[column : min(column + self.tile, last)]
                table[:, column - first : column - first + len(part)] = (
                    self.half_norms[part] - few @ self.gallery[part].t()
                )
            values[start:stop] = table[place[start:stop] - number * SMALL, where - first]
        return values

    def distances(self, rows: Tensor, columns: Tensor) -> Tensor:
        """(n,) float64 squared distances, each by its two rows alone, whatever stands beside it."""
        distances = self.gallery_norms.new_empty(len(rows))
        for start in range(0, len(rows), PAIRS):
            part = slice(start, start + PAIRS)
            difference = self.query[rows[part]].double().sub_(self.gallery[columns[part]])
            distances[part] = difference.square_().sum(1)
        return distances


def squared_norms(rows: Tensor) -> Tensor:
    """(N, D) to (N,) float64, right to the rounding of one square; inf where those overflow."""
    norms = torch.empty(len(rows), dtype=torch.float64, device=rows.device)
    # in place: results kept one by one between the temporaries would tear the heap to pieces
    for start in range(0, len(rows), PAIRS):
        part = slice(start, start + PAIRS)
        norms[part] = rows[part].square().sum(1, dtype=torch.float64)
    return norms


def squared_distances(query: Tensor, gallery: Tensor) -> Tensor:
    """(Q, D) and (G, D) to (Q, G) float32 squared Euclidean distances, none below 0.

    Summed in float64 and rounded once, so that a value does not depend on the rows beside it.
    """
    left = query.double()
    left_norms = left.square().sum(1, keepdim=True)  # (Q, 1)
    columns = []
    for piece in gallery.split(CHUNK):
        right = piece.double()
        squared = left_norms + right.square().sum(1) - 2 * left @ right.t()  # (Q, chunk)
        columns.append(squared.clamp(min=0).float())
    return torch.cat(columns, dim=1)
