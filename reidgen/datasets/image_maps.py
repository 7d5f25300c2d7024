"""Pose maps from the image itself, grey or in colour, and images that are pose maps."""

import torch
from torch import Tensor

from reidgen.datasets.pose_maps import PoseMap
from reidgen.datasets.records import Record
from reidgen.datasets.transforms import Sample, Transform
from reidgen.registry import POSE_MAPS, TRANSFORMS


@POSE_MAPS.register_module()
class Grayscale(PoseMap):
    """Luma of the image (ITU-R BT.601), DG-Net's structure input (Zheng et al., CVPR 2019).

    One view, no file. Its weakness is that clothes stay visible in it.
    """

    def load(self, record: Record, split: str, view: int | None, image: Tensor) -> Tensor:
        red, green, blue = image.to(torch.int32)
        luma = (299 * red + 587 * green + 114 * blue + 500) // 1000  # rounded
        return luma.to(torch.uint8)[None]


@POSE_MAPS.register_module()
class Colour(PoseMap):
    """Image as its own pose map: three channels, one view, no file.

    For an encoder of structure whose instance norm takes each image's own colour statistics away
    (StructureEncoder): what is left of colours within the picture is kept, as in a translation from
    image to image (CycleGAN, Zhu et al., ICCV 2017), and a code of content need not carry it.
    """

    channels = 3

    def load(self, record: Record, split: str, view: int | None, image: Tensor) -> Tensor:
        return image


@TRANSFORMS.register_module()
class MapAsImage(Transform):
    """The pose map of an image's own view, in the place of the image: what a GAN of poses learns.

    Transforms behind it change the map as an image.
    """

    def __call__(self, sample: Sample) -> Sample:
        if sample.maps is None:
            raise ValueError('MapAsImage needs maps; give the data set a pose_map')
        return Sample(sample.maps[0])
