"""Where an encoder's starting weights come from, and whether they fit."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mmengine.logging import print_log
from torch import Tensor, nn
from torchvision.models import get_model_weights

from reidgen.checkpoint import hub_file, read_checkpoint

IMAGENET = 'imagenet'
NAMES_SHOWN = 8  # of missing tensors, in an error
FIX = (
    'Point the key `weights` at a local file of the encoder (for a CrossDomainGCL '
    '--cfg-options model.networks.E_c.weights=PATH); None starts at random'
)
Weights = str | Path | None


def load_weights(encoder: nn.Module, weights: Weights | Sequence[Weights]) -> bool:
    """Starts `encoder` from the first of these weights that can be obtained, and logs from which.

    A file that is there but damaged, or does not fit, raises: the next entry is for an absent one.

    Args:
        encoder: has `trunk`, `linear`, `neck` and `trunk_name`, torchvision's name of the trunk.
        weights: a path, 'imagenet', None (a random start) or a list of these.

    Returns:
        whether there are any: False after a random start.

    Raises:
        FileNotFoundError: no entry can be obtained; all are named with their reasons.
        ValueError: the list is empty; the checkpoint is damaged or lacks a tensor of the trunk.
    """
    path, state, reasons = _first(encoder.trunk_name, weights)
    for reason in reasons:
        _log(f'{encoder.trunk_name}: weights passed over: {reason}')
    if path is None:
        _log(f'{encoder.trunk_name}: random start, no pretrained weights (weights=None)')
        return False
    _fit(encoder, state, path)
    return True


def _first(
    trunk_name: str, weights: Weights | Sequence[Weights]
) -> tuple[str | None, dict, list[str]]:
    """(path or None, its tensors, why earlier entries were passed over)."""
    entries = list(weights) if isinstance(weights, (list, tuple)) else [weights]
    if not entries:
        raise ValueError("weights is an empty list; set a path, 'imagenet', or None (random start)")
    reasons = []
    for entry in entries:
        if entry is None:
            return None, {}, reasons
        try:
            path = _imagenet_file(trunk_name) if entry == IMAGENET else Path(entry)
            return str(path), read_checkpoint(path), reasons
        except FileNotFoundError as error:
            reasons.append(str(error))
    if len(reasons) == 1:
        raise FileNotFoundError(f'{reasons[0]}. {FIX}')
    listed = ''.join(f'\n  {entry}: {reason}' for entry, reason in zip(entries, reasons))
    raise FileNotFoundError(
        f'none of the {len(entries)} entries of `weights` can be obtained:{listed}\n{FIX}'
    )


def _imagenet_file(trunk_name: str) -> Path:
    """torchvision's ImageNet file, of the hub or its cache."""
    return hub_file(
        get_model_weights(trunk_name)['IMAGENET1K_V1'].url,
        f'ImageNet weights of {trunk_name}',
        'give a local file through the key `weights`',
    )


def _fit(encoder: nn.Module, state: dict, source: str) -> None:
    trunk_state, rest = split_state(state)
    # a counter that files of old torch do not have, and that no computation here reads
    wanted = {
        key: value
        for key, value in encoder.trunk.state_dict().items()
        if not key.endswith('num_batches_tracked')
    }
    missing = [key for key in wanted if key not in trunk_state]
    wrong = [
        f'{key} {tuple(trunk_state[key].shape)} instead of {tuple(value.shape)}'
        for key, value in wanted.items()
        if key in trunk_state and trunk_state[key].shape != value.shape
    ]
    if missing or wrong:
        raise ValueError(
            f'{source} does not fit the trunk {encoder.trunk_name}: of {len(wanted)} tensors '
            f'{len(missing)} are missing{_some(missing)} and {len(wrong)} have another '
            f'shape{_some(wrong)}. Set trunk to the architecture of the file, or weights to a file '
            f"of torchvision's {encoder.trunk_name}"
        )
    known = encoder.trunk.state_dict().keys()
    encoder.trunk.load_state_dict(
        {key: trunk_state[key] for key in trunk_state.keys() & known}, strict=False
    )
    rest |= {key: trunk_state[key] for key in trunk_state.keys() - known}
    left = _fit_head(encoder, rest)
    _log(
        f'{encoder.trunk_name}: trunk from {source}; head '
        + ('at random' if left == rest.keys() else 'from it too')
        + (f'; not used: {_groups(left)}' if left else '')
    )


def _fit_head(encoder: nn.Module, rest: dict[str, Tensor]) -> set[str]:
    """Restores `linear` and `neck` if all their tensors are there; returns the keys left over."""
    head = {
        key: value for key, value in encoder.state_dict().items() if not key.startswith('trunk.')
    }
    if any(key not in rest or rest[key].shape != value.shape for key, value in head.items()):
        return set(rest)
    encoder.load_state_dict({key: rest[key] for key in head}, strict=False)
    return set(rest) - set(head)


def split_state(state: dict) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Tensors of the trunk under torchvision's names, and all others.

    Understands a state dict nested under 'state_dict', and keys prefixed 'module.', 'E_c.' or
    'trunk.'.
    """
    while isinstance(state.get('state_dict'), dict):
        state = state['state_dict']
    state = {
        re.sub(r'(^|\.)module\.', r'\1', key): value
        for key, value in state.items()
        if isinstance(key, str) and isinstance(value, Tensor)
    }
    inner, rest = _under('E_c.', state)
    state = inner or state
    trunk, others = _under('trunk.', state)
    if trunk:
        return trunk, {**(rest if inner else {}), **others}
    return state, rest if inner else {}


def _under(prefix: str, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    inside = {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
    return inside, {key: value for key, value in state.items() if not key.startswith(prefix)}


def _some(names: list[str]) -> str:
    if not names:
        return ''
    more = f' and {len(names) - NAMES_SHOWN} more' if len(names) > NAMES_SHOWN else ''
    return f' ({", ".join(names[:NAMES_SHOWN])}{more})'


def _groups(keys: set[str]) -> str:
    counts = Counter(key.split('.')[0] for key in keys)
    return ', '.join(f'{name} ({count} tensors)' for name, count in sorted(counts.items()))


def _log(message: str) -> None:
    print_log(message, logger='current')
