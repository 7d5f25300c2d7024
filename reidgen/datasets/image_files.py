"""Image files: sorted listing, checks, and decoding to upright uint8 tensors."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as vision
from tqdm import tqdm

from reidgen.datasets.jpeg import decode_jpeg
from reidgen.datasets.log_once import log_once

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')
# folders of copies that Macs and network disks make; names with a dot in front are hidden anyway
SYSTEM_FOLDERS = ('__MACOSX', '@eaDir', '@Recycle', '#recycle', '$RECYCLE.BIN')
# what Pillow raises on files that are no image, cut short or damaged
DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError)
PROGRESS_FROM = 2000  # images from which a progress bar is worth it
NUM_REASONS = 8  # that a line of the log tells apart

EXIF_ORIENTATION = 0x0112
# how a picture is turned upright (EXIF 2.3, tag Orientation); 1 is upright
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# (path, size, modification time) -> what is wrong with it, '' for a good file
_checked: dict[tuple[str, int, int], str] = {}


class Listing(NamedTuple):
    """Image files of a folder, and counts of other entries by reason."""

    images: list[Path]  # sorted by path
    left_out: Counter[str]


class UnreadableError(ValueError):
    """Error for pixels of unknown value range, or too many of them."""


def list_images(folder: Path, recursive: bool = False) -> list[Path]:
    """Image files of a folder, sorted by path; other entries are counted in the log.

    Raises:
        FileNotFoundError: the folder is not there or holds no image.
    """
    images, left_out = scan_images(folder, recursive)
    if left_out:
        log_once(f'{folder}: {len(images)} images{left_out_text(left_out)}')
    return images


def scan_images(folder: Path, recursive: bool = False) -> Listing:
    """Image files of a folder as in `list_images`, with counts of the entries left out.

    Left out are hidden files and folders, folders of copies that systems make (`SYSTEM_FOLDERS`),
    links to folders, which may lead in circles, other suffixes than `SUFFIXES`, pipes and devices.
    A link to a file is read; one that leads nowhere is listed, so that the check of files tells it.

    Args:
        recursive: whether sub-folders are read; if not, they are left out.

    Raises:
        FileNotFoundError: the folder is not there or holds no image; its entries are counted.
    """
    if not folder.is_dir():
        raise FileNotFoundError(
            f'no folder {folder.absolute()}: give another one; of a data set that is not, or half, '
            f'unpacked, unpack it again'
        )
    left_out: Counter[str] = Counter()
    images, waiting = [], [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                reason = _reason_to_leave_out(entry, recursive)
                if reason:
                    left_out[reason] += 1
                elif _is(entry.is_dir):
                    waiting.append(Path(entry.path))
                else:
                    images.append(Path(entry.path))
    if not images:
        raise FileNotFoundError(
            f'{folder.absolute()} holds no image ({", ".join(SUFFIXES)}){left_out_text(left_out)}; '
            f'give the folder that has them, or unpack the data set again'
        )
    return Listing(sorted(images), left_out)


def _reason_to_leave_out(entry: os.DirEntry, recursive: bool) -> str:
    """Reason why a folder's entry is left out; '' for an image or a folder to descend into."""
    is_folder = _is(entry.is_dir)
    if entry.name.startswith('.'):
        return 'hidden folders' if is_folder else 'hidden files'
    if is_folder:
        if entry.name in SYSTEM_FOLDERS:
            return f'{entry.name} folders'
        if entry.is_symlink():
            return 'links to folders'
        return '' if recursive else 'sub-folders'
    suffix = Path(entry.name).suffix.lower()
    if suffix not in SUFFIXES:
        return f'{suffix} files' if suffix else 'files without suffix'
    leads_nowhere = entry.is_symlink() and not os.path.exists(entry.path)
    return '' if leads_nowhere or _is(entry.is_file) else 'pipes or devices'


