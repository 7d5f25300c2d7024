"""Unpickling of tensors from files with Python objects, without importing or calling these."""

import contextlib
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.serialization import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    get_unsafe_globals_in_checkpoint,
)

MODULE = ('_parameters', '_buffers', '_modules')  # what every nn.Module is pickled with


class Inert:
    """Stand-in for a pickled class or function; accepts any argument, does nothing."""

    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)

    def __init__(self, *args, **kwargs):
        self.state: dict = {}

    def __setstate__(self, state) -> None:
        self.state = state if isinstance(state, dict) else {}


class InertDict(Inert):
    """Stand-in for a dict subclass; torch's reader fills only its own kinds."""

    def __new__(cls, *args, **kwargs):
        return OrderedDict()


class InertList(list):
    """Stand-in for a list subclass."""

    def __init__(self, *args, **kwargs):
        super().__init__()

    def __setstate__(self, state) -> None:
        """Ignores the attributes of a list subclass."""


def load_inert(path: str | Path) -> tuple[object, list[str]]:
    """Content of a `torch.save` file with stand-ins for its Python objects, and their names.

    A pickle makes objects by importing and calling whatever it names. torch's reader of
    `weights_only=True` resolves a name through tables alone: its own, of what rebuilds tensors,
    and one of the caller's. Here the caller's table has a stand-in for each name of the file, and
    nothing else: what other code has allowed in this process is taken out meanwhile.

    Raises:
        ValueError: the file is of torch's format before 1.6, which has no list of its names.
        pickle.UnpicklingError: an operation that the reader does not have, or a name of `os` or
            `sys`, which it never resolves.
    """
    kinds: dict[str, type] = {}
    while True:
        with _stand_ins(path, kinds) as table:
            try:
                return torch.load(path, map_location='cpu', weights_only=True), sorted(table)
            except pickle.UnpicklingError as error:
                # which classes are of dictionaries or lists shows when items are put into one
                wrong = [name for name, kind in table.items() if str(kind) in str(error)]
                kind = InertList if 'append' in str(error) else InertDict
                if not wrong or wrong[0] in kinds:
                    raise
                kinds[wrong[0]] = kind


@contextlib.contextmanager
def _stand_ins(path: str | Path, kinds: dict[str, type]) -> Iterator[dict[str, type]]:
    """Context with a table of stand-in classes by their names in the file."""
    allowed = get_safe_globals()
    clear_safe_globals()
    try:
        names = sorted(get_unsafe_globals_in_checkpoint(path))
        table = {
            name: type(f'stand-in {number} ', (kinds.get(name, Inert),), {})
            for number, name in enumerate(names)
        }
        add_safe_globals([(kind, name) for name, kind in table.items()])
        yield table
    finally:
        clear_safe_globals()
        add_safe_globals(allowed)


def is_module(value: object) -> bool:
    """Whether a stand-in replaces an nn.Module."""
    return isinstance(value, Inert) and all(
        isinstance(value.state.get(part), dict) for part in MODULE
    )


def module_state(module: Inert, prefix: str = '') -> dict[str, Tensor]:
    """State dict of the module that a stand-in replaces.

    Raises:
        RecursionError: the module contains itself.
    """
    parameters, buffers, children = (dict.items(module.state[part]) for part in MODULE)
    transient = module.state.get('_non_persistent_buffers_set')
    transient = transient if isinstance(transient, set) else ()
    found = {
        f'{prefix}{name}': value.detach()
        for name, value in [*parameters, *buffers]
        if isinstance(value, Tensor) and name not in transient
    }
    for name, child in children:
        if is_module(child):
            found |= module_state(child, f'{prefix}{name}.')
    return found
