"""Hooks: what happens around the iterations."""

from .baselines import BaselineHook
from .best_loss import BestLossHook
from .checkpoint import WholeCheckpointHook
from .memory_init import MemoryInitHook
from .plain_checkpoint import PlainCheckpointHook
from .progress import ProgressHook
from .pseudo_label import PseudoLabelHook
from .retrieval_report import RetrievalReportHook
from .stage import StageHook
from .stage_lr import StageLRHook, StageRuntimeInfoHook
from .translation_grid import TranslationGridHook

__all__ = [
    'BaselineHook',
    'BestLossHook',
    'MemoryInitHook',
    'PlainCheckpointHook',
    'ProgressHook',
    'PseudoLabelHook',
    'RetrievalReportHook',
    'StageHook',
    'StageLRHook',
    'StageRuntimeInfoHook',
    'TranslationGridHook',
    'WholeCheckpointHook',
]
