"""Trainings of gcl_kills.py in processes of their own, killed at a chosen write."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import torch

from reidgen.checkpoint import read_checkpoint
from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config
from tests.forks import in_child

CONFIG = Path(__file__).with_name('gcl_kills.py')
CALLS = ('replace', 'link', 'unlink', 'fsync', 'rename', 'rmdir')  # of os: what changes a folder
VARYING = ('cfg', 'eta', 'experiment_name', 'mmengine_version')  # time, folder, commit
LOGS = re.compile(r'\d{8}_\d{6}/')  # a folder of each process, with its times


def train(work_dir: Path, options: dict | None = None, resume=False) -> None:
    """Trains in this process; `resume` may be a path."""
    cfg = load_config(CONFIG, options)
    cfg.work_dir, cfg.resume = str(work_dir), bool(resume)
    cfg.load_from = resume if isinstance(resume, str) else None
    cfg.experiment_name = 'kills'
    cfg.launcher = 'pytorch' if 'RANK' in os.environ else 'none'
    ReIDRunner.from_cfg(cfg).train()


def note_writes(kill: Callable[[list[str]], bool] = lambda noted: False) -> list[str]:
    """Calls by which this process writes from here on; SIGKILL comes before the one to kill at."""
    noted = []

    def watch(name: str):
        call = getattr(os, name)

        def watched(*args, **kwargs):
            noted.append(f'{name} {args[-1]}')
            if kill(noted):
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return watched

    for name in CALLS:
        setattr(os, name, watch(name))
    return noted


def is_number(number: int) -> Callable[[list[str]], bool]:
    """Whether the last write is the n-th of its process, from 0."""
    return lambda noted: len(noted) - 1 == number


def is_like(pattern: str, number: int = 0) -> Callable[[list[str]], bool]:
    """Whether the last write is the n-th of its process that ends like that, from 0."""
    like = re.compile(f'{pattern}$').search
    return lambda noted: bool(like(noted[-1])) and sum(map(bool, map(like, noted))) == number + 1


def killed_at(work_dir: Path, kill, log: Path, options=None, resume=False) -> int:
    """Status of a training killed before a write; 0 where it has no such."""

    def work():
        note_writes(kill)
        train(work_dir, options, resume)

    return in_child(work, log)


def finished(work_dir: Path, log: Path, options=None, resume=False) -> None:
    status = in_child(lambda: train(work_dir, options, resume), log)
    assert status == 0, log.read_text()[-3000:]


def contents(work_dir: Path) -> dict[str, object]:
    """What a training left, by path: bytes of files, checkpoints without times and names."""
    found = {}
    for path in sorted(work_dir.rglob('*')):
        name = str(path.relative_to(work_dir))
        if LOGS.match(f'{name}/') or name in ('.lock', CONFIG.name):
            continue
        if path.is_dir():
            found[name] = 'folder'
        else:
            found[name] = _lasting(path) if path.suffix == '.pth' else path.read_bytes()
    return found


def _lasting(path: Path) -> dict:
    checkpoint = read_checkpoint(path)
    hub, meta = checkpoint['message_hub'], checkpoint['meta']
    scalars = {k: v for k, v in hub['log_scalars'].items() if 'time' not in k}
    info = {k: v for k, v in hub['runtime_info'].items() if k not in VARYING}
    parts = ('state_dict', 'optimizer', 'random_state', 'stages')
    kept = {part: checkpoint[part] for part in parts if part in checkpoint}
    return kept | dict(scalars=scalars, info=info, iter=meta['iter'])


def differences(one, other, place: str = '') -> list[str]:
    """Places at which two nested contents differ, bit for bit."""
    if type(one) is not type(other):
        return [f'{place}: {type(one).__name__}, {type(other).__name__}']
    if isinstance(one, dict):
        found = [f'{place}/{key}: on one side' for key in one.keys() ^ other.keys()]
        for key in one.keys() & other.keys():
            found += differences(one[key], other[key], f'{place}/{key}')
        return sorted(found)
    if isinstance(one, list | tuple):
        if len(one) != len(other):
            return [f'{place}: {len(one)}, {len(other)} items']
        pairs = enumerate(zip(one, other))
        return [each for n, (a, b) in pairs for each in differences(a, b, f'{place}/{n}')]
    same = torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other
    return [] if same else [place]
