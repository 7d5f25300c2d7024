"""Exhaustive nearest-neighbour search that is fast and loses nothing.

A product of low precision proposes candidates, with a bound on its rounding; distances of the
candidates are summed again, in float32 with a far tighter bound; the few that are still too close
to tell apart are summed in float64.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

FLOAT32, BFLOAT16 = 2.0**-24, 2.0**-8  # unit roundoff
SAFETY = 1.01  # for the roundings in the bounds themselves
CHUNK = 8192  # gallery rows whose products are held at a time
SHIFTED = 4096  # gallery rows that are copied at a time
PAIRS = {'cpu': 128, 'cuda': 2**15}  # pairs of rows compared at a time; on a CPU to fit the cache
LANES = 32  # partial sums of a distance
CROWD = 2**22  # candidates of crowded rows held at a time


class Gallery(NamedTuple):
    """Rows to search, and what bounds the rounding of their products."""

    rows: Tensor  # (G, D) float32
    centre: Tensor  # (D,) float32, taken off all rows: it changes no distance, but shrinks products
    half_norms: Tensor  # (G,) float32, |g - centre|^2 / 2
    longest: Tensor  # 0-d float64, the largest |g - centre|
    roughest: Tensor  # 0-d float64, the largest norm that rounding takes off a row
    dtype: torch.dtype  # of products


@torch.no_grad()
def knn_exact(
    query: Tensor, gallery: Tensor, k: int, block: int, among_themselves: bool
) -> tuple[Tensor, Tensor]:
    """Index and distance of `neighbours.Neighbours`, from checked arguments.

    Args:
        among_themselves: query and gallery are the same rows, and each is its own first neighbour.
    """
    index, distance = [], []
    with full_precision(gallery.device):
        prepared = prepare(gallery, product_dtype(gallery.device))
        for rows in torch.arange(len(query), device=query.device).split(block):
            found = _search(
                query[rows], prepared, k, 2 * k + 16, rows if among_themselves else None
            )
            index.append(found[0])
            distance.append(found[1])
    return torch.cat(index), torch.cat(distance)


def pair_distances(
    left: Tensor, right: Tensor, rows: Tensor, columns: Tensor, dtype: torch.dtype = torch.float32
) -> Tensor:
    """(P,) squared Euclidean distances of left[rows[p]] and right[columns[p]], summed in `dtype`.

    The relative error is at most `relative_error(D)` in float32. On a CPU a value depends on its
    two rows alone, not on the pairs beside it.
    """
    distances = torch.empty(len(rows), dtype=dtype, device=left.device)
    lanes = _lanes(left.shape[1])
    at_once = PAIRS.get(left.device.type, PAIRS['cuda'])
    for start in range(0, len(rows), at_once):
        pairs = slice(start, start + at_once)
        difference = left[rows[pairs]].to(dtype).sub_(right[columns[pairs]].to(dtype))
        squares = difference.square_().view(len(difference), -1, lanes)
        torch.sum(squares.sum(1), dim=1, out=distances[pairs])
    return distances


def relative_error(dim: int) -> float:
    """Of `pair_distances` in float32, in whatever order torch adds within a lane.

    Three roundings of a squared difference, then D / lanes and lanes additions.
    """
    lanes = _lanes(dim)
    return SAFETY * (3 + dim / lanes + lanes) * FLOAT32


def _lanes(dim: int) -> int:
    return LANES if dim % LANES == 0 else 1


def product_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor multiplies it natively: more than twice as fast as float32."""
    if device.type == 'cpu':
        for name in ('_is_avx512_bf16_supported', '_is_amx_tile_supported'):
            if getattr(torch.cpu, name, lambda: False)():
                return torch.bfloat16
    return torch.float32


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Products in the precision of their factors: TF32 and autocast break the bound on rounding."""
    try:
        precision = torch.get_float32_matmul_precision()
    except RuntimeError:  # refused once the newer switches have been used
        switches = [torch.backends.cuda.matmul, torch.backends.mkldnn.matmul]
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


def prepare(rows: Tensor, dtype: torch.dtype) -> Gallery:
    """The rows (G, D) with their centre, norms and bounds, for products in `dtype`."""
    total = sum(chunk.sum(0, dtype=torch.float64) for chunk in rows.split(SHIFTED))
    centre = (total / len(rows)).float()
    half_norms, roughness = [], []
    for chunk in rows.split(SHIFTED):
        rough = shift(chunk, centre, dtype)[1]
        half_norms.append((chunk - centre).square_().sum(1) / 2)
        roughness.append(rough.max())
    half_norms = torch.cat(half_norms)
    longest = (2 * half_norms.max().double()).sqrt() * SAFETY
    return Gallery(rows, centre, half_norms, longest, torch.stack(roughness).max(), dtype)


def shift(rows: Tensor, centre: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Rows less the centre in `dtype`, and the norm (n,) float64 of what rounding took off each."""
    shifted = rows - centre
    rounded = shifted.to(dtype)
    subtracted = FLOAT32 * SAFETY * shifted.norm(dim=1).double()
    if dtype == shifted.dtype:
        return rounded, subtracted
    return rounded, subtracted + shifted.sub_(rounded).norm(dim=1).double() * SAFETY


