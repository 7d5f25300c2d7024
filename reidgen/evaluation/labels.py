"""What a query and a gallery must be; every error names the rows and the fix."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from reidgen.evaluation.protocols import Protocol

Array = Tensor | np.ndarray
CHECKED = 4096  # rows looked at at a time


class Labels(NamedTuple):
    """Who is on each image, and which camera took it."""

    query_pids: Tensor  # (Q,) int64
    gallery_pids: Tensor  # (G,) int64
    query_camids: Tensor  # (Q,) int64
    gallery_camids: Tensor  # (G,) int64


def match_and_junk_masks(rows: Tensor, labels: Labels, protocol: Protocol) -> tuple[Tensor, Tensor]:
    """Two (b, G) bool masks for the queries `rows` (b,): what counts as found, what is left out."""
    same = labels.query_pids[rows, None] == labels.gallery_pids
    junk = (labels.gallery_pids == -1).expand_as(same)
    if protocol.same_camera_is_junk:
        junk = junk | (same & (labels.query_camids[rows, None] == labels.gallery_camids))
    if protocol.one_set:
        junk = junk | (rows[:, None] == torch.arange(same.shape[1], device=rows.device))
    return same & ~junk, junk


class SameIdentityRows(NamedTuple):
    """The gallery images of the queries' persons, and where each query finds its own."""

    columns: Tensor  # (C,) gallery rows by pid, then by row
    start: Tensor  # (Q,) of a query's person in `columns`
    count: Tensor  # (Q,) of its images


class SameIdentityPairs(NamedTuple):
    """Some queries with all gallery images of their person."""

    place: Tensor  # (P,) among these queries, ascending
    position: Tensor  # (P,) in `SameIdentityRows.columns`
    column: Tensor  # (P,) gallery row
    good: Tensor  # (P,) bool: a match; the others are junk


def same_identity_rows(labels: Labels) -> SameIdentityRows:
    """Images of nobody (pid -1) belong to no query."""
    pids = labels.gallery_pids
    columns = (torch.isin(pids, labels.query_pids) & (pids != -1)).nonzero().flatten()
    columns = columns[pids[columns].argsort(stable=True)]
    start = torch.searchsorted(pids[columns], labels.query_pids)
    stop = torch.searchsorted(pids[columns], labels.query_pids, right=True)
    return SameIdentityRows(columns, start, stop - start)


def same_identity_pairs(
    rows: Tensor, own: SameIdentityRows, labels: Labels, protocol: Protocol
) -> SameIdentityPairs:
    """The pairs of the queries `rows` (b,)."""
    count = own.count[rows]
    place = torch.arange(len(rows), device=rows.device).repeat_interleave(count)
    number = torch.arange(len(place), device=rows.device) - (count.cumsum(0) - count)[place]
    position = own.start[rows][place] + number
    column, query = own.columns[position], rows[place]
    good = torch.ones_like(place, dtype=torch.bool)
    if protocol.same_camera_is_junk:
        good &= labels.query_camids[query] != labels.gallery_camids[column]
    if protocol.one_set:
        good &= query != column
    return SameIdentityPairs(place, position, column, good)


def as_matrix(values: Array, what: str) -> Tensor:
    """The values as a floating-point matrix; other shapes raise ValueError."""
    matrix = torch.as_tensor(values).detach()
    if matrix.ndim != 2:
        raise ValueError(f'{what} values have shape {tuple(matrix.shape)}; give a matrix')
    if matrix.dtype in (torch.float16, torch.bfloat16):
        return matrix.float()
    return matrix if matrix.is_floating_point() else matrix.double()


def as_labels(
    num_query: int,
    num_gallery: int,
    device: torch.device,
    query_pids,
    gallery_pids,
    query_camids,
    gallery_camids,
    protocol: Protocol,
) -> Labels:
    """The labels as tensors; raises ValueError where their number does not fit the features."""
    if num_query == 0 or num_gallery == 0:
        raise ValueError(
            f'{num_query} queries and {num_gallery} gallery images: neither may be '
            f'empty; check the folders and num_query'
        )
    labels = Labels(
        *(
            torch.as_tensor(each, dtype=torch.int64, device=device)
            for each in (query_pids, gallery_pids, query_camids, gallery_camids)
        )
    )
    for name, values, count in zip(Labels._fields, labels, (num_query, num_gallery) * 2):
        if values.shape != (count,):
            raise ValueError(f'{name} has shape {tuple(values.shape)}, but there are {count} rows')
    if protocol.one_set and not torch.equal(labels.query_pids, labels.gallery_pids):
        raise ValueError(
            f"protocol '{protocol.name}' compares one set with itself, but the {num_query} queries "
            f'and the {num_gallery} gallery images differ: give the set twice, or use no-camera'
        )
    return labels


def check_finite(
    matrix: Tensor,
    what: str,
    names: Sequence[str] | None = None,
    numbers: Tensor | None = None,
) -> None:
    """Raises ValueError that names the rows with NaN or infinite values."""
    finite = torch.cat([torch.isfinite(part).all(dim=1) for part in matrix.split(CHECKED)])
    check_rows(finite, what, names, numbers)


def check_rows(
    finite: Tensor,
    what: str,
    names: Sequence[str] | None = None,
    numbers: Tensor | None = None,
) -> None:
    """As `check_finite`, from (N,) bool; `numbers` (N,) of the rows, if not 0 to N-1."""
    bad = (~finite).nonzero().flatten()
    bad = (bad if numbers is None else numbers[bad]).tolist()
    if not bad:
        return
    shown = ', '.join(f'{row} ({names[row]})' if names else str(row) for row in bad[:5])
    raise ValueError(
        f'NaN or Inf in {len(bad)} of {len(finite)} {what} rows: {shown}'
        f'{", ..." if len(bad) > 5 else ""}; if in all of them, training has diverged: go back to '
        f'an earlier checkpoint; if in a few, look at these images'
    )


def raise_no_match(labels: Labels, protocol: Protocol) -> None:
    """Raises ValueError that says why no query has anything to find."""
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
