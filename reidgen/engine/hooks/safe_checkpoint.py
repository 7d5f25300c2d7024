"""Hook for checkpoints of tensors and plain values only."""

import random

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer

from reidgen.checkpoint import CHECKSUM, content_checksum, plain_key
from reidgen.registry import HOOKS


@HOOKS.register_module()
class SafeCheckpointHook(Hook):
    """Makes checkpoints loadable with `weights_only=True`, and saves and restores random states.

    mmengine pickles its log history, which a safe loader refuses, and runs the text of
    `meta['config']`. Random states are restored before anything of the resumed training runs, the
    evaluation of the checkpoint's iteration and the actions before a stage included. The content
    has a checksum (`content_checksum`).
    """

    priority = 'LOWEST'  # after every hook that adds to the file

    def __init__(self):
        self._random_state: dict | None = None

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        hub = checkpoint['message_hub']
        checkpoint['message_hub'] = dict(
            log_scalars={
                key: dict(
                    log=torch.as_tensor(buffer.data[0]), count=torch.as_tensor(buffer.data[1])
                )
                for key, buffer in hub['log_scalars'].items()
            },
            runtime_info=hub['runtime_info'],
            resumed_keys=hub['resumed_keys'],
        )
        checkpoint['state_dict'] = {
            plain_key(key): value for key, value in checkpoint['state_dict'].items()
        }
        checkpoint['random_state'] = random_state()
        for key in checkpoint:
            checkpoint[key] = plain(checkpoint[key], key)
        checkpoint[CHECKSUM] = content_checksum(checkpoint)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        checkpoint.get('meta', {}).pop('config', None)
        hub = checkpoint.get('message_hub')
        if hub:
            hub['log_scalars'] = {
                key: HistoryBuffer(buffer['log'].numpy(), buffer['count'].numpy())
                for key, buffer in hub['log_scalars'].items()
            }
        if runner._resume:
            self._random_state = checkpoint['random_state']

    def before_train_epoch(self, runner) -> None:
        """Restores the random states; no hook draws between this and the training."""
        state, self._random_state = self._random_state, None
        if state is not None:
            set_random_state(state)


def plain(value, place: str):
    """Value converted to dicts, lists, tuples, tensors and plain scalars.

    Raises:
        TypeError: it holds another type; names its place.
    """
    if isinstance(value, dict):
        return {key: plain(item, f'{place}.{key}') for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [plain(item, f'{place}.{number}') for number, item in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str | torch.Tensor):
        return value
    raise TypeError(
        f'a checkpoint holds tensors and plain values only; {place} is a {type(value).__name__}'
    )


def random_state() -> dict:
    """State of the global generators of Python, numpy and torch as tensors and plain values."""
    version, words, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()
    state = dict(
        torch=torch.get_rng_state(),
        python=[version, torch.tensor(words), gauss],
        numpy=[name, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached],
    )
    if torch.cuda.is_available():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict) -> None:
    """Restores the state given by `random_state`; older files hold its words as lists."""
    torch.set_rng_state(state['torch'].cpu())
    version, words, gauss = state['python']
    random.setstate((version, tuple(torch.as_tensor(words).tolist()), gauss))
    name, keys, *rest = state['numpy']
    np.random.set_state((name, torch.as_tensor(keys).numpy(), *rest))
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())
