"""Check of installation, devices, data and disk: the subcommand `doctor`."""

import argparse
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import torch
from packaging.requirements import Requirement

from reidgen import __version__
from reidgen.datasets.image_files import SUFFIXES
from reidgen.datasets.market_layout import NEEDED
from reidgen.engine.config_file import read_config
from reidgen.inference.zoo import model_names
from reidgen.shipped import root as shipped_root

PYTHONS = (3, 11), (3, 13)
LITTLE_DISK, TOO_LITTLE_DISK = 10e9, 1e9  # bytes
MARKET_LIKE = ('market1501', 'dukemtmc')
NO_DATA = ('weights', 'mesh')  # roots that hold something else
DISTRIBUTION = 'reidgen'
WEIGHTS = ('.pth', '.safetensors')


class Check(NamedTuple):
    """Finding: 'ok', 'none' (something optional is not there), or 'problem', with its fix."""

    state: str
    text: str
    fix: str = ''

    def __str__(self) -> str:
        mark = dict(ok='ok     ', none='-      ', problem='PROBLEM')[self.state]
        return f'{mark} {self.text}' + (f'\n        fix: {self.fix}' if self.fix else '')


def run(args: argparse.Namespace) -> None:
    """Prints every finding; ends the process with 1 where one is a problem."""
    folder = Path(args.root)
    found = []
    for checks in (installation(), devices(), disk(folder), data(folder), models()):
        for check in checks:
            print(check)
            found.append(check)
    problems = sum(check.state == 'problem' for check in found)
    print(f'{problems} problem{"" if problems == 1 else "s"}' if problems else 'no problem')
    if problems:
        sys.exit(1)


def installation() -> Iterator[Check]:
    """Python, reidgen and the packages that it needs."""
    version = '.'.join(map(str, sys.version_info[:3]))
    good = PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]
    yield Check(
        'ok' if good else 'problem',
        f'Python {version}, {platform.system()} {platform.machine()}',
        '' if good else 'make an environment with Python 3.11 to 3.13',
    )
    try:
        needed = [Requirement(text) for text in metadata.requires(DISTRIBUTION) or []]
        yield Check('ok', f'reidgen {__version__} in {Path(__file__).parents[1]}')
    except metadata.PackageNotFoundError:
        yield Check(
            'none', f'reidgen {__version__} is not installed', 'pip install -e . in its folder'
        )
        needed = []
    extras: dict[str, list[Requirement]] = {'': []}
    for requirement in needed:
        match = re.search(r'extra == .(\w+)', str(requirement.marker))
        extras.setdefault(match[1] if match else '', []).append(requirement)
    yield from packages(extras.pop(''))
    for extra, requirements in extras.items():
        lacking = [each.name for each in requirements if fault(each)]
        if extra != 'dev':
            yield Check(
                'none' if lacking else 'ok',
                f'extra {extra}: {", ".join(each.name for each in requirements)}',
                f"pip install 'reidgen[{extra}]'" if lacking else '',
            )


def packages(requirements: list[Requirement]) -> Iterator[Check]:
    """Packages without which nothing runs: one finding for all good ones."""
    faults = {str(each): fault(each) for each in requirements}
    good = [each.name for each in requirements if not faults[str(each)]]
    if good:
        yield Check('ok', ', '.join(f'{name} {metadata.version(name)}' for name in good))
    for name, what in faults.items():
        if what:
            yield Check('problem', f'{name} is needed, {what}', f"pip install '{name}'")


