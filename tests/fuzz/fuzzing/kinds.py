"""Kinds of inputs, and the cases of a seed."""

import sys
from collections.abc import Callable, Iterator
from random import Random

from . import (
    configs,
    file_names,
    image_content,
    image_lists,
    options,
    pose_maps,
    renderings,
    stores,
    weights,
)
from .case import Case

sys.path.append(str(configs.CONFIG.parent))  # the tiny config's custom_imports

KINDS: dict[str, Callable[[Random], Case]] = {
    'names and folders of data sets': file_names.case,
    'pictures': image_content.case,
    'lists (CSV, MSMT17)': image_lists.case,
    'pose maps': pose_maps.maps,
    'masks': pose_maps.masks,
    'joints': pose_maps.joints,
    'weights': weights.case,
    'feature stores': stores.case,
    'configs': configs.case,
    '--cfg-options': options.case,
    'renderings': renderings.case,
}


def cases(seed: int, count: int, kind: str | None = None) -> Iterator[tuple[str, int, Case]]:
    """Kind, number and case of `count` inputs, the kinds in turn.

    A case is decided by seed, kind and number alone.
    """
    names = list(KINDS) if kind is None else [kind]
    for place in range(count):
        name, number = names[place % len(names)], place // len(names)
        yield name, number, KINDS[name](Random(f'{seed}/{name}/{number}'))
