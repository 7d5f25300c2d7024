"""Fixtures of the projects' tests: a config's model in the middle of training."""

import itertools
from pathlib import Path

import pytest
import torch
from mmengine.config import config as mmengine_config

from reidgen.cli import parse, translate
from reidgen.datasets import FolderReID, ShapesReID
from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config
from reidgen.engine.optim import check_groups
from reidgen.engine.step import run_phases

NUMBERS = itertools.count()

torch.set_num_threads(1)  # bits depend on the number
# every run writes its config as text, which takes longer to lay out than many a run here takes
mmengine_config.FormatCode = lambda text, style_config: (text, True)


class Step:
    """The model of a config with its optimizers and its first batch, ready for a phase."""

    def __init__(self, runner: ReIDRunner):
        loop, self.model = runner.train_loop, runner.model
        self.optim = runner.build_optim_wrapper(runner.optim_wrapper)
        loaders = loop.dataloader.loaders
        loop.dataloader.start(loop.stages[0].fields(tuple(loaders)), dict.fromkeys(loaders, 0))
        self.model.train()
        self.model.enter_stage(loop.stages[0].name)
        self.batch = self.model.data_preprocessor(next(loop.dataloader))

    def moves(self, phase: str) -> set[str]:
        """Names of the networks and memories that an iteration of this phase alone changes."""
        before = {key: value.clone() for key, value in self.model.state_dict().items()}
        self.model.enter_stage('test', [phase])
        run_phases(self.model, self.batch, self.optim, iteration=0, done=0)
        assert all(parameter.grad is None for parameter in self.model.parameters())
        after = self.model.state_dict()
        return {key.partition('.')[0] for key in before if not torch.equal(before[key], after[key])}

    def gradients(self, term: torch.Tensor) -> set[str]:
        """Names of the networks that a term gives a gradient other than 0."""
        named = [
            (name, parameter)
            for name in self.model.network_names
            for parameter in getattr(self.model, name).parameters()
            if parameter.requires_grad
        ]
        found = torch.autograd.grad(
            term, [p for _, p in named], allow_unused=True, retain_graph=True
        )
        return {
            name for (name, _), g in zip(named, found) if g is not None and bool((g != 0).any())
        }


@pytest.fixture
def build(tmp_path):
    """Runner of a config with dotted options merged; nothing is written but into tmp_path."""

    def make(path: Path, options: dict | None = None, change=None) -> ReIDRunner:
        cfg = load_config(path, options)
        if change is not None:
            change(cfg)
        cfg.work_dir = str(tmp_path / path.stem)
        cfg.experiment_name = f'{path.stem}_{next(NUMBERS)}'  # one log history a name
        cfg.visualizer = dict(type='LogVisualizer', vis_backends=None)
        return ReIDRunner.from_cfg(cfg)

    return make


@pytest.fixture
def check_builds(build):
    """Checks that a config builds: model, loops and optimizers, all checks before training."""

    def check(path: Path, change=None) -> None:
        runner = build(path, change=change)
        loop, optim = runner.train_loop, runner.build_optim_wrapper(runner.optim_wrapper)
        check_groups(runner.model, optim, loop.stages)

    return check


@pytest.fixture
def translated(build, tmp_path):
    """Trains a smoke config and translates a set with it: folder of the copy."""

    def make(path: Path, *options: str) -> Path:
        runner = build(path)
        runner.train()
        checkpoint = Path(runner.work_dir, f'stage_{runner.train_loop.stages[0].name}.pth')
        out = tmp_path / 'copy'
        args = [str(path), str(checkpoint), '--out', str(out), *options]
        translate.run(parse('translate', args))
        return out

    return make


@pytest.fixture
def trains_and_translates(translated, tmp_path):
    """Checks that a smoke config draws its grid, and that its copy is the source in other
    pictures.
    """

    def check(path: Path) -> None:
        copy = FolderReID(str(translated(path)), layout='market')
        assert len(list((tmp_path / path.stem / 'grids').glob('*.png'))) == 1
        source = ShapesReID(
            domain='a', num_identities=4, images_per_identity=2, size=(64, 32), split='train'
        )
        names = [[Path(record.path).name for record in each.records] for each in (copy, source)]
        assert names[0] == names[1]
        assert torch.equal(copy.pids, source.pids)
        assert copy[0].img.shape == source[0].img.shape
        assert not torch.equal(copy[0].img, source[0].img)

    return check


@pytest.fixture
def step_of(build):
    def make(path: Path, options: dict | None = None, change=None) -> Step:
        return Step(build(path, options, change))

    return make
