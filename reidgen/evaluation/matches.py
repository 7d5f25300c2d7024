"""Matches and junk of each query, from the labels.

Letters: Q queries, G gallery images, b some queries, C gallery images of the queries' identities.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from reidgen.evaluation.labels import RetrievalLabels, check_protocol
from reidgen.evaluation.protocols import PROTOCOLS, Protocol, find_protocol


class SameIdentityRows(NamedTuple):
    """Gallery rows grouped by identity, and each query's range among them."""

    columns: Tensor  # (C,) gallery rows by pid, then by row
    start: Tensor  # (Q,) of a query's identity in `columns`
    count: Tensor  # type: ignore[assignment]  # (Q,) of its images; hides tuple.count


class SameIdentityPairs(NamedTuple):
    """Pairs of some queries and all gallery images of their identities."""

    place: Tensor  # (P,) among these queries, ascending
    position: Tensor  # (P,) in `SameIdentityRows.columns`
    column: Tensor  # (P,) gallery row
    good: Tensor  # (P,) bool: a match; the others are junk


def match_and_junk_masks(
    rows: Tensor, labels: RetrievalLabels, protocol: Protocol
) -> tuple[Tensor, Tensor]:
    """Masks (b, G) bool of the matches and of the junk of the queries `rows` (b,)."""
    same = labels.query_pids[rows, None] == labels.gallery_pids
    junk = (labels.gallery_pids == -1).expand_as(same)
    if protocol.same_camera_is_junk:
        query_camids, gallery_camids = labels.cameras()
        junk = junk | (same & (query_camids[rows, None] == gallery_camids))
    if protocol.one_set:
        junk = junk | (rows[:, None] == torch.arange(same.shape[1], device=rows.device))
    return same & ~junk, junk


def same_identity_rows(labels: RetrievalLabels) -> SameIdentityRows:
    """Gallery images by identity. Those of pid -1 belong to no query."""
    pids = labels.gallery_pids
    columns = (torch.isin(pids, labels.query_pids) & (pids != -1)).nonzero().flatten()
    columns = columns[pids[columns].argsort(stable=True)]
    start = torch.searchsorted(pids[columns], labels.query_pids)
    stop = torch.searchsorted(pids[columns], labels.query_pids, right=True)
    return SameIdentityRows(columns, start, stop - start)


def same_identity_pairs(
    rows: Tensor, same: SameIdentityRows, labels: RetrievalLabels, protocol: Protocol
) -> SameIdentityPairs:
    """Pairs of the queries `rows` (b,)."""
    count = same.count[rows]
    place = torch.arange(len(rows), device=rows.device).repeat_interleave(count)
    number = torch.arange(len(place), device=rows.device) - (count.cumsum(0) - count)[place]
    position = same.start[rows][place] + number
    column, query = same.columns[position], rows[place]
    good = torch.ones_like(place, dtype=torch.bool)
    if protocol.same_camera_is_junk:
        query_camids, gallery_camids = labels.cameras()
        good &= query_camids[query] != gallery_camids[column]
    if protocol.one_set:
        good &= query != column
    return SameIdentityPairs(place, position, column, good)


def queries_with_match(labels: RetrievalLabels, protocol: str | Protocol) -> Tensor:
    """Mask (Q,) bool of queries with a match in the gallery; in O((Q + G) log(Q + G)).

    Raises:
        ValueError: as `labels.check_protocol`.
    """
    rules = find_protocol(protocol)
    check_protocol(labels, rules)
    num_query = labels.num_query
    pids = torch.cat([labels.query_pids, labels.gallery_pids])

    def in_gallery(keys: Tensor) -> Tensor:
        """(Q,) gallery images with the key of the query, those without identity left out."""
        _, group = keys.unique(return_inverse=True)
        known = group[num_query:][labels.gallery_pids != -1]
        return torch.bincount(known, minlength=int(group.max()) + 1)[group[:num_query]]

    matches = in_gallery(pids)
    if rules.same_camera_is_junk:
        _, camera = torch.cat(labels.cameras()).unique(return_inverse=True)
        _, person = pids.unique(return_inverse=True)
        matches -= in_gallery(person * (camera.max() + 1) + camera)
    elif rules.one_set:  # else the image itself, of its own camera, has been taken off already
        matches -= 1
    return (matches > 0) & (labels.query_pids != -1)


def fitting_protocols(labels: RetrievalLabels) -> list[str]:
    """Names of `PROTOCOLS` under which some query has a match.

    'all-vs-all' fits where all images in one set, queries and gallery, have one.
    """
    names = []
    for name, protocol in PROTOCOLS.items():
        fitted = labels
        if protocol.one_set and not torch.equal(labels.query_pids, labels.gallery_pids):
            fitted = RetrievalLabels.of_one_set(torch.cat([labels.query_pids, labels.gallery_pids]))
        if protocol.same_camera_is_junk and labels.query_camids is None:
            continue
        if queries_with_match(fitted, protocol).any():
            names.append(name)
    return names


def check_matches(
    labels: RetrievalLabels, protocol: str | Protocol, name: str = '', key: str = 'protocol'
) -> None:
    """Raises ValueError where no query has a match, so that no score exists.

    It takes labels alone, so it can be called before anything is trained.

    Args:
        name: of the data set, for the error.
        key: what sets the protocol, for the error: an argument or a key of the config.

    Raises:
        ValueError: no query has a match; names the protocol that would fit. Or as
            `labels.check_protocol`.
    """
    rules = find_protocol(protocol)
    if queries_with_match(labels, rules).any():
        return
    known = labels.gallery_pids[labels.gallery_pids != -1]
    shared = int((torch.isin(labels.query_pids, known) & (labels.query_pids != -1)).sum())
    fits = [other for other in fitting_protocols(labels) if other != rules.name]
    if not (labels.query_pids != -1).any():
        hint = (
            'all queries have pid -1, no identity: read them with labelled=True, or by a pattern '
            'or CSV that tells pids'
        )
    elif rules.one_set and not rules.same_camera_is_junk:
        hint = 'but every person has a single image: take a set with several'
    elif shared:
        hint = 'but always by the same camera: check the camids'
    else:
        hint = 'check that query and gallery number the same people'
    fix = ''
    if fits:
        fix = f", or set {key}='{fits[0]}'" + (
            ', which compares all images with one another' if PROTOCOLS[fits[0]].one_set else ''
        )
    raise ValueError(
        f'{f"{name}: " if name else ""}none of {labels.num_query} queries has a match among '
        f"{labels.num_gallery} gallery images under protocol '{rules.name}'; {shared} share a pid "
        f'with one; {hint}{fix}'
    )
