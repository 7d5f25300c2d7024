"""Checkpoints of a work dir: which one a training continues from, and what is newer than it."""

import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from reidgen.checkpoint import plain_key, read_checkpoint
from reidgen.files import remove_parts, write_text

from .stages import Stage

NEEDED = ('state_dict', 'meta', 'message_hub', 'optimizer', 'stages', 'random_state')

STARTED = '.loaded_from'  # path of the weights that the training of a work dir started from


class Resumable(NamedTuple):
    """A checkpoint that a training can continue from, with its content."""

    path: Path
    content: dict

    @property
    def iteration(self) -> int:
        """Iterations done."""
        return self.content['meta']['iter']


def read_resumable(path: str | Path) -> Resumable:
    """A checkpoint with everything that continuing a training needs.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, no checkpoint of a training, holds NaN or infinite weights, or
            has the name of another iteration.
    """
    path = Path(path).expanduser()
    content = read_checkpoint(path)
    lacking = sorted(set(NEEDED) - set(content))
    meta = content.get('meta')
    iteration = meta.get('iter') if isinstance(meta, dict) else None
    if not lacking and (not isinstance(iteration, int) or iteration < 1):
        lacking = ["meta['iter']"]
    if lacking:
        raise ValueError(
            f'{path} has no {lacking}: training cannot be resumed from it. Resume from an '
            f'iter_*.pth or stage_*.pth file, or use --load-from'
        )
    broken = _broken(content['state_dict'])
    if broken:
        raise ValueError(
            f'{path} holds NaN or infinity in {len(broken)} tensors ({broken[0]}, ...): the '
            f'training that wrote it had diverged; resume from an earlier checkpoint'
        )
    named = _number(path)
    if named is not None and named != iteration:
        raise ValueError(
            f'{path} is a checkpoint of iteration {iteration}; give it the name '
            f'iter_{iteration}.pth back'
        )
    return Resumable(path, content)


def newest_resumable(
    work_dir: str | Path, logger: logging.Logger | None = None
) -> Resumable | None:
    """Newest `iter_N.pth` or `stage_<name>.pth` that a training can continue from.

    Logs a line for each newer one that cannot be used, with the reason. Of two checkpoints of one
    iteration `iter_N.pth` is the first choice.

    Returns:
        None: the work dir has no checkpoint.

    Raises:
        ValueError: it has some, and none can be used; or there are none, but what the training
            wrote after them is there. Starting anew would overwrite it.
    """
    logger = logger or logging.getLogger(__name__)
    faults: dict[Path, str] = {}
    found = None
    for path in sorted(training_checkpoints(work_dir), key=_age, reverse=True):
        try:
            found = read_resumable(path)
            break
        except (ValueError, OSError) as error:
            faults[path] = str(error)
    if found is None and faults:
        told = '; '.join(faults.values())
        raise ValueError(
            f'{work_dir} holds {len(faults)} checkpoints of a training, and none can be resumed: '
            f'{told}. Put a good one back, or give another --work-dir to start anew'
        )
    for fault in faults.values():
        logger.warning(f'{fault}; {found.path.name} is taken instead')
    return found


def training_checkpoints(work_dir: str | Path) -> list[Path]:
    """Paths `iter_N.pth` and `stage_<name>.pth` of a work dir, good or not."""
    return [
        path
        for path in sorted(Path(work_dir).glob('*.pth'))
        if re.fullmatch(r'iter_\d+|stage_.+', path.stem)
    ]


def iteration_of(path: str | Path) -> int | None:
    """Iteration of a checkpoint by its name, or else by what it says; None where it is unreadable.

    Tensors are not read.
    """
    number = _number(Path(path))
    if number is not None:
        return number
    try:
        checkpoint = torch.load(path, map_location='cpu', weights_only=True, mmap=True)
        return int(checkpoint['meta']['iter'])
    except Exception:  # which, depends on what the damage is
        return None


def check_fresh(work_dir: str | Path) -> None:
    """Raises FileExistsError where a work dir has the checkpoints of another training, which a
    resume could not distinguish.
    """
    there = [*training_checkpoints(work_dir), *_best_checkpoints(work_dir)]
    if there:
        raise FileExistsError(
            f'{work_dir} holds {len(there)} checkpoints of a training ({there[0].name}, ...): '
            f'--resume continues it; for a new one give another --work-dir, or move them away'
        )


