"""Transforms of an image and its pose maps together, on uint8 tensors.

Random ones draw from torch's global generator, which the data set seeds for every image: the same
draw is augmented alike in any worker process.
"""

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as vision

from reidgen.choices import one_of
from reidgen.datasets.resizing import resized
from reidgen.datasets.shifting import shifted
from reidgen.registry import TRANSFORMS, build

MODES = ('bicubic', 'bilinear', 'nearest')  # of resizing
MEAN_COLOUR = (124, 116, 104)  # ImageNet's mean (0.485, 0.456, 0.406) in uint8
MEAN = np.array(MEAN_COLOUR, np.uint8)[:, None, None]
NO_BODY = np.zeros((1, 1, 1), np.uint8)
TRIES = 10  # rectangles that RandomErase draws until one fits


class Sample(NamedTuple):
    """Image with its pose maps, as passed from transform to transform."""

    img: Tensor  # (3, H, W) uint8
    maps: Tensor | None = None  # (V, M, h, w) uint8: own view, novel view
    flip: Callable[[Tensor], Tensor] = vision.horizontal_flip  # what mirrors the maps


class Transform:
    """Base of the transforms, callables from Sample to Sample; `random` marks augmentations.

    Where nothing may be random, `at_rest` takes the place of one that does; None: nothing does.
    """

    random: ClassVar[bool] = False
    at_rest: 'Transform | None' = None

    def __call__(self, sample: Sample) -> Sample:
        raise NotImplementedError


def build_transforms(cfgs: Sequence[dict]) -> list[Transform]:
    """Transforms built from their configs, in order.

    Raises:
        ValueError: one is no config, or has an argument that its class does not take or lacks one.
        TypeError: no list, or a class does not define `random`.
    """
    if not isinstance(cfgs, list | tuple):
        what = 'one dict' if isinstance(cfgs, dict) else f'one {type(cfgs).__name__}'
        raise TypeError(f"transforms is a list of dict(type='Name', ...), not {what}: {cfgs!r}")
    transforms = [build(cfg, TRANSFORMS, f'transforms.{n}') for n, cfg in enumerate(cfgs)]
    for transform in transforms:
        if not isinstance(getattr(transform, 'random', None), bool):
            raise TypeError(
                f'{type(transform).__name__} must say `random = True` or `random = False` as a '
                f'class attribute, like reidgen.datasets.transforms.Transform'
            )
    return transforms


def transformed(load: Callable[[], Sample], transforms: Sequence[Transform], seed: int) -> Sample:
    """Sample after its transforms, all that is random in it drawn from a seed.

    torch's global random state is left as it was.

    Args:
        load: reads the sample; may draw from torch's global generator as transforms do.
    """
    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed would reach the GPU's generator too
        torch.default_generator.manual_seed(seed)
        sample = load()
        for transform in transforms:
            sample = transform(sample)
    return sample


def without_chance(transforms: Sequence[Transform]) -> list[Transform]:
    """Deterministic transforms, and the deterministic counterparts of the random ones."""
    kept = [
        getattr(transform, 'at_rest', None) if transform.random else transform
        for transform in transforms
    ]
    return [transform for transform in kept if transform is not None]


def check_prob(prob: float) -> float:
    """Checked probability; ValueError if it is none."""
    if not 0 <= prob <= 1:
        raise ValueError(f'prob is {prob}; it must be in 0..1')
    return prob


def check_size(size: Sequence[int], name: str = 'size') -> list[int]:
    """Checked (height, width) as a list; ValueError if it is none."""
    pair = isinstance(size, list | tuple) and len(size) == 2
    if not pair or not all(isinstance(side, int) and side >= 1 for side in size):
        raise ValueError(f'{name} is {size!r}; it must be (height, width), such as (256, 128)')
    return list(size)


@TRANSFORMS.register_module()
class Resize(Transform):
    """Resizing of image and maps, with antialias but for 'nearest'.

    Args:
        size: (height, width).
        mode: 'bicubic', 'bilinear' or 'nearest'.
    """

    def __init__(self, size: tuple[int, int], mode: str = 'bicubic'):
        self.size = check_size(size)
        self.mode = v2.InterpolationMode(one_of(mode, MODES, 'mode'))

    def __call__(self, sample: Sample) -> Sample:
        img, maps = sample.img, sample.maps
        if maps is None or maps.shape[-2:] != img.shape[-2:]:
            maps = None if maps is None else self._resize(maps)
            return sample._replace(img=self._resize(img), maps=maps)
        planes = self._resize(torch.cat([img, maps.flatten(0, 1)]))  # in one go
        maps = planes[len(img) :].view(*maps.shape[:2], *planes.shape[1:])
        return sample._replace(img=planes[: len(img)], maps=maps)

    def _resize(self, picture: Tensor) -> Tensor:
        return resized(picture, self.size, self.mode)


@TRANSFORMS.register_module()
class RandomFlip(Transform):
    """Random mirroring of image and maps; the maps' source permutes its channels as needed.

    Args:
        prob: of mirroring.
    """

    random = True

    def __init__(self, prob: float = 0.5):
        self.prob = check_prob(prob)

    def __call__(self, sample: Sample) -> Sample:
        if torch.rand(()) >= self.prob:
            return sample
        maps = None if sample.maps is None else sample.flip(sample.maps)
        return sample._replace(img=sample.img.flip(-1), maps=maps)


