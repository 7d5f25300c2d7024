"""Finding a checkpoint to go on from, and loading it key by key."""

import logging
import re
from pathlib import Path

import torch

from reidgen.checkpoint import read_checkpoint


def newest_checkpoint(work_dir: str | Path, logger: logging.Logger | None = None) -> Path | None:
    """The latest `iter_N.pth` or `stage_<name>.pth` that is whole; None if there is none."""
    logger = logger or logging.getLogger(__name__)
    numbers: dict[Path, int] = {}
    for path in training_checkpoints(work_dir):
        named = re.fullmatch(r'iter_(\d+)', path.stem)
        numbers[path] = int(named[1]) if named else _iteration(path, logger)
    for path in sorted(numbers, key=numbers.get, reverse=True):
        if _iteration(path, logger) >= 0:
            return path
    return None


def _iteration(path: Path, logger: logging.Logger) -> int:
    """Of a checkpoint; -1 if it is cut short or damaged."""
    try:
        return read_checkpoint(path)['meta']['iter']
    except ValueError as error:
        logger.warning(f'{error}; an older checkpoint is tried')
        return -1


def training_checkpoints(work_dir: str | Path) -> list[Path]:
    """Every `iter_N.pth` and `stage_<name>.pth` of a work dir, whole or not."""
    return [
        path
        for path in sorted(Path(work_dir).glob('*.pth'))
        if re.fullmatch(r'iter_\d+|stage_.+', path.stem)
    ]


def check_fresh(work_dir: str | Path) -> None:
    """Raises FileExistsError where a new training would mix its checkpoints with those of another
    one, so that a resume could not tell them apart.
    """
    there = training_checkpoints(work_dir)
    if there:
        raise FileExistsError(
            f'{work_dir} holds {len(there)} checkpoints of a training ({there[0].name}, ...): '
            f'--resume continues it; for a new one give another --work-dir, or move them away'
        )


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
