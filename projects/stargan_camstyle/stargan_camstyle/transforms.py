"""Bilinear resizing, as StarGAN's code has it; the rest of reidgen resizes bicubically."""

from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as vision

from reidgen.datasets.transforms import ResizeRandomCrop, Sample, Transform, check_size
from reidgen.registry import TRANSFORMS


class BilinearResize(Transform):
    """Bilinear resizing with antialias, image and maps.

    Args:
        size: (height, width).
    """

    def __init__(self, size: tuple[int, int]):
        self.size = check_size(size)

    def __call__(self, sample: Sample) -> Sample:
        def resized(picture):
            return vision.resize(picture, self.size, InterpolationMode.BILINEAR, antialias=True)

        maps = None if sample.maps is None else resized(sample.maps)
        return sample._replace(img=resized(sample.img), maps=maps)


@TRANSFORMS.register_module()
class BilinearResizeRandomCrop(ResizeRandomCrop):
    """ResizeRandomCrop with bilinear interpolation, in training and evaluation.

    Args:
        enlarged, size: as ResizeRandomCrop.
    """

    def __init__(self, enlarged: tuple[int, int], size: tuple[int, int]):
        super().__init__(enlarged, size)
        self.enlarge, self.at_rest = BilinearResize(enlarged), BilinearResize(size)
