"""Trainings in this process, which may be one of several (RANK is set)."""

import os
from pathlib import Path

import torch

from reidgen.checkpoint import plain_key
from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config
from reidgen.models.adversarial import unwrap_model

HERE = Path(__file__).resolve().parent


def train(work_dir: Path, out: Path, options: dict) -> None:
    """Trains gcl_tiny.py, or the config that an option names, and saves how it ends."""
    options = dict(options)
    resume = options.pop('resume', False)
    cfg = load_config(HERE / options.pop('config', 'gcl_tiny.py'), options)
    cfg.work_dir, cfg.resume = str(work_dir), resume
    cfg.experiment_name = work_dir.name + str(resume)
    cfg.launcher = 'pytorch' if 'RANK' in os.environ else 'none'
    runner = ReIDRunner.from_cfg(cfg)
    runner.train()
    state = unwrap_model(runner.model).state_dict()
    torch.save(
        dict(
            state={plain_key(key): value for key, value in state.items()},
            evaluations=runner.message_hub.runtime_info.get('evaluations', []),
        ),
        out,
    )
