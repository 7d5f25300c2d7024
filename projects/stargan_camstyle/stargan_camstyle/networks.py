"""Networks of StarGAN: one generator for all cameras, a discriminator and camera classifier."""

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.registry import DISCRIMINATORS, GENERATORS

SLOPE = 0.01  # of D's LeakyReLU
UPSAMPLES = ('transposed', 'nearest')


def _norm_relu(channels: int) -> list[nn.Module]:
    # batch statistics in training and test alike
    return [nn.InstanceNorm2d(channels, affine=True), nn.ReLU(inplace=True)]


def _doubled(in_channels: int, out_channels: int, upsample: str) -> list[nn.Module]:
    """Upsampling layers from (B, C, H, W) to (B, out_channels, 2 * H, 2 * W)."""
    if upsample == 'nearest':
        conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        return [nn.Upsample(scale_factor=2), conv, *_norm_relu(out_channels)]
    conv = nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)
    return [conv, *_norm_relu(out_channels)]


class Residual(nn.Module):
    """Residual block x + norm(conv(relu(norm(conv(x))))), 3 x 3, no bias, nothing after the sum."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            *_norm_relu(channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.InstanceNorm2d(channels, affine=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)  # (B, C, H, W)


@GENERATORS.register_module()
class CameraGenerator(nn.Module):
    """Generator of StarGAN (Choi et al., CVPR 2018), conditioned on the target camera.

    The camera comes in as one constant map a camera, beside the colours. Padding is with zeros on
    purpose: with reflection, the instance norm would take a constant map away. Deviation from the
    authors' code: instance norms keep no running statistics, so training and test agree.
    8,433,664 parameters for six cameras at the defaults.

    Args:
        num_cameras: C.
        base_dim: channels at full size, four times as many in the blocks.
        num_blocks: residual blocks.
        upsample: 'transposed', the authors' transposed convolutions, or 'nearest', each pixel four
            times and a 3 x 3 convolution (Odena et al., Distill 2016): no checkerboards, which
            short trainings else keep.

    Raises:
        ValueError: upsample is neither.
    """

    def __init__(
        self,
        num_cameras: int,
        base_dim: int = 64,
        num_blocks: int = 6,
        upsample: str = 'transposed',
    ):
        super().__init__()
        if upsample not in UPSAMPLES:
            raise ValueError(f'upsample is {upsample!r}; choose one of {", ".join(UPSAMPLES)}')
        self.num_cameras = num_cameras
        half, quarter = 2 * base_dim, 4 * base_dim
        self.layers = nn.Sequential(
            nn.Conv2d(3 + num_cameras, base_dim, 7, padding=3, bias=False),
            *_norm_relu(base_dim),
            nn.Conv2d(base_dim, half, 4, stride=2, padding=1, bias=False),
            *_norm_relu(half),
            nn.Conv2d(half, quarter, 4, stride=2, padding=1, bias=False),
            *_norm_relu(quarter),
            *(Residual(quarter) for _ in range(num_blocks)),
            *_doubled(quarter, half, upsample),
            *_doubled(half, base_dim, upsample),
            nn.Conv2d(base_dim, 3, 7, padding=3, bias=False),
        )

    def forward(self, img: Tensor, camid: Tensor) -> Tensor:
        """Translated images (B, 3, H, W), of images in [-1, 1] and target cameras (B,) from 0.

        Raises:
            ValueError: H or W is no multiple of 4: the picture would come out in another size.
        """
        height, width = img.shape[2:]
        if height % 4 or width % 4:
            raise ValueError(
                f'CameraGenerator halves an image of {height} x {width} twice; both sides must be '
                f'multiples of 4'
            )
        code = nnf.one_hot(camid, self.num_cameras).to(img)  # (B, C)
        maps = code[:, :, None, None].expand(-1, -1, height, width)
        return torch.tanh(self.layers(torch.cat([img, maps], dim=1)))


class DiscriminatorOutput(NamedTuple):
    """Patch scores and camera logits of a batch."""

    realness: Tensor  # (B, 1, H / 2^n, W / 2^n): a discriminator's score a patch, no probability
    cameras: Tensor  # (B, C) logits


@DISCRIMINATORS.register_module()
class CameraDiscriminator(nn.Module):
    """Discriminator of StarGAN with two heads: patch scores and camera logits.

    No norm, for the gradient penalty. The classifier covers the whole last map, also of an
    image that is no square (Zhong et al., ECCV 2018). 44,819,392 parameters for six cameras at the
    defaults.

    Args:
        num_cameras: C.
        image_size: (height, width).
        base_dim: channels of the first layer, doubled at each.
        num_layers: n, halvings.

    Raises:
        ValueError: a side of the image is no multiple of 2^n.
    """

    def __init__(
        self,
        num_cameras: int,
        image_size: tuple[int, int] = (256, 128),
        base_dim: int = 64,
        num_layers: int = 6,
    ):
        super().__init__()
        self.num_cameras, self.image_size = num_cameras, tuple(image_size)
        factor = 2**num_layers
        if any(side % factor for side in self.image_size):
            raise ValueError(
                f'CameraDiscriminator halves an image of {self.image_size} {num_layers} times; '
                f'both sides must be multiples of {factor}: set num_layers lower (5 for 128 x 64)'
            )
        dims = [3, *(base_dim * 2**k for k in range(num_layers))]
        self.layers = nn.Sequential(
            *(
                layer
                for before, after in pairwise(dims)
                for layer in (
                    nn.Conv2d(before, after, 4, stride=2, padding=1),
                    nn.LeakyReLU(SLOPE),
                )
            )
        )
        last_size = [side // factor for side in self.image_size]
        self.realness = nn.Conv2d(dims[-1], 1, 3, padding=1, bias=False)
        self.cameras = nn.Conv2d(dims[-1], num_cameras, last_size, bias=False)

    def forward(self, img: Tensor) -> DiscriminatorOutput:
        """Patch scores and camera logits of images (B, 3, H, W) in [-1, 1]."""
        last = self.layers(img)
        return DiscriminatorOutput(self.realness(last), self.cameras(last).flatten(1))
