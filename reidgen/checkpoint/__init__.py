"""Checkpoints: safe reading without code execution, and loading by tensor names.

`read_checkpoint` gives a file of a training as it is; `read_weights` the state dict of any file
that people have. `load_strictly` takes every tensor; `load_for_training` (--load-from) and
`load_for_evaluation` take the networks that the names determine, and log what was left.
"""

from .checksum import KEY as CHECKSUM
from .checksum import check_content, content_checksum
from .loading import load_for_evaluation, load_for_training, load_strictly
from .matching import WRAPPERS, Match, check_values, match, plain_key
from .reading import Weights, hub_file, read_checkpoint, read_weights

__all__ = [
    'CHECKSUM',
    'WRAPPERS',
    'Match',
    'Weights',
    'check_content',
    'check_values',
    'content_checksum',
    'hub_file',
    'load_for_evaluation',
    'load_for_training',
    'load_strictly',
    'match',
    'plain_key',
    'read_checkpoint',
    'read_weights',
]
