"""Trained models loaded from checkpoints."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import MMLogger

from reidgen.checkpoint import load_for_evaluation, load_strictly, read_weights
from reidgen.models.adversarial import AdversarialModel
from reidgen.registry import MODELS, build

from .config import drop_pretrained


@contextmanager
def warnings_only() -> Iterator[None]:
    """Log of warnings alone, as networks that a checkpoint fills do not start at random."""
    log = MMLogger.get_current_instance()
    level = log.level
    log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log.setLevel(level)


def unloaded_model(settings: dict[str, Any]) -> AdversarialModel:
    """Model of `cfg.model` whose tensors a checkpoint brings; the log says nothing of it."""
    with warnings_only():
        return build(settings, MODELS, 'model')


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
    model = unloaded_model(cfg.model.to_dict())
    load = load_for_evaluation if to_embed else load_strictly
    load(model, *read_weights(checkpoint))
    model.amp = amp
    return model.to(get_device()).eval()


def recalibrated_by(cfg: Config) -> tuple[str, object] | None:
    """Key and value by which each evaluation re-estimates batch-norm statistics; None: it does not.

    `model.bn_mode` 'target_recalib' or `val_cfg.recalibrate`.
    """
    if cfg.model.get('bn_mode') == 'target_recalib':
        return 'model.bn_mode', 'target_recalib'
    if (cfg.get('val_cfg') or {}).get('recalibrate'):
        return 'val_cfg.recalibrate', True
    return None
