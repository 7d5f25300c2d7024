"""Exhaustive nearest-neighbour search on blocks that undoes the rounding of float32 products."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

UNIT_ROUNDOFF = 2.0**-24  # of float32
SPARE = 16  # candidates kept beyond k, among which rounding is undone
GROUP = 16  # columns that stand for one another in the first pass of `_largest`
GALLERY_CHUNK = 16384  # gallery rows multiplied at a time
PAIR_CHUNK = 4096  # pairs of rows multiplied at a time


@contextmanager
def _full_precision() -> Iterator[None]:
    """Float32 products in float32: TF32 or bfloat16, where allowed, break the bound on rounding."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision('highest')
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision)


@torch.no_grad()
def exact_search(
    query: Tensor, gallery: Tensor, k: int, block: int, among_themselves: bool
) -> tuple[Tensor, Tensor]:
    """Index and distance of `neighbours.Neighbours`, from checked arguments.

    Args:
        among_themselves: query and gallery are the same rows, and each is its own first neighbour.
    """
    half_norms = torch.cat(
        [chunk.double().square().sum(1) / 2 for chunk in gallery.split(GALLERY_CHUNK)]
    )  # (G,) float64
    index, distance = [], []
    with _full_precision():
        for start in range(0, len(query), block):
            part = query[start : start + block]
            rows = torch.arange(start, start + len(part), device=query.device)
            scores, columns = _search_block(
                part, gallery, half_norms, k, rows if among_themselves else None
            )
            squared = part.double().square().sum(1, keepdim=True) - 2 * scores
            index.append(columns)
            distance.append(squared.clamp(min=0).float())  # -inf of the row itself becomes 0
    return torch.cat(index), torch.cat(distance)


