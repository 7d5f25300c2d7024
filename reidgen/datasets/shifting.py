"""Pictures moved by whole pixels."""

import numpy as np
import torch
from torch import Tensor


def shifted(picture: Tensor, down: int, right: int, fill: np.ndarray) -> Tensor:
    """Picture (..., C, H, W) moved by pixels, the rest of it filled with (C, 1, 1) or one value."""
    old = picture.numpy()
    new = np.empty(old.shape, old.dtype)
    new[...] = fill
    height, width = old.shape[-2:]
    to_rows, rows = _overlap(height, down)
    to_columns, columns = _overlap(width, right)
    new[..., to_rows, to_columns] = old[..., rows, columns]
    return torch.from_numpy(new)


def _overlap(length: int, shift: int) -> tuple[slice, slice]:
    """Where what stays within a side is in the moved picture, and where it is in the old one."""
    shift = max(-length, min(length, shift))
    stays = length - abs(shift)
    start, old = max(shift, 0), max(-shift, 0)
    return slice(start, start + stays), slice(old, old + stays)
