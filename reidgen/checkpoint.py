"""Reading checkpoints: tensors and plain numbers only, never code."""

import pickle
import re
import zipfile
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file


def read_checkpoint(path: str | Path) -> dict:
    """The dictionary in a checkpoint, on the CPU: safetensors by suffix, else torch's format.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut short or damaged, is no checkpoint, holds more than tensors and
            plain values, or holds no dictionary.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        what = 'is a folder' if path.is_dir() else 'does not exist'
        raise FileNotFoundError(
            f'checkpoint {path} {what}; give the path of a .pth or .safetensors file '
            f'(relative paths start at {Path.cwd()})'
        )
    state = _read_safetensors(path) if path.suffix == '.safetensors' else _read_torch(path)
    if not isinstance(state, dict):
        raise ValueError(
            f'checkpoint {path} holds a {type(state).__name__}, not a dictionary of tensors; '
            f'save the state dict: torch.save(model.state_dict(), path)'
        )
    return state


def _read_safetensors(path: Path) -> dict:
    try:
        return load_file(path, device='cpu')
    except SafetensorError as error:
        raise ValueError(
            f'checkpoint {path} is cut short or is no safetensors file ({error}); '
            f'copy or download it again'
        ) from error


def _read_torch(path: Path) -> dict:
    if zipfile.is_zipfile(path) and not _is_whole(path):  # torch.load does not look at checksums
        raise ValueError(
            f'checkpoint {path} is damaged (a checksum is wrong); copy or download it again'
        )
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        if 'GLOBAL' in str(error):
            raise ValueError(
                f'checkpoint {path} holds Python objects beside tensors, which would run code when '
                f'read; reading is refused. Save its state dict alone, where the file can be '
                f"trusted: torch.save(checkpoint['state_dict'], path)"
            ) from error
        raise ValueError(
            f'{path} is no checkpoint (neither a zip archive of torch.save nor its '
            f'older format); give a .pth or .safetensors file'
        ) from error
    except (PermissionError, MemoryError):
        raise
    except Exception as error:  # which, depends on where the file ends and what is in it
        reason = str(error).splitlines()[0] if str(error) else 'unexpected end of file'
        raise ValueError(
            f'checkpoint {path} is cut short or damaged ({reason}); copy or download it again'
        ) from error


def _is_whole(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (zipfile.BadZipFile, EOFError, OSError):
        return False


def hub_file(url: str, what: str, fix: str) -> Path:
    """A file of pretrained weights in torch.hub's cache, downloaded if it is not there.

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
