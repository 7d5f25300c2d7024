"""Initial weights of an encoder: sources and checks."""

import logging
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn
from torchvision.models import get_model_weights

from reidgen.checkpoint import (
    WRAPPERS,
    Match,
    check_values,
    hub_file,
    match,
    plain_key,
    read_weights,
)

from . import timm_trunk

IMAGENET, HUB = 'imagenet', 'hub'
NAMES_SHOWN = 8  # of missing tensors, in an error
FIX = (
    'Point the key `weights` at a local file of the encoder (for a CrossDomainGCL '
    '--cfg-options model.networks.E_c.weights=PATH); None starts at random'
)
Weights = str | Path | None
Choices = Weights | list[Weights] | tuple[Weights, ...]  # the first that can be obtained


def load_weights(encoder: nn.Module, weights: Choices) -> bool:
    """Loads the first available of these weights into `encoder`, and logs its source.

    A file that is there but damaged, or does not fit, raises: the next entry is for an absent one.

    Args:
        encoder: has `trunk`, `linear`, `neck` and `trunk_name`, torchvision's name of the trunk, or
            timm's after 'timm/'.
        weights: a path, 'imagenet' or 'hub', None (a random start) or a list of these.

    Returns:
        whether there are any: False after a random start.

    Raises:
        FileNotFoundError: no entry can be obtained; names all with their reasons.
        ValueError: the list is empty; the checkpoint is damaged or lacks a tensor of the trunk.
    """
    trunk_name = str(encoder.trunk_name)
    path, state, reasons = _first(trunk_name, weights)
    for reason in reasons:
        _log(f'{trunk_name}: weights passed over: {reason}')
    if path is None:
        _log(f'{trunk_name}: random start, no pretrained weights (weights=None)')
        return False
    _fit(encoder, trunk_name, state, path)
    return True


def _first(trunk_name: str, weights: Choices) -> tuple[str | None, dict, list[str]]:
    """Path (or None) and tensors of the first available entry, reasons against earlier ones."""
    entries = list(weights) if isinstance(weights, list | tuple) else [weights]
    if not entries:
        raise ValueError(
            "weights is an empty list; set a path, 'imagenet', 'hub', or None (random start)"
        )
    reasons: list[str] = []
    for entry in entries:
        if entry is None:
            return None, {}, reasons
        try:
            published = entry in (IMAGENET, HUB)
            path = _published(trunk_name, str(entry)) if published else Path(entry)
            return str(path), read_weights(path).state, reasons
        except FileNotFoundError as error:
            reasons.append(str(error))
    if len(reasons) == 1:
        raise FileNotFoundError(f'{reasons[0]}. {FIX}')
    listed = ''.join(f'\n  {entry}: {reason}' for entry, reason in zip(entries, reasons))
    raise FileNotFoundError(
        f'none of the {len(entries)} entries of `weights` can be obtained:{listed}\n{FIX}'
    )


def _published(trunk_name: str, entry: str) -> Path:
    """Path of torchvision's ImageNet weights, or timm's of the trunk's tag, from the hub or its
    cache."""
    if trunk_name.startswith(timm_trunk.PREFIX):
        if entry == IMAGENET:
            raise ValueError(
                f"weights is 'imagenet', which is a file of torchvision; set weights='hub' for the "
                f'published weights of {trunk_name}, or a path'
            )
        return timm_trunk.hub_weights(trunk_name)
    return hub_file(
        get_model_weights(trunk_name)['IMAGENET1K_V1'].url,
        f'ImageNet weights of {trunk_name}',
        'give a local file through the key `weights`',
    )


def _fit(encoder: nn.Module, trunk_name: str, state: dict[str, Tensor], source: str) -> None:
    """Loads the trunk, and `linear` and `neck` if all their tensors are there."""
    own = encoder.state_dict()
    read = match(own, state, source, inside=('trunk.',), wrappers=(*WRAPPERS, 'E_c'))
    if trunk_name.startswith(timm_trunk.PREFIX):
        read = _timm_adapted(encoder.trunk, trunk_name, read)
    _check_trunk(trunk_name, own, read, source)
    head = {key for key in own if not key.startswith('trunk.')}
    if any(key not in read.found or read.found[key].shape != own[key].shape for key in head):
        unused, told = head & read.found.keys(), 'at random'
    else:
        unused, told = set(), 'from it too'
    taken = {key: value for key, value in read.found.items() if key not in unused}
    check_values(taken, own, source)
    encoder.load_state_dict(taken, strict=False)
    left = _groups([*unused, *map(plain_key, read.left)])
    _log(
        f'{trunk_name}: trunk from {source}; head {told}' + (f'; not used: {left}' if left else '')
    )


def _timm_adapted(network: Any, trunk_name: str, read: Match) -> Match:
    """The match with tensors of the trunk interpolated to the encoder's image size."""
    note = timm_trunk.normalisation_note(network, trunk_name)
    if note:
        print_log(note, logger='current', level=logging.WARNING)
    trunk = {key[6:]: read.found[key] for key in read.found if key.startswith('trunk.')}
    resized = timm_trunk.interpolated(network, trunk)
    for key, value in resized.items():
        _log(f'{trunk_name}: {key} {tuple(trunk[key].shape)} interpolated to {tuple(value.shape)}')
    return read._replace(found=read.found | {f'trunk.{key}': resized[key] for key in resized})


def _check_trunk(trunk_name: str, own: dict[str, Tensor], read: Match, source: str) -> None:
    # a counter that files of old torch do not have, and that no computation here reads
    wanted = [
        key for key in own if key.startswith('trunk.') and not key.endswith('num_batches_tracked')
    ]
    missing = [key[6:] for key in wanted if key not in read.found]
    wrong = [
        f'{key[6:]} {tuple(read.found[key].shape)} instead of {tuple(own[key].shape)}'
        for key in wanted
        if key in read.found and read.found[key].shape != own[key].shape
    ]
    surplus = [key[6:] for key in read.surplus if key.startswith('trunk.')]
    if missing or wrong or surplus:
        raise ValueError(
            f'{source} does not fit the trunk {trunk_name}: of {len(wanted)} tensors '
            f'{len(missing)} are missing{_some(missing)} and {len(wrong)} have another '
            f'shape{_some(wrong)}; {len(surplus)} are too many{_some(surplus)}. Set trunk to the '
            f'architecture of the file, or weights to a file of {_owner(trunk_name)} {trunk_name}'
        )


def _owner(trunk_name: str) -> str:
    return "timm's" if trunk_name.startswith(timm_trunk.PREFIX) else "torchvision's"


def _some(names: list[str]) -> str:
    if not names:
        return ''
    more = f' and {len(names) - NAMES_SHOWN} more' if len(names) > NAMES_SHOWN else ''
    return f' ({", ".join(names[:NAMES_SHOWN])}{more})'


def _groups(keys: Collection[str]) -> str:
    counts = Counter(key.split('.')[0] for key in keys)
    return ', '.join(f'{name} ({count} tensors)' for name, count in sorted(counts.items()))


def _log(message: str) -> None:
    print_log(message, logger='current')
