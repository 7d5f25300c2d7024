"""Networks that know cameras: a decoder in the style of each, a discriminator with its logits."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from reidgen.models.discriminators.patch import StridedDiscriminator
from reidgen.models.generators.stripe import (
    ColourTransform,
    StripeAdaINDecoder,
    picture_of,
    transformed,
)
from reidgen.registry import DISCRIMINATORS, GENERATORS


class CameraStructure(NamedTuple):
    """A `Structure`, and the camera that took the picture in it."""

    full: Tensor  # (B, C / 4, H, W)
    half: Tensor  # (B, C / 2, H / 2, W / 2)
    quarter: Tensor  # (B, C, H / 4, W / 4)
    picture: Tensor  # (B, 3, H, W) first channels of the map itself, in [-1, 1]
    camera: Tensor  # (B,) int64, those of the source first, then those of the target


class CameraColourTransform(ColourTransform):
    """Learned linear maps of colours, from pictures in [-1, 1] to images in a camera's style.

    Args:
        num_cameras: of the style, a map each.
        rate: its learning rate is so many times that of the other layers.
        num_own_cameras: cameras that pictures come from. Each has a map of its own, applied first,
            that can undo what the camera did; 0: none.
    """

    def __init__(self, num_cameras: int, rate: float = 1.0, num_own_cameras: int = 0):
        super().__init__()
        self.rate = rate
        self.matrix_change = nn.Parameter(torch.zeros(num_cameras, 3, 3))
        self.shift_change = nn.Parameter(torch.zeros(num_cameras, 3))
        self.own_change = self.own_shift = None
        if num_own_cameras:
            self.own_change = nn.Parameter(torch.zeros(num_own_cameras, 3, 3))
            self.own_shift = nn.Parameter(torch.zeros(num_own_cameras, 3))

    def forward(self, picture: Tensor, camera: Tensor, own_camera: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) of a picture (B, 3, H, W), cameras (B,) of the style and of the picture.

        Raises:
            ValueError: it has maps of own cameras and is not told the picture's.
        """
        if self.own_change is not None:
            if own_camera is None:
                raise ValueError(
                    'the decoder has num_own_cameras but is not told which camera took the '
                    'picture; give it a CameraStructure, or set num_own_cameras=0'
                )
            change, shift = self.own_change[own_camera], self.own_shift[own_camera]
            picture = picture + self.rate * transformed(change, shift, picture)
        matrix = self.matrix + self.rate * self.matrix_change[camera]  # (B, 3, 3)
        shift = self.shift + self.rate * self.shift_change[camera]  # (B, 3)
        return transformed(matrix, shift, picture)


@GENERATORS.register_module()
class CameraStripeDecoder(StripeAdaINDecoder):
    """A residual StripeAdaINDecoder with AdaIN parameters and colours of each camera.

    Camera styles as in camera style adaptation (Zhong et al., CVPR 2018), here of one generator.
    The pose map must begin with the picture (pose map `Colour`).

    Args:
        num_cameras: of the style's domain.
        num_own_cameras: of both domains together: the colours depend on the camera that took the
            picture too, so that a dark one is brightened more; 0: they do not.
        colour_rate: how much faster the colour transform learns. At 10, with one style for all,
            training was unstable in one run of two.
        content_dim, num_parts, base_dim, num_res_blocks, hidden_dim: of StripeAdaINDecoder.

    Raises:
        ValueError: num_cameras is below 1, or num_own_cameras below 0.
    """

    def __init__(
        self,
        content_dim: int,
        num_cameras: int,
        num_own_cameras: int = 0,
        colour_rate: float = 1.0,
        num_parts: int = 4,
        base_dim: int = 64,
        num_res_blocks: int = 3,
        hidden_dim: int = 256,
    ):
        super().__init__(content_dim, num_parts, base_dim, num_res_blocks, hidden_dim)
        if num_cameras < 1 or num_own_cameras < 0:
            raise ValueError(
                f'num_cameras is {num_cameras}, num_own_cameras {num_own_cameras}; set the cameras '
                f'of the style, 1 or more, and those of both domains together, or 0'
            )
        self.num_cameras, self.num_own_cameras = num_cameras, num_own_cameras
        # added to the parameters, not to the content, beside whose length it would drown
        self.cameras = nn.Embedding(num_cameras, self.num_params)
        nn.init.normal_(self.cameras.weight, std=0.02)
        self.make_residual(CameraColourTransform(num_cameras, colour_rate, num_own_cameras))

    def forward(self, pose: CameraStructure | tuple, content: Tensor, camera: Tensor) -> Tensor:
        """(B, 3, H, W) of a structure and content (B, content_dim); normalised space, no tanh.

        Args:
            pose: CameraStructure; without own cameras a Structure does.
            camera: (B,) int64 of the style, below num_cameras.
        """
        params = self.heads(content, pose.quarter.shape[2])
        params = params + self.cameras(camera)[..., None, None]
        own = pose.camera if isinstance(pose, CameraStructure) else None
        return self.decode(pose, params) + self.colour(picture_of(pose), camera, own)


@DISCRIMINATORS.register_module()
class CameraStridedDiscriminator(StridedDiscriminator):
    """A StridedDiscriminator in which the logits of each camera are an output of their own.

    Args:
        num_cameras: of the domain.
        num_scales, base_dim, num_downsample: of StridedDiscriminator.

    Raises:
        ValueError: num_cameras, num_scales or num_downsample is below 1.
    """

    def __init__(
        self,
        num_cameras: int,
        num_scales: int = 2,
        base_dim: int = 32,
        num_downsample: int = 3,
    ):
        if num_cameras < 1:
            raise ValueError(f'num_cameras is {num_cameras}; set the cameras of the domain')
        super().__init__(num_scales, base_dim, num_downsample, num_cameras)
        self.num_cameras = num_cameras

    def forward(self, img: Tensor, camera: Tensor) -> list[Tensor]:
        """Logits (B, 1, h, w) a scale, the finest first: h = H / 8, H / 16 at the defaults.

        Args:
            camera: (B,) int64: the camera in whose style each image is said to be.
        """
        rows, scales = torch.arange(len(img), device=img.device), super().forward(img)
        return [logits[rows, camera, None] for logits in scales]
