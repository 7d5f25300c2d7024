"""Embeddings with thumbnails for TensorBoard's projector."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from reidgen.datasets.records import Record
from reidgen.spacing import evenly_spaced

MAX_IMAGES = 2000  # evenly spaced; a sprite of TensorBoard has at most 8192 x 8192 pixels
SIDE = 64  # pixels of a thumbnail, which TensorBoard wants square


def write_projector(
    folder: str | Path,
    features: Tensor,
    records: Sequence[Record],
    read: Callable[[int], Image.Image],
    num_query: int,
) -> int:
    """Writes embeddings into a folder for `tensorboard --logdir`; returns how many images.

    Args:
        features: (N, D), a row a record.
        read: image of a row.
        num_query: rows before it are labelled as queries.
    """
    from torch.utils.tensorboard import SummaryWriter

    num = min(MAX_IMAGES, len(records))
    rows = evenly_spaced(len(records), num)
    thumbnails = torch.stack(
        [pil_to_tensor(ImageOps.pad(read(row), (SIDE, SIDE), color='white')) for row in rows]
    )
    about = [
        [
            str(records[row].pid),
            str(records[row].camid + 1),
            'query' if row < num_query else 'gallery',
            Path(records[row].path).name,
        ]
        for row in rows
    ]
    with SummaryWriter(str(folder)) as writer:
        writer.add_embedding(
            features[rows],
            metadata=about,
            metadata_header=['identity', 'camera', 'part', 'file'],
            label_img=thumbnails / 255,
        )
    return num
