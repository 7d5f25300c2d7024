"""Trainings of gcl_memories.py and gcl_single_tiny.py."""

from pathlib import Path

from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config

CONFIG = Path(__file__).with_name('gcl_memories.py')
SINGLE = Path(__file__).with_name('gcl_single_tiny.py')


def trained(
    work_dir: Path, options: dict | None = None, config: Path = CONFIG, hooks=(), **keys
) -> ReIDRunner:
    """Finished training of a config with dotted options, more hooks and top-level keys."""
    cfg = load_config(config, options)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = (
        f'{config.stem}_{work_dir.name}_{sorted((options or {}).items())}_{sorted(keys)}'
    )
    for key, value in keys.items():
        cfg[key] = value
    runner = ReIDRunner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    return runner
