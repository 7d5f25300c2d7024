"""Images as people have them, one or many, as uint8 tensors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as vision

from reidgen.datasets.image_files import DECODE_ERRORS, load_upright, upright

OneImage: TypeAlias = str | Path | Image.Image | np.ndarray | Tensor
Images: TypeAlias = OneImage | Sequence[OneImage]
KINDS = (
    'a path, a PIL image, an array (H, W, 3) uint8 RGB, or a tensor (3, H, W), uint8 or float in '
    '0..1'
)


def is_one(images: Images) -> bool:
    """Whether these are one image, not a batch or a list of them.

    Raises:
        TypeError: neither.
    """
    if isinstance(images, np.ndarray | Tensor):
        return images.ndim != 4
    if isinstance(images, str | Path | Image.Image):
        return True
    if isinstance(images, Sequence):
        return False
    raise TypeError(
        f'images are a {type(images).__name__}; give {KINDS}, or a list of these'
        + ('' if not hasattr(images, '__iter__') else ': list(images)')
    )


def as_list(images: Images) -> Sequence[OneImage]:
    """Images one by one, each of a type and shape that can be read; files are not opened yet.

    Raises:
        ValueError, TypeError: there is none, or one is nothing that can be read; gives its place
            in the list and the fix.
    """
    images = [images] if is_one(images) else images
    if not len(images):  # type: ignore[arg-type]
        raise ValueError(f'no images: the list is empty; give at least one, {KINDS}')
    for place, image in enumerate(images):  # type: ignore[arg-type]
        _check(image, place)
    return images  # type: ignore[return-value]


def to_uint8(image: OneImage, place: int) -> Tensor:
    """RGB image (3, H, W) uint8; floats are rounded to 256 steps.

    Args:
        place: in the list, for errors.

    Raises:
        OSError: a file or PIL image cannot be read.
        ValueError: floats beyond 0..1 or not finite.
    """
    if isinstance(image, np.ndarray):
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)  # a copy: some are read-only
    if isinstance(image, Tensor):
        return image.cpu() if image.dtype == torch.uint8 else _rounded(image, place)
    try:
        picture = upright(image) if isinstance(image, Image.Image) else load_upright(image)
        return vision.pil_to_tensor(picture.convert('RGB'))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'image {place} ({image}) is not there (relative paths start at {Path.cwd()}); correct '
            f'the path'
        ) from error
    except DECODE_ERRORS as error:
        name = 'a PIL image' if isinstance(image, Image.Image) else image
        raise OSError(
            f'image {place} ({name}) cannot be read: {error}; leave it out, or save it as PNG or '
            f'JPEG again'
        ) from error


def _rounded(image: Tensor, place: int) -> Tensor:
    image = image.detach().cpu().float()
    low, high = float(image.min()), float(image.max())
    if low >= 0 and high <= 1:  # NaN is not
        return image.mul(255).round().to(torch.uint8)
    fix = 'convert it with .round().to(torch.uint8)'
    if not (low >= 0 and high <= 255):
        fix = 'give pixels that are not normalised: the model does that itself'
    raise ValueError(
        f'image {place} has floats from {low:g} to {high:g}, and floats are in 0..1; {fix}'
    )


def _check(image: Any, place: int) -> None:
    """Raises ValueError or TypeError for what is no image, from type and shape alone."""
    if isinstance(image, str | Path):
        if Path(image).is_dir():
            raise ValueError(
                f'image {place} is the folder {image}; give the files in it: '
                f"sorted(Path('{image}').rglob('*.jpg'))"
            )
    elif isinstance(image, np.ndarray):
        _check_array(image, place)
    elif isinstance(image, Tensor):
        _check_tensor(image, place)
    elif not isinstance(image, Image.Image):
        raise TypeError(f'image {place} is a {type(image).__name__}; give {KINDS}')


def _check_array(image: np.ndarray, place: int) -> None:
    found, fix = f'image {place} is an array {image.shape} {image.dtype}', ''
    if image.ndim == 3 and image.shape[2] == 4:
        fix = 'drop its transparency: image[:, :, :3]'
    elif image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1):
        fix = 'repeat its grey: numpy.repeat(image.reshape(*image.shape[:2], 1), 3, 2)'
    elif image.ndim == 3 and image.shape[0] == 3 and image.shape[2] != 3:
        fix = 'put the channels last: image.transpose(1, 2, 0)'
    elif image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        fix = 'give one image each'
    elif image.dtype != np.uint8:
        fix = 'give 0..255 as uint8: (255 * image).round().astype(numpy.uint8), if it is in 0..1'
    if fix:
        raise ValueError(f'{found}, and arrays are (H, W, 3) uint8 RGB; {fix}')


def _check_tensor(image: Tensor, place: int) -> None:
    found = f'image {place} is a tensor {tuple(image.shape)} {image.dtype}'.replace('torch.', '')
    fix = ''
    if image.ndim == 3 and image.shape[2] == 3 and image.shape[0] != 3:
        fix = 'put the channels first: image.permute(2, 0, 1)'
    elif image.ndim == 3 and image.shape[0] == 1:
        fix = 'repeat its grey: image.expand(3, -1, -1)'
    elif image.ndim == 3 and image.shape[0] == 4:
        fix = 'drop its transparency: image[:3]'
    elif image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        fix = 'give one image each'
    elif image.dtype != torch.uint8 and not image.is_floating_point():
        fix = 'give 0..255 as uint8: image.to(torch.uint8)'
    if fix:
        raise ValueError(f'{found}, and tensors are (3, H, W), uint8 or float in 0..1; {fix}')
