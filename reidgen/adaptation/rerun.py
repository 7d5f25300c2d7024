"""Folder of an adaptation when the command is given again: what may go on, and what is refused."""

import ast
import os
from pathlib import Path

from reidgen.engine.resuming import training_checkpoints
from reidgen.files import write_text

from .recipe import MADE_BY, made_by_of

BEGUN = 'config.begun.txt'  # text of config.py that the checkpoints beside it were begun with


def check_outside(out: str | Path, option: str, folder: str | Path) -> None:
    """Raises ValueError where the folder of results lies in a folder whose pictures are read.

    Args:
        option: that gives `folder`, for the error.
    """
    inner, outer = Path(os.path.realpath(out)), Path(os.path.realpath(folder))
    if inner.is_relative_to(outer):
        raise ValueError(
            f'--out {out} lies in {option} {folder}, where all pictures are read: grids and '
            f'clusters of the training would be, too; give an --out beside that folder'
        )


def check_same(config: Path, made_by: str) -> None:
    """Raises ValueError where the folder of results holds the config of another command."""
    if not config.is_file():
        return
    earlier = made_by_of(config.read_text(encoding='utf-8'))
    if earlier is None:
        raise ValueError(
            f"{config} has no line '{MADE_BY}...', so the command that made it is not known; put "
            f"the line '{MADE_BY}{made_by}' back into its docstring, or give another --out"
        )
    if earlier != made_by:
        raise ValueError(
            f'{config} was made by `{earlier}`, not by `{made_by}`; give another --out, or the '
            f'same command to continue'
        )


def is_begun(out: Path) -> bool:
    """Whether a folder of results has a config or checkpoints, which a list of crops must fit."""
    return (out / 'config.py').is_file() or bool(training_checkpoints(out))


def check_unedited(out: Path) -> None:
    """Raises ValueError where config.py is another than its checkpoints were begun with.

    Comments and layout do not count.
    """
    config, begun, checkpoints = out / 'config.py', out / BEGUN, training_checkpoints(out)
    if not (checkpoints and begun.is_file() and config.is_file()):
        return
    if _code(config) != _code(begun):
        raise ValueError(
            f'{config} was edited after its checkpoints ({checkpoints[0].name}, ...) were begun '
            f'with {begun.name}: what is trained is not trained again with the '
            f'edit. To train all anew with it move *.pth out of {out}; to train only the rest with '
            f'it, from the newest checkpoint (stages keep their lengths, the last may get longer), '
            f'delete {begun.name}; to take the edit back copy {begun.name} over config.py'
        )


def note_config(out: Path) -> None:
    """Notes the text of config.py that checkpoints are begun with, while there are none."""
    begun, checkpoints = out / BEGUN, training_checkpoints(out)
    if checkpoints and begun.is_file():
        return
    if checkpoints:
        print(
            f'remark: {out} does not tell (no {BEGUN}) with which config its checkpoints were '
            f'begun; what is trained stays, config.py is taken for the rest'
        )
    write_text(begun, (out / 'config.py').read_text(encoding='utf-8'))


def _code(path: Path) -> str:
    """Syntax tree of a config; its text where it is none."""
    text = path.read_text(encoding='utf-8')
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return text
