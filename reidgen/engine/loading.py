"""Finding a checkpoint to go on from, and loading it key by key."""

import logging
import re
import zipfile
from pathlib import Path

import torch

from reidgen.checkpoint import read_checkpoint


def newest_checkpoint(work_dir: str | Path, logger: logging.Logger | None = None) -> Path | None:
    """The latest `iter_N.pth` or `stage_<name>.pth` that is whole; None if there is none."""
    found: dict[Path, int] = {}
    for path in sorted(Path(work_dir).glob('*.pth')):
        match = re.fullmatch(r'iter_(\d+)|stage_.+', path.stem)
        if match and zipfile.is_zipfile(path):
            found[path] = int(match[1]) if match[1] else read_checkpoint(path)['meta']['iter']
        elif match:
            (logger or logging.getLogger(__name__)).warning(
                f'{path} is cut short; trying an older checkpoint'
            )
    return max(found, key=found.get, default=None)


def load_strictly(model: torch.nn.Module, state: dict, filename: str | Path) -> None:
    """Loads a state dict of which every key and shape must fit.

    Raises:
        ValueError: says how many keys are missing, unknown or of another shape, and names the
            first.
    """
    names = {plain_key(key): key for key in model.state_dict()}
    own = {plain_key(key): value for key, value in model.state_dict().items()}
    shapes = [
        f'{key} {tuple(state[key].shape)} instead of {tuple(own[key].shape)}'
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    faults = {
        'missing': sorted(set(own) - set(state)),
        'unknown': sorted(set(state) - set(own)),
        'of another shape': shapes,
    }
    told = [
        f'{len(keys)} {what} ({", ".join(keys[:3])}{", ..." if len(keys) > 3 else ""})'
        for what, keys in faults.items()
        if keys
    ]
    if told:
        raise ValueError(
            f'{filename} does not fit {type(model).__name__}: of {len(own)} tensors '
            f'{"; ".join(told)}. Use the config it was trained with'
        )
    model.load_state_dict({names[key]: value for key, value in state.items()})


def plain_key(key: str) -> str:
    """A key of a state dict without the `module.` of distributed wrappers."""
    return re.sub(r'(^|\.)module\.', r'\1', key)