def check_nothing_lost(work_dir: str | Path, stages: Sequence[Stage], hooks: Sequence) -> None:
    """Raises ValueError where a work dir without checkpoints has had some.

    A run that was killed before its first checkpoint leaves nothing later, and starts anew.

    Args:
        hooks: of the runner; those with a `first_checkpoint` write checkpoints.

    Raises:
        ValueError: names a best checkpoint or an evaluation after the first checkpoint, or the
            weights that the training was started from.
    """
    writers = [hook for hook in hooks if hasattr(hook, 'first_checkpoint')]
    first = min((hook.first_checkpoint(stages) for hook in writers), default=0)
    found = {path.name: iteration_of(path) for path in _best_checkpoints(work_dir)}
    rows = Path(work_dir, 'evaluations.json')
    if rows.exists():
        try:
            found[rows.name] = max((row['iter'] for row in json.loads(rows.read_text())), default=0)
        except (ValueError, TypeError, KeyError):
            found[rows.name] = None
    for name, iteration in sorted(found.items()):
        if iteration is None or iteration >= first:
            raise ValueError(
                f'{work_dir} has no iter_*.pth or stage_*.pth to resume from, but {name} of '
                f'iteration {iteration}: the checkpoints of this training are gone. Put one back, '
                f'or give another --work-dir to start anew'
            )
    started = Path(work_dir, STARTED)
    if started.exists():
        raise ValueError(
            f'{work_dir} has no checkpoint to resume from, and the training was started with '
            f'--load-from {started.read_text()}: start it again so, without --resume'
        )


def note_start(work_dir: str | Path, load_from: str | None) -> None:
    """Notes the weights that a training starts from, until it has a checkpoint."""
    path = Path(work_dir, STARTED)
    if load_from is None:
        path.unlink(missing_ok=True)
    else:
        write_text(path, str(load_from))


def check_finite(state: dict[str, Tensor], iteration: int, name: str) -> None:
    """Raises FloatingPointError for a NaN or infinite weight, before a checkpoint is written.

    A finite loss can have an infinite gradient; a resume must not find what that made.
    """
    broken = _broken(state)
    if broken:
        raise FloatingPointError(
            f'iteration {iteration}: NaN or infinity in {len(broken)} tensors of the model '
            f'({broken[0]}, ...), so {name} is not written. The checkpoint before it is '
            f'good: resume from it with a lower learning rate or weight, or with clip_grad'
        )


def no_room(model, optim) -> str:
    """What to do where a checkpoint cannot be written, with the size that its tensors have."""
    tensors = list(model.state_dict().values())
    for group in optim.values():
        for state in group.optimizer.state.values():
            tensors += [value for value in state.values() if torch.is_tensor(value)]
    size = sum(each.numel() * each.element_size() for each in tensors) / 1e6
    return (
        f'a checkpoint needs about {size:,.0f} MB; make room or give another --work-dir, then '
        f'resume; earlier checkpoints are untouched'
    )


def check_belongs(work_dir: str | Path, start: Resumable) -> None:
    """Raises FileExistsError where a checkpoint of another folder would replace newer ones.

    Raises:
        FileExistsError: names the first checkpoint of the work dir that is newer.
    """
    if start.path.resolve().parent == Path(work_dir).resolve():
        return
    for path in training_checkpoints(work_dir):
        if (iteration_of(path) or 0) > start.iteration:
            raise FileExistsError(
                f'{work_dir} holds {path.name}, and {start.path} of another folder is of iteration '
                f'{start.iteration}; give an empty --work-dir to continue from it'
            )


def remove_later_pictures(folder: Path, iteration: int, logger: logging.Logger) -> None:
    """Removes the pictures `<name>_<iterations>.png` of later iterations, and `*.part` files.

    A folder that is empty then is removed. Only for the main process.
    """
    if not folder.is_dir():
        return
    removed = remove_parts(folder)
    for path in sorted(folder.glob('*.png')):
        number = path.stem.rpartition('_')[2]
        if number.isdigit() and int(number) > iteration:
            path.unlink()
            removed.append(path.name)
    if not any(folder.iterdir()):
        folder.rmdir()
    if removed:
        logger.info(f'resumed at iteration {iteration}; removed {len(removed)} {folder.name}')


def _best_checkpoints(work_dir: str | Path) -> list[Path]:
    paths = sorted(Path(work_dir).glob('best_*.pth'))
    return [path for path in paths if re.fullmatch(r'best_(loss_.+|.+_iter_\d+)', path.stem)]


def _broken(state: dict[str, Tensor]) -> list[str]:
    return [plain_key(key) for key, value in state.items() if not torch.isfinite(value).all()]


def _number(path: Path) -> int | None:
    named = re.fullmatch(r'(?:iter|best_.+_iter)_(\d+)', path.stem)
    return int(named[1]) if named else None


def _age(path: Path) -> tuple[float, bool]:
    """Sort key: iteration, iter_N.pth before stage_<name>.pth; unreadable ones count as newest."""
    iteration = iteration_of(path)
    return float('inf') if iteration is None else iteration, path.name.startswith('iter_')
