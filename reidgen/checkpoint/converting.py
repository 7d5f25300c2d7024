"""Conversion of published checkpoints into reidgen's networks, by names, order and shapes."""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

import torch
from mmengine.logging import MMLogger
from torch import Tensor

from reidgen.registry import DISCRIMINATORS, ENCODERS, GENERATORS, build

from .matching import check_values, plain_keys
from .published import LAYOUTS, Layout
from .published_networks import Network, Sizes

COUNTER = 'num_batches_tracked'  # files of old torch do not have it, and nothing here reads it
REGISTRIES = {
    'ContentEncoder': ENCODERS,
    'PoseEncoder': ENCODERS,
    'AdaINDecoder': GENERATORS,
    'MultiScaleDiscriminator': DISCRIMINATORS,
}


class Conversion(NamedTuple):
    """Networks of a published file.

    Attributes:
        layout: the code base and its network.
        configs: type and sizes of each network by its name.
        state: tensors by reidgen's names, 'E_c.trunk.conv1.weight'.
        pairs: module of the file, module here, and the number of tensors.
        counters: batch counters that the file does not have, set to 0.
        left: keys of the file without a place, by the reason.
        note: what else differs, or ''.
    """

    layout: str
    configs: dict[str, dict]
    state: dict[str, Tensor]
    pairs: list[tuple[str, str, int]]
    counters: int
    left: dict[str, list[str]]
    note: str


def convert(state: Mapping[str, Tensor], source: str) -> list[Conversion]:
    """Networks of a published file's state dict; its key names tell the code base.

    Args:
        state: of `read_weights`; keys may have `module.` anywhere.
        source: of the file, for errors.

    Raises:
        ValueError: the key names are of no known layout, or of one that computes something else; a
            tensor is missing, of another shape, cannot be a weight, or has no place in the
            layout; or the file has two different networks of one name.
    """
    names = plain_keys(state, source)
    plain = {name: state[key] for name, key in names.items()}
    found: dict[str, Conversion] = {}  # by what is before the keys
    rest = set(plain)
    for layout in LAYOUTS:
        for top in layout.tops:
            inner = {key[len(top) :]: plain[key] for key in plain if key.startswith(top)}
            if top in found or not _is(layout, inner):
                continue
            found[top] = _converted(layout, inner, source, top)
            rest -= {key for key in plain if key.startswith(top)}
    if not found:
        raise ValueError(_unknown(plain, source))
    if rest:
        raise ValueError(
            f'{source} has {_some(rest)} beside {" and ".join(c.layout for c in found.values())}; '
            f'save the networks alone'
        )
    return _distinct(found, source)


def _is(layout: Layout, state: Mapping[str, Tensor]) -> bool:
    return all(any(re.fullmatch(mark, key) for key in state) for mark in layout.marks)


def _converted(layout: Layout, raw: Mapping[str, Tensor], source: str, top: str) -> Conversion:
    """Networks of one layout; every key is taken, left for a reason of the layout, or refused."""
    if layout.refusal:
        raise ValueError(f'{source} is of {layout.name}: {layout.refusal}')
    for key in raw:
        reason = _reason(layout.refused, key)
        if reason:
            raise ValueError(
                f'{source}: {top}{key} is {reason}, which no network of reidgen has; give a file '
                f'of {layout.name}, without it'
            )
    state = {key.replace(layout.omitted, ''): value for key, value in raw.items()}
    if len(state) < len(raw):
        raise ValueError(f'{source} has keys twice, with and without {layout.omitted!r}; save one')
    networks = layout.networks(Sizes(state, source, top))
    taken: dict[str, Tensor] = {}
    keys: dict[str, str] = {}  # ours -> the file's
    for name, network in networks.items():
        own = _built(network)
        names = {key: _theirs(key, network, source) for key in own}
        _check(own, names, state, f'{source}, {name} of {layout.name}', top)
        for key, value in own.items():
            counter = torch.zeros((), dtype=value.dtype)
            taken[f'{name}.{key}'] = state.get(names[key], counter)
            keys[f'{name}.{key}'] = names[key]
    left = _left(layout, sorted(set(state) - set(keys.values())), source, top)
    pairs = [
        (f'{top}{theirs}', f'{name}.{ours}', _count(keys, f'{name}.{ours}'))
        for name, network in networks.items()
        for ours, theirs in network.modules.items()
    ]
    configs = {name: network.config for name, network in networks.items()}
    counters = sum(key not in state for key in keys.values())
    return Conversion(layout.name, configs, taken, pairs, counters, left, layout.note)