@TRANSFORMS.register_module()
class RandomPadCrop(Transform):
    """Random shift: pads all sides and crops the old size, at one place of image and maps.

    The padding has ImageNet's mean colour in the image and is 0, no body, in the maps.

    Args:
        padding: pixels; the shift is uniform in -padding..padding each way.
    """

    random = True

    def __init__(self, padding: int = 10):
        if padding < 1:
            raise ValueError(f'padding is {padding}; it must be 1 pixel or more')
        self.padding = padding

    def __call__(self, sample: Sample) -> Sample:
        size = sample.img.shape[-2:]
        if sample.maps is not None and sample.maps.shape[-2:] != size:
            raise ValueError(
                f'RandomPadCrop needs image {tuple(size)} and maps {tuple(sample.maps.shape[-2:])} '
                f'of one size; put Resize before it'
            )
        top, left = torch.randint(2 * self.padding + 1, (2,)).tolist()
        down, right = self.padding - top, self.padding - left
        maps = None if sample.maps is None else shifted(sample.maps, down, right, NO_BODY)
        return sample._replace(img=shifted(sample.img, down, right, MEAN), maps=maps)


@TRANSFORMS.register_module()
class ResizeRandomCrop(Transform):
    """Random crop after resizing to a larger size, at one place of image and maps.

    The augmentation of CycleGAN (Zhu et al., ICCV 2017). Where nothing may be random the whole
    picture is resized to `size` instead.

    Args:
        enlarged: (height, width) that is cut from: (286, 144) for (256, 128).
        size: (height, width) of what is cut out.
    """

    random = True

    def __init__(self, enlarged: tuple[int, int], size: tuple[int, int]):
        check_size(enlarged, 'enlarged')
        self.enlarge, self.at_rest = Resize(enlarged), Resize(size)
        self.size, self.room = list(size), [a - b for a, b in zip(enlarged, size)]
        if min(self.room) < 0:
            raise ValueError(
                f'enlarged is {tuple(enlarged)} and size {tuple(size)}; set enlarged to no less '
                f'than size'
            )

    def __call__(self, sample: Sample) -> Sample:
        sample = self.enlarge(sample)
        top, left = (torch.randint(pixels + 1, ()).item() for pixels in self.room)
        maps = None if sample.maps is None else vision.crop(sample.maps, top, left, *self.size)
        return sample._replace(img=vision.crop(sample.img, top, left, *self.size), maps=maps)


@TRANSFORMS.register_module()
class RandomErase(Transform):
    """Random erasing of a rectangle, image only (Zhong et al., AAAI 2020).

    The rectangle gets ImageNet's mean colour.

    Deviations, both torchvision's: the ratio of the sides is uniform in its logarithm, so that
    lying and standing rectangles are equally likely, and after ten rectangles that do not fit the
    image stays as it is.

    Args:
        prob: of erasing.
        area: share of the image, lowest and highest.
        ratio: height by width, lowest and highest.
    """

    random = True

    def __init__(
        self,
        prob: float = 0.5,
        area: tuple[float, float] = (0.02, 0.4),
        ratio: tuple[float, float] = (0.3, 3.33),
    ):
        self.prob, self.area = check_prob(prob), _check_range(area, 'area')
        if self.area[1] > 1:
            raise ValueError(f'area is {tuple(area)}; shares of the image are in 0..1')
        low, high = _check_range(ratio, 'ratio')
        self.log_ratio = torch.tensor([low, high]).log().tolist()

    def __call__(self, sample: Sample) -> Sample:
        if torch.rand(()) >= self.prob:
            return sample
        height, width = sample.img.shape[-2:]
        for _ in range(TRIES):
            area = height * width * _uniform(*self.area).item()
            ratio = _uniform(*self.log_ratio).exp().item()
            tall, wide = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if tall < height and wide < width:
                top = int(torch.randint(height - tall + 1, ()))
                left = int(torch.randint(width - wide + 1, ()))
                pixels = np.array(sample.img.numpy(), order='C')
                pixels[:, top : top + tall, left : left + wide] = MEAN
                return sample._replace(img=torch.from_numpy(pixels))
        return sample


def _uniform(low: float, high: float) -> Tensor:
    return torch.empty(()).uniform_(low, high)


def _check_range(limits: tuple[float, float], name: str) -> tuple[float, float]:
    if len(limits) != 2 or not 0 < limits[0] <= limits[1]:
        raise ValueError(f'{name} is {limits!r}; it must be (lowest, highest), both above 0')
    return limits[0], limits[1]


@TRANSFORMS.register_module()
class ColorJitter(Transform):
    """torchvision's ColorJitter, image only.

    Args:
        brightness, contrast, saturation: factor uniform in 1 - x..1 + x, or a pair of limits.
        hue: turn of the colour circle, uniform in -x..x, at most 0.5, or a pair of limits.
    """

    random = True

    def __init__(
        self,
        brightness: float | tuple[float, float] = 0.0,
        contrast: float | tuple[float, float] = 0.0,
        saturation: float | tuple[float, float] = 0.0,
        hue: float | tuple[float, float] = 0.0,
    ):
        self.jitter = v2.ColorJitter(brightness, contrast, saturation, hue)

    def __call__(self, sample: Sample) -> Sample:
        return sample._replace(img=self.jitter(sample.img))
