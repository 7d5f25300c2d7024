"""Checkpoint reading: tensors and plain numbers only, never code."""

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import NamedTuple

import torch
from mmengine.logging import print_log
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from .checksum import check_content
from .unpickling import Inert, is_module, load_inert, module_state

# where trainers keep the state dict, beside optimizers and counters
CONTAINERS = ('state_dict', 'model', 'net', 'model_state_dict', 'network')
NAMES_SHOWN = 3  # of Python objects, in the log


class Weights(NamedTuple):
    """A state dict and its source."""

    state: dict[str, Tensor]
    source: str  # for messages: the path, and the key in the file


def read_checkpoint(path: str | Path) -> dict:
    """Content of a checkpoint file as a dictionary on the CPU; torch or safetensors, by suffix.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut short or damaged, its content differs from its checksum, it is
            no checkpoint, holds more than tensors and plain values, or holds no dictionary.
    """
    path = existing_checkpoint(path)
    try:
        content = _read(path)
    except pickle.UnpicklingError as error:
        raise ValueError(_holds_objects(path)) from error
    if not isinstance(content, dict):
        raise ValueError(
            f'checkpoint {path} holds a {type(content).__name__}, not a dictionary of tensors; '
            f'save the state dict: torch.save(model.state_dict(), path)'
        )
    check_content(content, path)
    return content


def read_weights(path: str | Path) -> Weights:
    """State dict of a checkpoint, at whatever keys the file has it.

    Under one of CONTAINERS; as a dictionary of one state dict a network; or in a model that was
    saved whole: its tensors are read, its classes are neither imported nor called.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut short or damaged, is no checkpoint, holds no tensors, several
            state dicts, sparse or quantised tensors (the first is named), or Python objects that
            cannot be passed over.
    """
    path = existing_checkpoint(path)
    try:
        content = _read(path)
    except pickle.UnpicklingError:
        content = _read_objects(path)
    else:
        if isinstance(content, dict):
            check_content(content, path)
    try:
        state, source = _state(content, str(path))
    except RecursionError as error:
        raise ValueError(
            f'checkpoint {path} holds dictionaries without end; save it anew'
        ) from error
    if not state:
        held = list(content) if isinstance(content, dict) else type(content).__name__
        held = 'a Python object' if isinstance(content, Inert) else held
        raise ValueError(
            f'checkpoint {path} holds no tensors by name ({held}); save the state dict: '
            f'torch.save(model.state_dict(), path)'
        )
    _check_dense(state, source)
    return Weights(state, source)


def existing_checkpoint(path: str | Path) -> Path:
    """Path of a checkpoint; raises FileNotFoundError where there is no such file."""
    path = Path(path).expanduser()
    if path.is_file():
        return path
    what = 'is a folder' if path.is_dir() else 'does not exist'
    raise FileNotFoundError(
        f'checkpoint {path} {what}; give the path of a .pth or .safetensors file '
        f'(relative paths start at {Path.cwd()})'
    )


def _read(path: Path) -> object:
    """Loads tensors only; raises pickle.UnpicklingError for Python objects, else ValueError."""
    if path.suffix == '.safetensors':
        try:
            return load_file(path, device='cpu')
        except SafetensorError as error:
            raise ValueError(
                f'checkpoint {path} is cut short or is no safetensors file ({error}); '
                f'copy or download it again'
            ) from error
    if zipfile.is_zipfile(path):
        _check_archive(path)
    try:
        with warnings.catch_warnings():  # of what is read, which is an error below or is none
            warnings.simplefilter('ignore')
            return torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        if 'GLOBAL' in str(error) or zipfile.is_zipfile(path):
            raise
        raise ValueError(
            f'{path} is no checkpoint (neither a zip archive of torch.save nor its '
            f'older format); give a .pth or .safetensors file'
        ) from error
    except (PermissionError, MemoryError):
        raise
    except Exception as error:  # which, depends on where the file ends and what is in it
        raise ValueError(_damaged(path, error)) from error


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            whole = archive.testzip() is None  # torch.load does not look at checksums
            program = any(name.endswith('/constants.pkl') for name in archive.namelist())
    except (zipfile.BadZipFile, EOFError, OSError):
        whole, program = False, False
    if not whole:
        raise ValueError(
            f'checkpoint {path} is damaged (a checksum is wrong); copy or download it again'
        )
    if program:
        raise ValueError(
            f'{path} is a TorchScript program, which runs when it is read; reading is refused. '
            f"Where it can be trusted: torch.save(torch.jit.load('{path}').state_dict(), PATH)"
        )


