"""Pictures of clusters: the largest ones, a line each."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as nnf
from PIL import Image
from torch import Tensor

from reidgen.visualization.ranked_lists import Cell, draw_lines


def draw_largest_clusters(
    labels: Tensor,
    features: Tensor,
    pids: Sequence[int],
    read: Callable[[int], Image.Image],
    path: str | Path,
    num_clusters: int = 8,
    num_images: int = 10,
) -> Image.Image | None:
    """Draws a line a cluster, the largest first: its most central image, then the others by
    falling similarity to it.

    The central image is framed blue; others green where they are of its identity, red where not,
    dark where an identity is unknown. Captions are the cluster's number and size, and identities.

    Args:
        labels: (N,) int64 clusters, -1 for outliers.
        features: (N, D), rows L2-normalised.
        pids: (N,) true identities, -1 where unknown.
        read: image of a row.
        path: of the PNG file; its folder is made.
        num_clusters: lines at most; of clusters of one size the lower number comes first.
        num_images: beside the central one, at most.

    Returns:
        the picture; None, and nothing written, where there is no cluster.
    """
    sizes = torch.bincount(labels[labels >= 0])
    largest = sizes.argsort(descending=True, stable=True)[:num_clusters].tolist()
    lines = []
    for cluster in largest:
        rows = (labels == cluster).nonzero().flatten()
        own = features[rows].float()
        central = int((own @ nnf.normalize(own.mean(0), dim=0)).argmax())
        order = rows[(own @ own[central]).argsort(descending=True, stable=True)].tolist()
        first = int(rows[central])
        others = [row for row in order if row != first][:num_images]
        title = f'{cluster}: {len(rows)} im.'
        lines.append(
            [_cell(read, first, 'query', title)]
            + [_cell(read, row, _kind(pids[first], pids[row]), _name(pids[row])) for row in others]
        )
    return draw_lines(lines, num_images, path) if lines else None


def _cell(read: Callable[[int], Image.Image], row: int, kind: str, caption: str) -> Cell:
    return Cell(lambda: read(row), kind, caption)


def _kind(first: int, other: int) -> str:
    if min(first, other) < 0:
        return 'unknown'
    return 'match' if first == other else 'miss'


def _name(pid: int) -> str:
    return 'pid ?' if pid < 0 else f'pid {pid}'