def _search_block(
    query: Tensor, gallery: Tensor, half_norms: Tensor, k: int, own: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The k largest scores q . g - |g|^2 / 2 of each query, and their columns: (b, k) both.

    Scores are float64; that of a query in its own column `own` counts as infinite.
    """
    keep = min(k + SPARE, len(gallery))
    scores, columns = _propose(query, gallery, half_norms, keep, own)  # (b, keep), descending
    # of any float32 sum of D products, and of subtracting and rounding the half norm
    largest = (2 * half_norms.max()).sqrt()
    error = (query.double().norm(dim=1) * largest + half_norms.max()).mul_(
        1.01 * (query.shape[1] + 4) * UNIT_ROUNDOFF
    )  # (b,)
    best_scores, best_columns = _settle(query, gallery, half_norms, scores, columns, error)
    best_scores, best_columns = best_scores[:, :k], best_columns[:, :k]
    if keep == len(gallery):
        return best_scores, best_columns
    # where the last of the spare ones may still belong to the first k, others may as well
    lowest = scores[:, k - 1] - 2 * error  # (b,) no neighbour's float32 score is below
    for row in (scores[:, -1] >= lowest).nonzero().flatten().tolist():
        one = slice(row, row + 1)
        some, where = _above(
            query[one], gallery, half_norms, lowest[row], None if own is None else own[one]
        )
        some, where = _settle(query[one], gallery, half_norms, some, where, error[one])
        best_scores[one], best_columns[one] = some[:, :k], where[:, :k]
    return best_scores, best_columns


def _propose(
    query: Tensor, gallery: Tensor, half_norms: Tensor, keep: int, own: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The `keep` largest float32 scores of each query as float64 (b, keep), and their columns."""
    scores, columns = None, None
    for start, product in _products(query, gallery, half_norms, own):
        some, where = _largest(product, min(keep, product.shape[1]))
        where = where + start
        if scores is not None:
            some, where = torch.cat([scores, some], dim=1), torch.cat([columns, where], dim=1)
            some, best = some.topk(min(keep, some.shape[1]))
            where = where.gather(1, best)
        scores, columns = some, where
    return scores.double(), columns


def _above(
    query: Tensor, gallery: Tensor, half_norms: Tensor, lowest: Tensor, own: Tensor | None
) -> tuple[Tensor, Tensor]:
    """All scores of one query (1, D) that are not below `lowest`, descending, and their columns."""
    scores, columns = [], []
    for start, product in _products(query, gallery, half_norms, own):
        where = (product[0].double() >= lowest).nonzero().flatten()
        scores.append(product[0, where].double())
        columns.append(where + start)
    scores, order = torch.cat(scores).sort(descending=True)
    return scores[None], torch.cat(columns)[order][None]


def _products(
    query: Tensor, gallery: Tensor, half_norms: Tensor, own: Tensor | None
) -> Iterator[tuple[int, Tensor]]:
    """First column and scores (b, chunk) in float32 of each chunk of the gallery."""
    for start in range(0, len(gallery), GALLERY_CHUNK):
        chunk = gallery[start : start + GALLERY_CHUNK]
        offset = half_norms[start : start + GALLERY_CHUNK].float()
        product = (query @ chunk.t()).sub_(offset)
        if own is not None:
            inside = ((own >= start) & (own < start + len(chunk))).nonzero().flatten()
            product[inside, own[inside] - start] = torch.inf
        yield start, product


def _largest(values: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """`values.topk(k)` of (b, n), by way of the k groups of columns with the largest maxima."""
    num_rows, num_columns = values.shape
    num_groups = num_columns // GROUP
    if num_groups < 4 * k:
        return values.topk(k)
    grouped = values[:, : num_groups * GROUP].unflatten(1, (num_groups, GROUP))
    # any of the k largest lies in a group whose maximum is among the k largest maxima
    chosen = grouped.amax(2).topk(k, sorted=False).indices  # (b, k)
    inside = grouped.gather(1, chosen[:, :, None].expand(-1, -1, GROUP)).flatten(1)
    columns = chosen[:, :, None] * GROUP + torch.arange(GROUP, device=values.device)
    rest = torch.arange(num_groups * GROUP, num_columns, device=values.device)
    columns = torch.cat([columns.flatten(1), rest.expand(num_rows, -1)], dim=1)
    top, best = torch.cat([inside, values[:, num_groups * GROUP :]], dim=1).topk(k)
    return top, columns.gather(1, best)


def _settle(
    query: Tensor,
    gallery: Tensor,
    half_norms: Tensor,
    scores: Tensor,
    columns: Tensor,
    error: Tensor,
) -> tuple[Tensor, Tensor]:
    """Sorts candidates by their true scores, equal ones by column.

    Scores (b, m) come descending and wrong by up to `error` (b,); those closer to one beside them
    than rounding can tell are summed again in float64, the others are in their place already.
    """
    close = scores[:, :-1] - scores[:, 1:] <= 2 * error[:, None]
    unsure = torch.zeros_like(scores, dtype=torch.bool)
    unsure[:, :-1] |= close
    unsure[:, 1:] |= close
    rows, places = unsure.nonzero(as_tuple=True)
    found = columns[rows, places]
    products = pair_products(query, gallery, rows, found, torch.float64)
    scores = scores.index_put((rows, places), products - half_norms[found])
    columns, order = columns.sort(dim=1)
    scores, order = scores.gather(1, order).sort(dim=1, descending=True, stable=True)
    return scores, columns.gather(1, order)


def pair_products(
    left: Tensor, right: Tensor, rows: Tensor, columns: Tensor, dtype: torch.dtype = torch.float32
) -> Tensor:
    """(P,) inner products left[rows[p]] . right[columns[p]], multiplied and summed in `dtype`.

    A value depends on its two rows alone, not on the pairs beside it.
    """
    parts = [
        (left[i].to(dtype) * right[j].to(dtype)).sum(1)
        for i, j in zip(rows.split(PAIR_CHUNK), columns.split(PAIR_CHUNK))
    ]
    return torch.cat(parts)