def _read_objects(path: Path) -> object:
    """Content of a file with Python objects replaced by stand-ins."""
    try:
        content, names = load_inert(path)
    except (PermissionError, MemoryError):
        raise
    except Exception as error:  # an object that the stand-ins cannot take the place of
        raise ValueError(_holds_objects(path)) from error
    more = len(names) - NAMES_SHOWN
    print_log(
        f'{path} holds Python objects ({", ".join(names[:NAMES_SHOWN])}'
        f'{f" and {more} more" if more > 0 else ""}): the tensors are read, none of these is '
        f'imported or called',
        logger='current',
    )
    return content


def _state(content: object, source: str) -> tuple[dict[str, Tensor], str]:
    """State dict within a file's content, and `source` extended by its keys."""
    inner = {}
    if isinstance(content, dict):
        inner = {key: content[key] for key in CONTAINERS if _flat(dict.get(content, key))}
    if len(inner) > 1:
        raise ValueError(
            f'{source} holds state dicts under {" and ".join(map(repr, inner))}; save the one that '
            f"is meant: torch.save(torch.load(path)['{next(iter(inner))}'], PATH)"
        )
    for key, value in inner.items():
        return _state(value, source if key == 'state_dict' else f"{source}['{key}']")
    return _flat(content), source


def _flat(value: object) -> dict[str, Tensor]:
    """Tensors of nested dictionaries and module stand-ins, names joined by dots."""
    if is_module(value):
        return module_state(value)
    found = {}
    for key, item in dict.items(value) if isinstance(value, dict) else ():
        if isinstance(item, Tensor):
            found[str(key)] = item
        else:
            found |= {f'{key}.{name}': tensor for name, tensor in _flat(item).items()}
    return found


def _check_dense(state: dict[str, Tensor], source: str) -> None:
    for key, value in state.items():
        faults = {
            'is nested; save its parts as tensors of their own': value.is_nested,
            'is sparse; save it with value.to_dense()': value.layout != torch.strided,
            'is quantised; save it with value.dequantize()': value.is_quantized,
            'has a shape and no numbers (device meta); save it after it was loaded': value.is_meta,
        }
        for fault in (fault for fault, applies in faults.items() if applies):
            raise ValueError(f'{source}: {key} {fault}')


def _holds_objects(path: Path) -> str:
    return (
        f'checkpoint {path} holds Python objects beside tensors, which would run code when '
        f'read; reading is refused. Save its tensors alone, where the file can be trusted and '
        f'its classes can be imported:\n'
        f"  saved = torch.load('{path}', weights_only=False)\n"
        f"  torch.save(saved.state_dict() if hasattr(saved, 'state_dict') else "
        f"saved['state_dict'], PATH)"
    )


def _damaged(path: Path, error: Exception) -> str:
    reason = str(error).splitlines()[0] if str(error) else 'unexpected end of file'
    return f'checkpoint {path} is cut short or damaged ({reason}); copy or download it again'


def hub_file(url: str, what: str, fix: str) -> Path:
    """Path of pretrained weights in torch.hub's cache, downloaded if absent.

    Args:
        url: ends in `-<first digits of the SHA-256>.pth`.
        what: the weights, for the error: 'ImageNet weights of resnet50'.
        fix: what else can be done: 'give a local file through the key `weights`'.

    Raises:
        FileNotFoundError: the file is not there and cannot be downloaded, or is another.
    """
    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    path = folder / url.rsplit('/', 1)[1]
    if path.is_file():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        digest = re.search(r'-([0-9a-f]{8,})\.', path.name).group(1)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=digest, progress=False)
    except (OSError, RuntimeError) as error:  # no network, a read-only cache; a wrong hash
        raise FileNotFoundError(
            f'{what} are not in the cache {folder} and {url} cannot be downloaded ({error}); put '
            f'the file there, or {fix}'
        ) from error
    return path