def fault(requirement: Requirement) -> str:
    """What is wrong with an installed package; '' for nothing."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return 'not installed'
    return '' if requirement.specifier.contains(version, True) else f'installed is {version}'


def devices() -> Iterator[Check]:
    """GPUs, and the CPU's vector instructions."""
    for number in range(torch.cuda.device_count()):
        name, (free, total) = torch.cuda.get_device_name(number), torch.cuda.mem_get_info(number)
        yield Check('ok', f'GPU {number}: {name}, {free / 1e9:.0f} of {total / 1e9:.0f} GB free')
    if torch.cuda.is_available():
        bf16 = torch.cuda.is_bf16_supported()
        yield Check('ok' if bf16 else 'none', f'bfloat16 on the GPU (--amp): {bf16}')
    elif torch.version.cuda:
        fix = 'for a GPU see that `nvidia-smi` lists it; trainings of *_synth configs need none'
        yield Check('none', f'no GPU found; torch is built for CUDA {torch.version.cuda}', fix)
    else:
        yield Check('none', 'no GPU: this torch is for CPUs, which *_synth configs are made for')
    capability = torch.backends.cpu.get_cpu_capability()
    cpuinfo = Path('/proc/cpuinfo')
    flags = cpuinfo.read_text() if cpuinfo.is_file() else ''
    bf16 = ', bfloat16' if re.search(r'\b(amx_bf16|avx512_bf16)\b', flags) else ', no bfloat16'
    slow = capability in ('DEFAULT', 'NO AVX')
    yield Check(
        'none' if slow else 'ok',
        f'CPU: {os.cpu_count()} cores, {capability}{bf16 if flags else ""}; torch uses '
        f'{torch.get_num_threads()} threads',
        'this CPU has no AVX2: everything on it is slow' if slow else '',
    )


def disk(folder: Path) -> Iterator[Check]:
    """Free space where data and results go."""
    if not folder.is_dir():
        yield Check('problem', f'no folder {folder}', 'give another --root')
        return
    free = shutil.disk_usage(folder).free
    text = f'disk: {free / 1e9:.1f} GB free in {folder.absolute()}'
    if not os.access(folder, os.W_OK):
        yield Check('problem', f'{folder.absolute()} cannot be written into', 'work elsewhere')
    elif free < TOO_LITTLE_DISK:
        yield Check('problem', text, 'make room: a run of gcl_synth.py writes some 0.5 GB')
    elif free < LITTLE_DISK:
        yield Check('none', text, 'checkpoints of full-size trainings are 1 GB each: make room')
    else:
        yield Check('ok', text)


def data(folder: Path) -> Iterator[Check]:
    """Data sets, pose maps and pretrained weights under the roots of the configs."""
    roots = read_config(shipped_root() / 'configs/_base_/datasets.py').data_roots
    for name, places in roots.items():
        places = [folder / place for place in ([places] if isinstance(places, str) else places)]
        place = next((each for each in places if each.is_dir()), None)
        if name == 'weights':
            yield weights(place, places)
        elif place is None:
            fix = f'put it there, or give --cfg-options data_roots.{name}=/path'
            if name == 'synthetic':
                fix = 'it is rendered on first use, or by `reidgen render`'
            yield Check('none', f'{name}: nothing at {", ".join(map(str, places))}', fix)
        elif name in MARKET_LIKE and not market_like(place):
            yield Check(
                'problem',
                f'{name}: {place} has not the folders {", ".join(NEEDED)}',
                'unpack the archive again, or give the folder that has them',
            )
        else:
            below = sorted(each.name for each in place.iterdir() if each.is_dir())
            inside = f'{num_images(place)} images, ' if name not in NO_DATA else ''
            yield Check('ok', f'{name}: {place}: {inside}folders {", ".join(below[:8]) or "none"}')


def market_like(place: Path) -> bool:
    """Whether the folder, or one below it, has the folders of Market-1501."""
    below = [each for each in place.iterdir() if each.is_dir()]
    return any(all((each / name).is_dir() for name in NEEDED) for each in [place, *below])


def num_images(place: Path) -> int:
    return sum(
        Path(name).suffix.lower() in SUFFIXES for _, _, names in os.walk(place) for name in names
    )


def weights(place: Path | None, places: list[Path]) -> Check:
    """Pretrained weights in the folder and in torch's cache."""
    cache = Path(torch.hub.get_dir()) / 'checkpoints'
    found = [
        str(path)
        for there in (place, cache)
        if there is not None and there.is_dir()
        for path in sorted(there.iterdir())
        if path.suffix in WEIGHTS
    ]
    if found:
        return Check('ok', f'weights: {", ".join(found)}')
    return Check(
        'none',
        f'weights: none in {", ".join(map(str, places))} or {cache}',
        'torchvision downloads ImageNet weights where there is a network; without them trainings '
        'start at random',
    )


def models() -> Iterator[Check]:
    """Trained models that come with reidgen."""
    names = model_names()
    yield Check('ok' if names else 'none', f'trained models: {", ".join(names) or "none"}')
