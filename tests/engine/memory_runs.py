"""Trainings of gcl_memories.py."""

from pathlib import Path

from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config

CONFIG = Path(__file__).with_name('gcl_memories.py')


def trained(work_dir: Path, options: dict | None = None, **keys) -> ReIDRunner:
    cfg = load_config(CONFIG, options)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'{work_dir.name}_{sorted((options or {}).items())}_{sorted(keys)}'
    for key, value in keys.items():
        cfg[key] = value
    runner = ReIDRunner.from_cfg(cfg)
    runner.train()
    return runner
