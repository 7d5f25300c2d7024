"""Conversion of published checkpoints: the subcommand `convert-weights`."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from reidgen.checkpoint import read_weights
from reidgen.checkpoint.converting import Conversion, convert
from reidgen.files import written_whole

SUFFIXES = ('.safetensors', '.pth')


def run(args: argparse.Namespace) -> None:
    """Converts the files, prints what became of each tensor, and writes one file."""
    out = Path(args.out)
    _check_out(out, args.files)
    state: dict[str, Tensor] = {}
    sources: dict[str, str] = {}  # of each network
    for path in args.files:
        for conversion in convert(*read_weights(path)):
            for name in conversion.configs:
                if name in sources:
                    raise ValueError(
                        f'{sources[name]} and {path} both have {name}; give one of the two'
                    )
                sources[name] = path
            state |= conversion.state
            print('\n'.join(described(conversion, path)))
    _write(state, out)
    print('\n'.join(usage(sources, state, out)))


def described(conversion: Conversion, path: str) -> Iterator[str]:
    """Lines of what was converted, what was left and why."""
    matched = len(conversion.state) - conversion.counters
    yield f'{path}: {conversion.layout}; {matched} tensors converted'
    for theirs, ours, count in conversion.pairs:
        yield f'  {theirs} -> {ours} ({count})'
    if conversion.counters:
        yield f'  not there: {conversion.counters} batch counters, which nothing reads; set to 0'
    for reason, keys in conversion.left.items():
        more = f' to {keys[-1]}, {len(keys)} tensors' if len(keys) > 1 else ''
        yield f'  left: {keys[0]}{more}: {reason}'
    for name, config in conversion.configs.items():
        sizes = ', '.join(f'{key}={value!r}' for key, value in config.items() if key != 'type')
        yield f'  {name} is {config["type"]}({sizes})'
    if conversion.note:
        yield f'  note: {conversion.note}'


def usage(sources: dict[str, str], state: dict[str, Tensor], out: Path) -> Iterator[str]:
    """Lines of what was written and how to load it."""
    counts = (f'{name} ({sum(k.startswith(f"{name}.") for k in state)})' for name in sources)
    yield f'wrote {out}: {", ".join(counts)}, {len(state)} tensors'
    if 'E_c' in sources:
        yield f'encoder alone: --cfg-options model.networks.E_c.weights={out}'
    if 'E_c' not in sources or any(not key.startswith('E_c.trunk.') for key in state):
        yield f'every network in it: --load-from {out}, where the config has these sizes'


def _check_out(out: Path, files: list[str]) -> None:
    if out.suffix not in SUFFIXES:
        raise ValueError(f"--out is '{out}'; give a name that ends in {' or '.join(SUFFIXES)}")
    if out.resolve() in [Path(path).expanduser().resolve() for path in files]:
        raise ValueError(f"--out is '{out}', one of the files to read; give another name")


def _write(state: dict[str, Tensor], out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    apart = {key: value.detach().clone().contiguous() for key, value in state.items()}
    with written_whole(out) as part:
        if out.suffix == '.safetensors':
            save_file(apart, part)
        else:
            torch.save({'state_dict': apart}, part)
