"""The code blocks of a page, as files and runs."""

import os
import re
from pathlib import Path
from unittest.mock import patch

from torchvision.models import get_model
from torchvision.models.resnet import BasicBlock, ResNet

from tests.forks import run_program

ROOT = Path(__file__).parents[1]


def snippet(page: Path, name: str) -> str:
    """The one Python block of a page that begins with the comment `# name`."""
    blocks = re.findall(r'```python\n(.*?)```', page.read_text(encoding='utf-8'), re.DOTALL)
    (found,) = [block for block in blocks if block.startswith(f'# {name}\n')]
    return found


def write_snippets(page: Path, names: list[str], folder: Path) -> None:
    """Files of a page's blocks; configs of the repository are named by their whole path."""
    for name in names:
        text = snippet(page, name).replace("'configs/", f"'{ROOT}/configs/")
        (folder / name).write_text(text, encoding='utf-8')


def short_network(name: str, weights: None) -> object:
    """Torchvision's network of a name; of ResNet-18 one block a stage, half of its weights.

    What a page adds to a smoke config meets the same names and shapes, and half the time of such a
    run is for the weights. The smoke configs are trained as they are in test_smoke.py.
    """
    return ResNet(BasicBlock, [1] * 4) if name == 'resnet18' else get_model(name, weights=weights)


@patch('reidgen.models.encoders.trunks.get_model', short_network)
def run(command: list, folder: Path, code: int = 0) -> str:
    """Output of a Python program that a reader starts in `folder`; it must end with `code`."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])])
    done = run_program(command, folder, os.environ | {'OMP_NUM_THREADS': '1', 'PYTHONPATH': path})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def few_iterations(num_stages: int, iters: int = 1) -> list[str]:
    """Options of a training of so many stages that make it short."""
    iterations = [f'train_cfg.stages.{n}.iters={iters}' for n in range(num_stages)]
    # a checkpoint and curves take longer than an iteration
    left_out = ('checkpoint.save_best', 'checkpoint.best_stages', 'diagnostics', 'best_loss')
    return ['--cfg-options', *iterations, *(f'default_hooks.{key}=None' for key in left_out)]
