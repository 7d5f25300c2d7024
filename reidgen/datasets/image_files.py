"""Image files: listed in order, decoded to uint8 tensors, checked once before they are needed."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as vision
from tqdm import tqdm

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')
# what Pillow raises on files that are no image, cut short, damaged, or absurdly large
DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)
PROGRESS_FROM = 2000  # images from which a progress bar is worth it

# (path, size, modification time) -> what is wrong with it, '' for a good file
_checked: dict[tuple[str, int, int], str] = {}


def list_images(folder: Path, recursive: bool = False) -> list[Path]:
    """Image files in a folder, sorted by path; hidden files and other kinds are passed over.

    Raises:
        FileNotFoundError: the folder is not there or holds no image.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f'no folder {folder.absolute()}: the data set is not unpacked, or only half of it; '
            f'unpack it again or point root at another copy'
        )
    found = folder.rglob('*') if recursive else folder.iterdir()
    images = sorted(
        path for path in found if path.suffix.lower() in SUFFIXES and not path.name.startswith('.')
    )
    if not images:
        raise FileNotFoundError(
            f'{folder.absolute()} holds no image ({", ".join(SUFFIXES)}); unpack the data set '
            f'again or point root at another copy'
        )
    return images


def read_rgb(path: str | Path) -> Tensor:
    """(3, H, W) uint8 RGB.

    Raises:
        OSError: the file is missing, cut short or no image; the message names it.
    """
    return _decode(path, 'RGB')


def read_grey(path: str | Path) -> Tensor:
    """(1, H, W) uint8 luma; raises as `read_rgb`."""
    return _decode(path, 'L')


def _decode(path: str | Path, mode: str) -> Tensor:
    try:
        with Image.open(path) as image:
            return vision.pil_to_tensor(image.convert(mode))
    except DECODE_ERRORS as error:
        raise OSError(
            f"cannot read the image {path}: {error}; restore the file from the data set's archive"
        ) from error


def find_corrupt(paths: Sequence[str]) -> dict[str, str]:
    """Decodes every file once and tells which cannot be: {path: reason}, in the order given.

    A file that was found good or bad before, and has the same size and time, is not decoded again
    in this process. A bar is shown on a terminal for more than 2000 files.
    """
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        # disable=None: no bar where the output is no terminal
        reasons = list(
            tqdm(
                pool.map(_reason, paths),
                total=len(paths),
                desc='checking images',
                unit='image',
                disable=None if len(paths) > PROGRESS_FROM else True,
            )
        )
    return {path: reason for path, reason in zip(paths, reasons) if reason}


def _reason(path: str) -> str:
    try:
        status = os.stat(path)
    except OSError as error:
        return f'{type(error).__name__}: {error.strerror}'
    key = path, status.st_size, status.st_mtime_ns
    if key not in _checked:
        _checked[key] = _decode_reason(path)
    return _checked[key]


def _decode_reason(path: str) -> str:
    try:
        with Image.open(path) as image:
            image.load()
    except DECODE_ERRORS as error:
        return f'{type(error).__name__}: {error}'
    return ''
