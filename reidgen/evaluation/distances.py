"""Squared distances by fast matrix products, exact wherever rounding could matter.

Everything that ranks goes one way: ranked galleries, neighbour search, search of a feature store.
`half_distances` takes |g|^2 / 2 - q.g of all pairs from one product, which is fast, but rounds in
a way that depends on the shape it is computed in: equal rows need not tie. So it only proposes,
with a limit to its rounding: `product_error`, proven, for neighbours, or `RankingDistances.slack`,
measured, for ranks. The few pairs that rounding could have put in the wrong order are summed again
from their differences by `pair_distances`, in float32 with a far tighter proven bound, or float64.

Letters: Q or b queries, G or g gallery rows, D embedding, P pairs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

FLOAT32, BFLOAT16 = 2.0**-24, 2.0**-8  # unit roundoff
SAFETY = 1.01  # for the roundings in proven bounds themselves
MEASURED_SAFETY = 4  # the rounding allowed for, over the largest seen
LEAST_ERROR = 0.5  # units of rounding; less is taken for luck
MEASURED = (128, 512)  # queries and gallery rows whose rounding is measured
CHUNK = 4096  # rows copied or held in float64 at a time
PAIRS = {'cpu': 64, 'cuda': 2**15}  # float32 pairs held at a time; on a CPU to fit the cache
LANES = 32  # partial sums of a distance
SMALL = 32  # queries of a product with the images of their own identities
TILE = {'cpu': 1024, 'cuda': 16384}  # gallery rows of a tile: a tile should fit the cache


# ---- fast: one product ----


def half_distances(
    query: Tensor, gallery: Tensor, half_norms: Tensor, out: Tensor, product: Tensor | None = None
) -> Tensor:
    """Half squared distances less |q|^2 / 2, |g|^2 / 2 - q.g, rounded, in `out`.

    Args:
        query: (b, D) rows; `gallery` (g, D) in the same dtype.
        half_norms: (g,) halves of the gallery's squared norms, in the dtype of `out`.
        out: (b, g).
        product: (b, g) in the rows' dtype, to be written over where that is not `out`'s.
    """
    if product is None:
        product = out if out.dtype == query.dtype else query.new_empty(out.shape)
    # not by addmm: it would sum the small products onto the half norm and round each time
    torch.mm(query, gallery.t(), out=product)
    if product is not out:
        out.copy_(product)
    return torch.sub(half_norms, out, out=out)


def product_dtype(device: torch.device) -> torch.dtype:
    """Data type of the products: bfloat16 where native (over twice as fast), else float32."""
    if device.type == 'cpu':
        for name in ('_is_avx512_bf16_supported', '_is_amx_tile_supported'):
            if getattr(torch.cpu, name, lambda: False)():
                return torch.bfloat16
    return torch.float32


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Context without TF32 and autocast, which break the bound on rounding."""
    try:
        precision = torch.get_float32_matmul_precision()
    except RuntimeError:  # refused once the newer switches have been used
        # set at import, where no type checker looks
        mkldnn = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
        switches = [torch.backends.cuda.matmul, mkldnn]
        kept = [switch.fp32_precision for switch in switches]
        for switch in switches:
            switch.fp32_precision = 'ieee'
    else:
        switches, kept = [], []
        torch.set_float32_matmul_precision('highest')
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        for switch, before in zip(switches, kept):
            switch.fp32_precision = before
        if not switches:
            torch.set_float32_matmul_precision(precision)


# ---- its rounding, proven: for neighbours ----


class CentredRows(NamedTuple):
    """Centred rows to search, with norms that bound the rounding of their products."""

    rows: Tensor  # (G, D) float32
    centre: Tensor  # (D,) float32, taken off all rows: it changes no distance, but shrinks products
    half_norms: Tensor  # (G,) float32, |g - centre|^2 / 2
    longest: Tensor  # 0-d float64, the largest |g - centre|
    roughest: Tensor  # 0-d float64, the largest norm that rounding takes off a row
    dtype: torch.dtype  # of products


def centred_rows(rows: Tensor, dtype: torch.dtype) -> CentredRows:
    """Rows (G, D) with their centre, norms and bounds, for products in `dtype`."""
    total = sum(chunk.sum(0, dtype=torch.float64) for chunk in rows.split(CHUNK))
    centre = (total / len(rows)).float()
    half_norms, roughness = [], []
    for chunk in rows.split(CHUNK):
        rough = shift(chunk, centre, dtype)[1]
        half_norms.append((chunk - centre).square_().sum(1) / 2)
        roughness.append(rough.max())
    half_norms = torch.cat(half_norms)
    longest = (2 * half_norms.max().double()).sqrt() * SAFETY
    return CentredRows(rows, centre, half_norms, longest, torch.stack(roughness).max(), dtype)


