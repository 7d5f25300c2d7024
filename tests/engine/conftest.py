"""Trainings of gcl_tiny.py, and finished ones that tests share and only read."""

import itertools
from pathlib import Path

import pytest
import torch
from crashes import Killed, KillHook
from memory_runs import trained
from tiny_networks import environment, python

from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NUMBERS = itertools.count()


def tiny_config(work_dir: Path, options: dict | None = None, **keys):
    """The config of gcl_tiny.py with dotted options merged and top-level keys set."""
    cfg = load_config(HERE / 'gcl_tiny.py', options)
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'tiny_{next(NUMBERS)}'  # mmengine keeps one log history a name
    for key, value in keys.items():
        cfg[key] = value
    return cfg


def tiny_runner(work_dir: Path, options: dict | None = None, **keys) -> ReIDRunner:
    return ReIDRunner.from_cfg(tiny_config(work_dir, options, **keys))


@pytest.fixture
def config():
    return tiny_config


@pytest.fixture
def build():
    return tiny_runner


@pytest.fixture
def train():
    """Training that returns its runner; with `kill_at` a crash ends it in that iteration."""

    def run(work_dir: Path, options: dict | None = None, kill_at: int | None = None, **keys):
        runner = tiny_runner(work_dir, options, **keys)
        if kill_at is not None:
            runner.register_hook(KillHook(kill_at))
        try:
            runner.train()
        except Killed:
            assert runner.iter + 1 == kill_at
        return runner

    return run


@pytest.fixture(scope='session')
def straight(tmp_path_factory) -> ReIDRunner:
    """A finished training of 7 + 6 + 7 iterations, a checkpoint every five; not to be changed."""
    runner = tiny_runner(
        tmp_path_factory.mktemp('straight'),
        {'default_hooks.checkpoint.max_keep_ckpts': -1},
    )
    runner.train()
    return runner


@pytest.fixture(scope='session')
def memory_training(tmp_path_factory) -> ReIDRunner:
    """A finished training of gcl_memories.py, a checkpoint every other iteration; not to change."""
    return trained(tmp_path_factory.mktemp('memories'))


@pytest.fixture
def step_of(build, tmp_path):
    """Model, optimizer groups and a preprocessed batch, in a stage of gcl_tiny.py."""

    def make(stage_name: str, options: dict | None = None):
        runner = build(tmp_path / f'step_{stage_name}', options)
        loop, model = runner.train_loop, runner.model
        stage = next(stage for stage in loop.stages if stage.name == stage_name)
        model.train()
        model.enter_stage(stage.name, stage.phases, stage.frozen, stage.loss_weights)
        if model.active_banks():
            rng = torch.Generator().manual_seed(0)
            pids = loop.dataloader.dataset['source'].pids
            model.bank.fill(torch.randn(32, 8, generator=rng), torch.as_tensor(pids))
        fields = stage.fields(tuple(loop.dataloader.loaders))
        loop.dataloader.start(fields, dict.fromkeys(fields.values(), 0))
        batch = model.data_preprocessor(next(loop.dataloader))
        return model, runner.build_optim_wrapper(runner.optim_wrapper), batch

    return make


@pytest.fixture
def shell():
    return python


@pytest.fixture
def env():
    return environment


def snapshot(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in model.state_dict().items()}


@pytest.fixture
def moved():
    """Names of the networks and memories that differ between two state dicts."""

    def compare(before: dict, after: dict) -> set[str]:
        assert before.keys() == after.keys()
        return {key.partition('.')[0] for key in before if not torch.equal(before[key], after[key])}

    compare.snapshot = snapshot
    return compare
