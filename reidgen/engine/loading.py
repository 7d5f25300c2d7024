"""Checkpoints of a work dir, and trained models loaded from checkpoints."""

import logging
import re
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device

from reidgen.checkpoint import load_for_evaluation, load_strictly, read_checkpoint, read_weights
from reidgen.models.adversarial import AdversarialModel
from reidgen.registry import MODELS, build

from .config import drop_pretrained

__all__ = [
    'check_fresh',
    'load_strictly',
    'newest_checkpoint',
    'trained_model',
    'training_checkpoints',
]


def newest_checkpoint(work_dir: str | Path, logger: logging.Logger | None = None) -> Path | None:
    """Latest complete `iter_N.pth` or `stage_<name>.pth`; None if there is none."""
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
    """Iteration of a checkpoint; -1 if it is cut short or damaged."""
    try:
        return read_checkpoint(path)['meta']['iter']
    except ValueError as error:
        logger.warning(f'{error}; an older checkpoint is tried')
        return -1


def training_checkpoints(work_dir: str | Path) -> list[Path]:
    """Paths `iter_N.pth` and `stage_<name>.pth` of a work dir, complete or not."""
    return [
        path
        for path in sorted(Path(work_dir).glob('*.pth'))
        if re.fullmatch(r'iter_\d+|stage_.+', path.stem)
    ]


def check_fresh(work_dir: str | Path) -> None:
    """Raises FileExistsError where a work dir has the checkpoints of another training, which a
    resume could not distinguish.
    """
    there = training_checkpoints(work_dir)
    if there:
        raise FileExistsError(
            f'{work_dir} holds {len(there)} checkpoints of a training ({there[0].name}, ...): '
            f'--resume continues it; for a new one give another --work-dir, or move them away'
        )


def trained_model(
    cfg: Config, checkpoint: str | Path, amp: bool = False, to_embed: bool = False
) -> AdversarialModel:
    """Model of a config with a checkpoint's tensors, in eval mode, on a GPU if there is one.

    No runner, no data set. The config's model has no pretrained weights afterwards.

    Args:
        cfg: of `load_config`.
        checkpoint: a .pth or .safetensors file with every tensor of the model.
        amp: bfloat16 autocast in what the model computes.
        to_embed: only `embed` is needed, so the networks that it evaluates are enough.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged or does not fit the model.
    """
    drop_pretrained(cfg)
    model = build(cfg.model.to_dict(), MODELS, 'model')
    load = load_for_evaluation if to_embed else load_strictly
    load(model, *read_weights(checkpoint))
    model.amp = amp
    return model.to(get_device()).eval()
