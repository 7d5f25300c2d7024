"""Hooks around the training iterations."""

from .atomic_checkpoint import AtomicCheckpointHook
from .baselines import BaselineHook
from .best_loss import BestLossHook
from .gan_diagnostics import GANDiagnosticsHook
from .memory_init import MemoryInitHook
from .plateau_lr import PlateauLRHook
from .preemption import PreemptionHook
from .progress import ProgressHook
from .pseudo_label import PseudoLabelHook
from .retrieval_report import RetrievalReportHook
from .safe_checkpoint import SafeCheckpointHook
from .stage import StageHook
from .stage_lr import StageLRHook, StageRuntimeInfoHook
from .translation_grid import TranslationGridHook
from .watchdog import WatchdogHook

__all__ = [
    'AtomicCheckpointHook',
    'BaselineHook',
    'BestLossHook',
    'GANDiagnosticsHook',
    'MemoryInitHook',
    'PlateauLRHook',
    'PreemptionHook',
    'ProgressHook',
    'PseudoLabelHook',
    'RetrievalReportHook',
    'SafeCheckpointHook',
    'StageHook',
    'StageLRHook',
    'StageRuntimeInfoHook',
    'TranslationGridHook',
    'WatchdogHook',
]
