"""Engine: loops, hooks, optimizer groups and the runner."""

from . import hooks
from .ddp import SepDDP
from .optim import OptimizerPerGroup
from .runner import ReIDRunner
from .step import run_phases, weigh
from .train_loop import StagedTrainLoop
from .val_loop import RetrievalValLoop

__all__ = [
    'OptimizerPerGroup',
    'ReIDRunner',
    'RetrievalValLoop',
    'SepDDP',
    'StagedTrainLoop',
    'hooks',
    'run_phases',
    'weigh',
]