def _is(asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except OSError:  # a link that leads to itself
        return False


def left_out_text(counts: Mapping[str, int]) -> str:
    """Log text '; left out: .txt files: 12, hidden files: 1', rare reasons summed; '' for none."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    told = [f'{reason}: {count}' for reason, count in ranked[:NUM_REASONS]]
    if len(ranked) > NUM_REASONS:
        told.append(f'others: {sum(count for _, count in ranked[NUM_REASONS:])}')
    return f'; left out: {", ".join(told)}' if told else ''


def read_rgb(path: str | Path) -> Tensor:
    """RGB image (3, H, W) uint8, rotated by its EXIF orientation.

    16 bits a channel are scaled to 8 (65535 is 255); transparency is dropped.

    Raises:
        OSError: the file is missing, cut short, no image, no regular file, or has pixels whose
            range is not known (32-bit integers, floats); the message names it.
    """
    return _decode(path, 'RGB')


def read_grey(path: str | Path) -> Tensor:
    """Luma image (1, H, W) uint8; reads and raises as `read_rgb`."""
    return _decode(path, 'L')


def _decode(path: str | Path, mode: str) -> Tensor:
    try:
        check_regular(path)
        with open(path, 'rb', buffering=0) as file:
            pixels = decode_jpeg(file.read(), mode)
        if pixels is None:
            return vision.pil_to_tensor(load_upright(path).convert(mode))
        return torch.from_numpy(pixels[None] if mode == 'L' else pixels.transpose(2, 0, 1))
    except UnreadableError as error:
        raise OSError(f'cannot read the image {path}: {error}') from error
    except DECODE_ERRORS as error:
        raise OSError(
            f"cannot read the image {path}: {error}; restore the file from the data set's archive"
        ) from error


def load_upright(path: str | Path) -> Image.Image:
    """Upright PIL image of a file, 8 bits a channel.

    Raises:
        UnreadableError: 32-bit or floating pixels, or more pixels than PIL.Image.MAX_IMAGE_PIXELS,
            which are not decompressed.
        OSError, SyntaxError, ValueError, EOFError: as Pillow; OSError also where the path is of a
            pipe, socket, device or folder.
    """
    check_regular(path)
    with _opened(path) as image:
        return upright(image)


def upright(image: Image.Image) -> Image.Image:
    """PIL image turned by its EXIF orientation, 8 bits a channel; raises as `load_upright`."""
    image.load()
    orientation = image.getexif().get(EXIF_ORIENTATION)
    picture = _eight_bits(image)
    return picture.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else picture


def check_regular(path: str | Path) -> None:
    """Raises OSError where the path is missing or of a folder, pipe, socket or device."""
    # opened, a pipe would wait for ever for somebody to write into it
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError('it is no regular file (a folder, pipe, socket or device)')


def _opened(path: str | Path) -> Image.Image:
    limit = Image.MAX_IMAGE_PIXELS  # Pillow warns above it, and refuses twice as many
    if limit is None:
        return Image.open(path)
    try:
        image = Image.open(path)
    except Image.DecompressionBombError as error:
        raise UnreadableError(_too_large(f'more than {2 * limit:,}')) from error
    if image.width * image.height > limit:
        image.close()
        raise UnreadableError(_too_large(f'{image.width} x {image.height}'))
    return image


def _too_large(pixels: str) -> str:
    return (
        f'it has {pixels} pixels, more than PIL.Image.MAX_IMAGE_PIXELS = '
        f'{Image.MAX_IMAGE_PIXELS:,}, and may be made to fill the memory; crop or shrink it'
    )


def _eight_bits(image: Image.Image) -> Image.Image:
    # Pillow's own convert clips at 255; before 10.3 it opens 16-bit PNG as 32-bit integers
    if image.mode.startswith('I;16') or (image.mode == 'I' and image.format == 'PNG'):
        deep = np.asarray(image).astype(np.int64)
        return Image.fromarray(((deep + 128) // 257).astype(np.uint8))
    if image.mode in ('I', 'F'):
        raise UnreadableError(
            f'pixels of {"32-bit integers" if image.mode == "I" else "floats"} (mode {image.mode}) '
            f'do not say what is black and white; save it with 8 or 16 bits a channel'
        )
    return image


def find_corrupt(paths: Sequence[str]) -> dict[str, str]:
    """Undecodable files with their reasons, {path: reason}, in the order given.

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
    except ValueError as error:  # a NUL byte in the path
        return f'{type(error).__name__}: {error}'
    key = path, status.st_size, status.st_mtime_ns
    if key not in _checked:
        _checked[key] = _decode_reason(path)
    return _checked[key]


def _decode_reason(path: str) -> str:
    try:
        load_upright(path)
    except DECODE_ERRORS as error:
        return f'{type(error).__name__}: {error}'
    return ''