def _built(network: Network) -> dict[str, Tensor]:
    """State dict, shapes alone, of the network that a config makes."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('WARNING')  # no line about a random start, which this is not
    try:
        with torch.device('meta'):
            return build(network.config, REGISTRIES[network.config['type']]).state_dict()
    finally:
        logger.setLevel(level)


def _theirs(key: str, network: Network, source: str) -> str:
    """The file's name of a tensor of the network."""
    for ours, theirs in network.modules.items():
        if key.startswith(f'{ours}.'):
            return f'{theirs}.{key[len(ours) + 1 :]}'
    raise ValueError(f'{source} has layers in an order that {network.config["type"]} does not have')


def _check(
    own: Mapping[str, Tensor],
    names: Mapping[str, str],
    state: Mapping[str, Tensor],
    source: str,
    top: str,
) -> None:
    """Raises ValueError where a tensor is missing, of another shape, or cannot be a weight."""
    missing = [
        f'{top}{names[key]}' for key in own if names[key] not in state and not key.endswith(COUNTER)
    ]
    found = {key: state[names[key]] for key in own if names[key] in state}
    wrong = [
        f'{top}{names[key]} {tuple(value.shape)} instead of {tuple(own[key].shape)}'
        for key, value in found.items()
        if value.shape != own[key].shape
    ]
    told = [
        f'{len(those)} {what} ({_some(those)})'
        for what, those in (('missing', missing), ('of another shape', wrong))
        if those
    ]
    if told:
        raise ValueError(
            f'{source}: of {len(own)} tensors {"; ".join(told)}. It was cut, or is another network'
        )
    check_values(
        {f'{top}{names[key]}': value for key, value in found.items()},
        {f'{top}{names[key]}': own[key] for key in found},
        source,
    )


def _left(layout: Layout, keys: list[str], source: str, top: str) -> dict[str, list[str]]:
    """The keys by the layout's reasons.

    Raises:
        ValueError: it has none for a key.
    """
    left: dict[str, list[str]] = {}
    unknown = []
    for key in keys:
        reason = _reason(layout.left, key)
        if reason:
            left.setdefault(reason, []).append(f'{top}{key}')
        else:
            unknown.append(f'{top}{key}')
    if unknown:
        raise ValueError(
            f'{source} has {len(unknown)} tensors ({_some(unknown)}) that {layout.name} does not '
            f'have: it is another network, and would be converted in part'
        )
    return left


def _distinct(found: Mapping[str, Conversion], source: str) -> list[Conversion]:
    """Conversions without those that repeat another one's tensors.

    Raises:
        ValueError: two have a network of one name, with other tensors.
    """
    kept: dict[str, Conversion] = {}
    for top, conversion in found.items():
        for other, earlier in list(kept.items()):
            if not conversion.configs.keys() & earlier.configs.keys():
                continue
            same = conversion.state.keys() == earlier.state.keys() and all(
                torch.equal(value, earlier.state[key]) for key, value in conversion.state.items()
            )
            if not same:
                raise ValueError(
                    f'{source} has {" and ".join(conversion.configs)} twice, with other numbers '
                    f'below {other!r} and below {top!r}; save one: '
                    f"torch.save(torch.load(path)['{top.rstrip('.')}'], PATH)"
                )
            repeated = {f'the same numbers as below {other!r}': [f'{top}*']}
            kept[other] = earlier._replace(left=earlier.left | repeated)
            break
        else:
            kept[top] = conversion
    return list(kept.values())


def _reason(reasons: Mapping[str, str], key: str) -> str:
    """Reason of the first pattern that a key has, or ''."""
    return next((why for mark, why in reasons.items() if re.fullmatch(mark, key)), '')


def _count(names: Mapping[str, str], module: str) -> int:
    return sum(name.startswith(f'{module}.') for name in names)


def _some(keys: Collection[str]) -> str:
    ordered = sorted(keys)
    return ', '.join(ordered[:3]) + (', ...' if len(ordered) > 3 else '')


def _unknown(state: Mapping[str, Tensor], source: str) -> str:
    known = '; '.join(layout.name for layout in LAYOUTS if not layout.refusal)
    return (
        f'{source} has the key names of no known code base ({_some(state)}); there are: {known}. '
        f'A ResNet with the names of torchvision needs no conversion: set the key `weights` to it'
    )
