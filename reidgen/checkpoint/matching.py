"""Matching of a file's keys to the tensor names of a model."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

# attributes under which wrappers and other trainers keep a network
WRAPPERS = ('base', 'backbone', 'model', 'net', 'network', 'encoder')


class Match(NamedTuple):
    """Tensors of a file under the model's names, and the keys left over."""

    found: dict[str, Tensor]
    left: list[str]  # keys of the file that have no place in the model
    surplus: list[str]  # names of those among them that would be in a network of the model
    example: str  # ' (module.a is E_c.a)' where names differ, else ''


def plain_key(key: str) -> str:
    """State dict key without `module.` and `_orig_mod.`, of distributed and compiled wrappers."""
    return re.sub(r'(^|\.)((module|_orig_mod)\.)+', r'\1', key)


def match(
    names: Collection[str],
    state: Mapping[str, Tensor],
    source: str,
    inside: Sequence[str] = (),
    wrappers: Sequence[str] = WRAPPERS,
) -> Match:
    """Match of a file's keys under the prefixes that fit most names of the model.

    Keys are read as they are, without wrappers before them, and as those of one part alone.

    Args:
        names: of the model's tensors, without the wrappers of `plain_key`.
        source: of the file, for errors.
        inside: what may be missing before the keys: 'E_c.', for a file of the encoder alone.
        wrappers: attributes that may be before the keys.

    Raises:
        ValueError: two keys have one name, or two parts of the file fit equally well.
    """
    plain = plain_keys(state, source)
    readings = {}
    for off in _chains(plain, wrappers):
        for before in ('', *inside):
            renamed = {before + key.removeprefix(off): key for key in plain if key.startswith(off)}
            readings[off, before] = {name: renamed[name] for name in renamed if name in names}
    (off, before), best = max(readings.items(), key=lambda item: len(item[1]))
    for (other, _), reading in readings.items():
        if best and other != off and len(reading) == len(best):
            raise ValueError(
                f'{source} has {len(best)} tensors of the model twice, below '
                f'{off or "its top"!r} and below {other!r}; save one of the two'
            )
    left = sorted(set(plain) - set(best.values()))
    depth = before.count('.') + 1
    heads = {_head(name, depth) for name in names}
    others = [before + key.removeprefix(off) for key in left if key.startswith(off)]
    pairs = ((plain[key], name) for name, key in best.items() if plain[key] != name)
    return Match(
        found={name: state[plain[key]] for name, key in best.items()},
        left=[plain[key] for key in left],
        surplus=[name for name in others if best and _head(name, depth) in heads],
        example=next((f' ({theirs} is {name})' for theirs, name in pairs), ''),
    )


def check_values(found: Mapping[str, Tensor], own: Mapping[str, Tensor], source: str) -> None:
    """Raises ValueError with the first key for values that cannot be a model's weights.

    Args:
        found: tensors of the file under the model's names, dense.
        own: the model's, which tell the type of number.
    """
    faults = {key: _fault(value, own[key].dtype) for key, value in found.items()}
    faults = {key: fault for key, fault in faults.items() if fault is not None}
    for key, fault in faults.items():
        more = f' (and {len(faults) - 1} more tensors)' if len(faults) > 1 else ''
        raise ValueError(f'{source}: {key} {fault}{more}')


def _fault(value: Tensor, wanted: torch.dtype) -> str | None:
    types = f'is {value.dtype} where {wanted} is expected'.replace('torch.', '')
    if value.is_complex() and not wanted.is_complex:
        return f'{types}; save real numbers: value.real'
    if wanted.is_floating_point:
        if not value.is_floating_point():
            return f'{types}; rounded weights are not those that were trained: save the floats'
        if not torch.isfinite(value.to(wanted)).all():
            return (
                'is NaN or infinite: the training that wrote it had diverged; take an earlier '
                'checkpoint of it'
            )
    elif value.is_floating_point():
        return f'{types}; save it with value.to({wanted})'
    return None


def plain_keys(state: Mapping[str, Tensor], source: str) -> dict[str, str]:
    """Mapping from keys without distributed wrappers to the keys of the file."""
    plain: dict[str, str] = {}
    for key in state:
        other = plain.setdefault(plain_key(key), key)
        if other != key:
            raise ValueError(f'{source} has both {other} and {key}; save one of the two')
    return plain


def _head(name: str, depth: int) -> str:
    return '.'.join(name.split('.')[:depth])


def _chains(keys: Collection[str], wrappers: Sequence[str]) -> list[str]:
    """Wrapper prefixes of the keys: '', 'model.', 'model.backbone.'."""
    found = {''}
    for key in keys:
        chain = ''
        for part in key.split('.')[:-1]:
            if part not in wrappers:
                break
            chain += f'{part}.'
            found.add(chain)
    return sorted(found, key=lambda chain: (len(chain), chain))
