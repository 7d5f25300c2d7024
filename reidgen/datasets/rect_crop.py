"""Crops: a fixed one, and the random one of open-reid, CamStyle and HHL."""

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as vision

from reidgen.choices import is_whole
from reidgen.datasets.resizing import resized
from reidgen.datasets.transforms import Resize, Sample, Transform, check_size
from reidgen.registry import TRANSFORMS

TRIES = 10
AREA = (0.64, 1.0)  # share of the image, lowest and highest
RATIO = (2.0, 3.0)  # height by width, lowest and highest


@TRANSFORMS.register_module()
class RandomRectCrop(Transform):
    """Random crop of a standing rectangle, resized bilinearly; image only.

    Of open-reid, as CamStyle (Zhong et al., CVPR 2018) and HHL (Zhong et al., ECCV 2018) use it:
    0.64 to 1 of the image's area, two to three times as high as wide. After ten rectangles that do
    not fit, and where nothing may be random, the whole image is resized.

    Args:
        size: (height, width).
    """

    random = True

    def __init__(self, size: tuple[int, int] = (256, 128)):
        self.at_rest, self.size = Resize(size), list(size)

    def __call__(self, sample: Sample) -> Sample:
        if sample.maps is not None:
            raise ValueError('RandomRectCrop cuts images alone; leave pose_map out of the data set')
        height, width = sample.img.shape[-2:]
        for _ in range(TRIES):
            area = height * width * self._uniform(*AREA)
            ratio = self._uniform(*RATIO)
            tall, wide = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
            if tall <= height and wide <= width:
                top = int(torch.randint(height - tall + 1, ()))
                left = int(torch.randint(width - wide + 1, ()))
                cut = vision.crop(sample.img, top, left, tall, wide)
                return sample._replace(img=self._resize(cut))
        return sample._replace(img=self._resize(sample.img))

    def _resize(self, img: Tensor) -> Tensor:
        return resized(img, self.size, v2.InterpolationMode.BILINEAR)

    @staticmethod
    def _uniform(low: float, high: float) -> float:
        return low + (high - low) * torch.rand(()).item()


@TRANSFORMS.register_module()
class Crop(Transform):
    """The same rectangle of every image, and of its maps.

    Args:
        size: (height, width).
        corner: (top, left) of the rectangle, in pixels.

    Raises:
        ValueError: a corner that cannot be; or, when an image is asked for, one that the rectangle
            is not within.
    """

    def __init__(self, size: tuple[int, int], corner: tuple[int, int]):
        self.size = check_size(size)
        if len(corner) != 2 or not all(is_whole(pixels) for pixels in corner):
            raise ValueError(f'corner is {corner}; it must be (top, left) in pixels, from 0')
        self.corner = list(corner)

    def __call__(self, sample: Sample) -> Sample:
        maps = None if sample.maps is None else self._cut(sample.maps)
        return sample._replace(img=self._cut(sample.img), maps=maps)

    def _cut(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        if self.corner[0] + self.size[0] > height or self.corner[1] + self.size[1] > width:
            raise ValueError(
                f'Crop cuts {self.size[0]} x {self.size[1]} at {tuple(self.corner)}, which a '
                f'picture of {height} x {width} does not have; correct size and corner'
            )
        return vision.crop(picture, *self.corner, *self.size)