def _search(
    query: Tensor, gallery: Gallery, k: int, keep: int, own: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The k nearest of each query: columns (b, k) and distances (b, k) float32.

    Args:
        keep: candidates proposed, above k; rows that need more are searched again with more.
        own: (b,) column that a query itself stands in, its first neighbour.
    """
    keep = min(keep, len(gallery.rows))
    scores, columns, error = _propose(query, gallery, keep, own)  # (b, keep) descending, (b, 1)
    # the k-th best true score is not below scores[k - 1] - error, so no neighbour's score is below
    possible = scores >= scores[:, k - 1 : k] - 2 * error
    rows, places = possible.nonzero(as_tuple=True)
    distances = query.new_full(columns.shape, torch.inf)
    distances[rows, places] = pair_distances(query, gallery.rows, rows, columns[rows, places])
    index, distance = settle(query, gallery.rows, columns, distances, k, own)
    if keep < len(gallery.rows):
        crowded = possible[:, -1].nonzero().flatten()
        at_once = max(1, CROWD // (4 * keep))
        for start in range(0, len(crowded), at_once):
            part = crowded[start : start + at_once]
            index[part], distance[part] = _search(
                query[part], gallery, k, 4 * keep, None if own is None else own[part]
            )
    return index, distance


def _propose(
    query: Tensor, gallery: Gallery, keep: int, own: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """The `keep` largest scores q . g - |g|^2 / 2 of each query, from the centre.

    Returns:
        Scores (b, keep) float64, descending, that of `own` infinite; their columns; and (b, 1) what
        any other score may be wrong by.
    """
    shifted, roughness = shift(query, gallery.centre, gallery.dtype)
    scores, columns = None, None
    for start in range(0, len(gallery.rows), CHUNK):
        some = _scores(shifted, gallery, start, own)
        some, where = some.topk(min(keep, some.shape[1]))
        where += start
        if scores is not None:
            some, where = torch.cat([scores, some], dim=1), torch.cat([columns, where], dim=1)
            some, best = some.topk(min(keep, some.shape[1]))
            where = where.gather(1, best)
        scores, columns = some, where
    return scores.double(), columns, score_error(shifted, roughness, gallery)[:, None]


def _scores(shifted: Tensor, gallery: Gallery, start: int, own: Tensor | None) -> Tensor:
    """(b, chunk) float32 scores of the gallery rows from `start`."""
    chunk = gallery.rows[start : start + CHUNK]
    scores = torch.empty(len(shifted), len(chunk), device=chunk.device)
    for first in range(0, len(chunk), SHIFTED):
        part = chunk[first : first + SHIFTED] - gallery.centre
        scores[:, first : first + SHIFTED] = shifted @ part.to(gallery.dtype).t()
    scores -= gallery.half_norms[start : start + CHUNK]
    if own is not None:
        inside = ((own >= start) & (own < start + len(chunk))).nonzero().flatten()
        scores[inside, own[inside] - start] = torch.inf
    return scores


def score_error(shifted: Tensor, roughness: Tensor, gallery: Gallery) -> Tensor:
    """(b,) bound on the rounding of the scores, for any order of summation in the product.

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


def settle(
    query: Tensor,
    gallery: Tensor,
    columns: Tensor,
    distances: Tensor,
    k: int,
    own: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """The k nearest of the candidates of each query, equal ones by column.

    Args:
        columns: (b, m) of the gallery, none twice among the possible ones.
        distances: (b, m) float32 by `pair_distances`, infinite where it is no candidate.
        own: as of `_search`.

    Returns:
        Columns (b, k) and distances (b, k) float32, as given: where only float64 tells two apart,
        they may seem out of order.
    """
    distances, order = distances.sort(dim=1)
    columns = columns.gather(1, order)
    gap = distances[:, 1:] - distances[:, :-1]  # nan behind the last candidate: not close
    close = gap <= 2 * relative_error(query.shape[1]) * distances[:, 1:]
    unsure = torch.zeros_like(distances, dtype=torch.bool)
    unsure[:, 1:] |= close
    unsure[:, :-1] |= close
    unsure &= distances.isfinite() & (distances > 0)  # 0 is exact: the rows are equal
    rows, places = unsure.nonzero(as_tuple=True)
    settled = distances.double()
    settled[rows, places] = pair_distances(
        query, gallery, rows, columns[rows, places], torch.float64
    )
    if own is not None:
        settled[(columns == own[:, None]) & distances.isfinite()] = -1
    by_column = columns.argsort(dim=1)
    order = settled.gather(1, by_column).argsort(dim=1, stable=True)[:, :k]
    order = by_column.gather(1, order)
    return columns.gather(1, order), distances.gather(1, order)
