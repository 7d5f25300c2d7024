"""Checksum over the content of a checkpoint."""

import hashlib
import struct
from pathlib import Path

import torch
from torch import Tensor

KEY = 'reidgen_checksum'  # in the dictionary of a checkpoint


def content_checksum(checkpoint: dict) -> str:
    """BLAKE2b hex digest of tensors, plain values and their keys, without that under KEY.

    A file's own CRC tells what happened to the file; this one also what happened to the numbers
    before it was written, or when another program wrote it anew.

    Args:
        checkpoint: nested dictionaries, lists and tuples of dense tensors and plain values.

    Raises:
        TypeError: it holds a value of another type.
    """
    digest = hashlib.blake2b(digest_size=16)
    _add(digest, {key: value for key, value in checkpoint.items() if key != KEY})
    return digest.hexdigest()


def check_content(checkpoint: dict, source: str | Path) -> None:
    """Raises ValueError where the content differs from its checksum; a file may have none.

    Raises:
        ValueError: names the file, and how to load one that was changed on purpose.
    """
    told = checkpoint.get(KEY)
    if told is None:
        return
    try:
        found = content_checksum(checkpoint)
    except (TypeError, RuntimeError) as error:  # put in by hand: an odd value, a sparse tensor
        found = str(error)
    if told != found:
        raise ValueError(
            f'checkpoint {source} is damaged: its content differs from its checksum ({told}, now '
            f"{found}). Take another one; if it was changed on purpose, remove its key '{KEY}'"
        )


def _add(digest, value) -> None:
    """Adds a value with its type and size, so that no two contents give the same bytes."""
    if isinstance(value, Tensor):
        _add(digest, [str(value.dtype), *value.shape])
        data = value.detach().cpu().contiguous().reshape(-1)
        digest.update(data.view(torch.uint8).numpy() if data.numel() else b'')
    elif isinstance(value, dict):
        digest.update(b'd' + struct.pack('<q', len(value)))
        for key, item in value.items():
            _add(digest, key)
            _add(digest, item)
    elif isinstance(value, list | tuple):
        kind = b't' if isinstance(value, tuple) else b'l'
        digest.update(kind + struct.pack('<q', len(value)))
        for item in value:
            _add(digest, item)
    elif value is None or isinstance(value, bool | int | float | str):
        # repr tells any two of these apart, and is exact for floats
        data = f'{type(value).__name__} {value!r}'.encode('utf-8', 'surrogatepass')
        digest.update(b'v' + struct.pack('<q', len(data)) + data)
    else:
        raise TypeError(f'a checkpoint holds no {type(value).__name__}')
