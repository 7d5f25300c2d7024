"""Trainings of gcl_tiny.py in this process, which may be one of several (RANK is set)."""

import os
import warnings
from pathlib import Path

import torch

from reidgen.checkpoint import plain_key
from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config
from reidgen.models.adversarial import unwrap_model

HERE = Path(__file__).resolve().parent


def train(work_dir: str, out: str, options: dict) -> None:
    resume = options.pop('resume', False)
    cfg = load_config(HERE / 'gcl_tiny.py', options)
    cfg.work_dir, cfg.resume, cfg.experiment_name = (
        work_dir,
        resume,
        Path(out).parent.name + str(resume),
    )
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


def run(jobs: list[tuple[str, str, dict]], environment: dict[str, str]) -> None:
    """Trains (work dir, file for the end, options) one after another."""
    warnings.simplefilter('ignore')
    os.environ |= environment
    if 'RANK' in os.environ:
        torch.distributed.init_process_group('gloo')
    for job in jobs:
        train(*job)
    if 'RANK' in os.environ:
        torch.distributed.destroy_process_group()