def shift(rows: Tensor, centre: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Rows less the centre in `dtype`, and the norms (n,) float64 of their rounding errors."""
    shifted = rows - centre
    rounded = shifted.to(dtype)
    subtracted = FLOAT32 * SAFETY * shifted.norm(dim=1).double()
    if dtype == shifted.dtype:
        return rounded, subtracted
    return rounded, subtracted + shifted.sub_(rounded).norm(dim=1).double() * SAFETY


def product_error(shifted: Tensor, roughness: Tensor, gallery: CentredRows) -> Tensor:
    """Bound (b,) on the rounding of half distances, for any order of summation.

    By Cauchy and Schwarz: what rounding took off the rows, the sum of D products (bfloat16 ones are
    added in pairs, without fusing), the product's own rounding, the half norm's and the last one.
    """
    length = shifted.double().norm(dim=1) * SAFETY + roughness
    longest = gallery.longest + gallery.roughest
    product = length * longest
    summing = 2 * (shifted.shape[1] + 4) * FLOAT32 * (product + longest.square())
    if gallery.dtype == torch.bfloat16:
        summing = summing + BFLOAT16 * product
    return SAFETY * (roughness * longest + length * gallery.roughest + summing)


# ---- its rounding, measured: for ranks ----


class RankingDistances:
    """Half distances of a query and a gallery set by tiles, with their rounding slack.

    How far such a value may be wrong is measured: on `MEASURED` rows, evenly spaced, the largest
    difference from float64 in units of (|q||g| + |g|^2 / 2) eps / 2. `slack` allows for
    MEASURED_SAFETY times as much in each of two values. That is a measurement and no proof: the
    bound for every conceivable order of summation, D units where about 1 to 10 are seen, would have
    most pairs of noise-like features summed again. An error beyond it could swap two images whose
    distances differ by no more than that. TF32, where it is allowed, is measured like all else.

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
        self.unit = MEASURED_SAFETY * torch.finfo(gallery.dtype).eps / 2 * self._measured_error()

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
        """Slack (b,): rounding error of the difference of two gallery values of a query."""
        longest = self.gallery_norms.max().sqrt()
        size = self.query_norms[rows].sqrt() * longest + longest.square() / 2
        return (2 * self.unit * size).to(self.query.dtype)

    def values(self, query: Tensor, start: int, out: Tensor) -> Tensor:
        """Values (b, g) of queries (b, D) and the tile of gallery rows from `start`, in `out`."""
        tile = slice(start, start + self.tile)
        gallery = self.gallery[tile]
        out = out[: len(query) * len(gallery)].view(len(query), len(gallery))
        return half_distances(query, gallery, self.half_norms[tile], out)

    def values_of_pairs(
        self, query: Tensor, place: Tensor, position: Tensor, columns: Tensor
    ) -> Tensor:
        """Values (P,) of queries (b, D), in the order of their pid, and images of that pid.

        Args:
            place: (P,) row of `query`, ascending.
            position: (P,) place in `columns`.
            columns: (C,) gallery rows by pid, so that a few queries need few of them.
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
                out = table[:, column - first : column - first + len(part)]
                half_distances(few, self.gallery[part], self.half_norms[part], out)
            values[start:stop] = table[place[start:stop] - number * SMALL, where - first]
        return values

    def exact(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Squared distances (P,) float64 of query rows and gallery rows."""
        return pair_distances(self.query, self.gallery, rows, columns, torch.float64)


# ---- exact: sums of squared differences ----


@torch.no_grad()
def pair_distances(
    left: Tensor, right: Tensor, rows: Tensor, columns: Tensor, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Squared distances (P,) of left[rows[p]] and right[columns[p]], summed in `dtype`.

    The relative error is at most `relative_error(D)` in float32. On a CPU a value depends on its
    two rows alone, not on the pairs beside it, so equal rows tie.
    """
    distances = torch.empty(len(rows), dtype=dtype, device=left.device)
    lanes = _lanes(left.shape[1])
    at_once = PAIRS.get(left.device.type, PAIRS['cuda']) * 4 // dtype.itemsize
    at_once = min(at_once, len(rows))
    # gathered into the same memory each time: fresh megabytes would have to be mapped and cleared
    one, other = left.new_empty(at_once, left.shape[1]), right.new_empty(at_once, right.shape[1])
    for start in range(0, len(rows), at_once or 1):
        pairs = slice(start, min(start + at_once, len(rows)))
        size = pairs.stop - pairs.start
        torch.index_select(left, 0, rows[pairs], out=one[:size])
        torch.index_select(right, 0, columns[pairs], out=other[:size])
        difference = one[:size].to(dtype).sub_(other[:size].to(dtype))
        squares = difference.square_().view(size, -1, lanes)
        torch.sum(squares.sum(1), dim=1, out=distances[pairs])
    return distances


def relative_error(dim: int) -> float:
    """Relative error of `pair_distances` in float32, for any order of torch's additions.

    Three roundings of a squared difference, then D / lanes and lanes additions.
    """
    lanes = _lanes(dim)
    return SAFETY * (3 + dim / lanes + lanes) * FLOAT32


def _lanes(dim: int) -> int:
    return LANES if dim % LANES == 0 else 1


def squared_norms(rows: Tensor) -> Tensor:
    """Squared norms (N,) float64 of rows (N, D), exact to the rounding of the squares."""
    norms = torch.empty(len(rows), dtype=torch.float64, device=rows.device)
    # in place: results kept one by one between the temporaries would tear the heap to pieces
    at_once = PAIRS['cpu']
    for start in range(0, len(rows), at_once):
        part = slice(start, start + at_once)
        norms[part] = rows[part].square().sum(1, dtype=torch.float64)
    return norms


def squared_distances(query: Tensor, gallery: Tensor) -> Tensor:
    """Squared Euclidean distances (Q, G) float32 of rows (Q, D) and (G, D), none below 0.

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
