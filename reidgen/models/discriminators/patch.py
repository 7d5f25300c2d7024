"""Patch discriminators: one logit a patch."""

from functools import partial
from itertools import pairwise

import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.models.layers import ResidualBlock, conv_block, kaiming_init, normal_init
from reidgen.registry import DISCRIMINATORS


def _discriminator(base_dim: int, num_res_blocks: int, num_downsample: int) -> nn.Sequential:
    dim = base_dim
    layers = [
        conv_block(3, dim, 1),
        conv_block(dim, dim, 3),
        conv_block(dim, dim, 3, stride=2),
    ]
    for _ in range(num_downsample - 1):
        layers += [conv_block(dim, dim, 3), conv_block(dim, 2 * dim, 3, stride=2)]
        dim *= 2
    layers += [ResidualBlock(dim) for _ in range(num_res_blocks)]
    return nn.Sequential(*layers, conv_block(dim, 1, 1, activate=False))


@DISCRIMINATORS.register_module()
class MultiScaleDiscriminator(nn.Module):
    """One discriminator a scale, on the image and its halvings (DG-Net, Zheng et al., CVPR 2019;
    MUNIT).

    No norm, no sigmoid at the end. 341,857 parameters a scale at the defaults.

    Args:
        base_dim: channels at full resolution, doubled at the second and every further halving.
        num_downsample: halvings inside a discriminator.

    Raises:
        ValueError: num_scales or num_downsample is below 1.
    """

    def __init__(
        self,
        num_scales: int = 3,
        base_dim: int = 32,
        num_res_blocks: int = 4,
        num_downsample: int = 2,
    ):
        super().__init__()
        if num_scales < 1 or num_downsample < 1:
            raise ValueError(
                f'num_scales is {num_scales}, num_downsample {num_downsample}; '
                f'set both to 1 or more'
            )
        self.num_scales, self.num_downsample = num_scales, num_downsample
        self.critics = nn.ModuleList(
            _discriminator(base_dim, num_res_blocks, num_downsample) for _ in range(num_scales)
        )
        normal_init(self)

    def forward(self, img: Tensor) -> list[Tensor]:
        """Logits (B, 1, h, w) a scale, the finest first: h = H / 4, H / 8, H / 16 at the defaults.

        Raises:
            ValueError: the image is too small for the coarsest discriminator.
        """
        self.check_size(*img.shape[2:])
        return _on_scales(self.critics, img)

    def check_size(self, height: int, width: int) -> None:
        """Raises ValueError where images are too small for the coarsest discriminator."""
        halvings = len(self.critics) - 1 + self.num_downsample
        if min(height, width) <= 2**halvings:  # a single row cannot be padded by reflection
            raise ValueError(
                f'an image of {height} x {width} is too small for {len(self.critics)} scales of '
                f'{self.num_downsample} halvings; lower num_scales or num_downsample, or use '
                f'images with both sides above {2**halvings}'
            )


@DISCRIMINATORS.register_module()
class StridedDiscriminator(nn.Module):
    """One discriminator a scale of strided 4 x 4 convolutions only: cheap, for small pictures.

    Every layer halves the image at once (pix2pix's discriminator, Isola et al., CVPR 2017, without
    norm).

    Args:
        base_dim: channels of the first layer, doubled at each.
        num_downsample: layers, hence halvings.
        out_channels: logits at each place.

    Raises:
        ValueError: num_scales or num_downsample is below 1.
    """

    def __init__(
        self,
        num_scales: int = 2,
        base_dim: int = 32,
        num_downsample: int = 3,
        out_channels: int = 1,
    ):
        super().__init__()
        if num_scales < 1 or num_downsample < 1:
            raise ValueError(
                f'num_scales is {num_scales}, num_downsample {num_downsample}; '
                f'set both to 1 or more'
            )
        self.num_scales, self.num_downsample = num_scales, num_downsample
        dims = [3, *(base_dim * 2**k for k in range(num_downsample))]
        self.critics = nn.ModuleList(
            nn.Sequential(
                *(conv_block(a, b, 4, stride=2) for a, b in pairwise(dims)),
                conv_block(dims[-1], out_channels, 3, activate=False),
            )
            for _ in range(num_scales)
        )
        kaiming_init(self)

    def forward(self, img: Tensor) -> list[Tensor]:
        """Logits (B, out_channels, h, w) a scale, finest first: h = H / 8, H / 16 by default.

        Raises:
            ValueError: the image is too small for the coarsest discriminator.
        """
        self.check_size(*img.shape[2:])
        return _on_scales(self.critics, img)

    def check_size(self, height: int, width: int) -> None:
        """Raises ValueError where images are too small for the coarsest discriminator."""
        # pooling rounds a side up, a layer down, and the last one pads two rows by reflection
        below = 2 ** (len(self.critics) - 1) * (2 ** (self.num_downsample + 1) - 1)
        if min(height, width) <= below:
            raise ValueError(
                f'an image of {height} x {width} is too small for {len(self.critics)} scales of '
                f'{self.num_downsample} halvings; lower num_scales or num_downsample, or use '
                f'images with both sides above {below}'
            )


def _on_scales(discriminators: nn.ModuleList, img: Tensor) -> list[Tensor]:
    """Logits of one discriminator a scale, on the image and its halvings, the finest first."""
    logits = []
    for scale, discriminator in enumerate(discriminators):
        if scale:
            img = nnf.avg_pool2d(img, 3, stride=2, padding=1, count_include_pad=False)
        logits.append(discriminator(img))
    return logits


@DISCRIMINATORS.register_module()
class PatchGAN(nn.Module):
    """CycleGAN's discriminator: one logit for each overlapping patch, 70 x 70 pixels at the
    defaults.

    4 x 4 convolutions with zero padding; instance norm but in the first and last (Isola et al.,
    CVPR 2017; Zhu et al., ICCV 2017). 2,764,737 parameters at the defaults, N(0, 0.02^2) at the
    start.

    Args:
        base_dim: channels of the first layer, doubled at each up to eight times that.
        num_layers: halvings; 3 gives patches of 70 pixels, 2 of 34, 1 of 16.
        norm: 'instance' as published, or None. The mean and variance of instance norm are of the
            whole picture: one bright spot anywhere moves every patch's logit, and generators of
            short trainings learn to translate such spots. Without norm, layers start by He's rule.
        in_channels: of the image, or of the condition and the image (pix2pix).

    Raises:
        ValueError: num_layers is below 1, or an unknown norm.
    """

    def __init__(
        self,
        base_dim: int = 64,
        num_layers: int = 3,
        norm: str | None = 'instance',
        in_channels: int = 3,
    ):
        super().__init__()
        if num_layers < 1:
            raise ValueError(f'num_layers is {num_layers}; set 1 or more')
        self.num_layers = num_layers
        dims = [base_dim * 2 ** min(k, 3) for k in range(num_layers + 1)]
        layer = partial(conv_block, padding_mode='zeros')
        layers = [layer(in_channels, dims[0], 4, stride=2)]
        for number, (a, b) in enumerate(pairwise(dims), start=1):
            stride = 2 if number < num_layers else 1
            layers.append(layer(a, b, 4, stride=stride, norm=norm))
        self.layers = nn.Sequential(*layers, layer(dims[-1], 1, 4, activate=False))
        (normal_init if norm else kaiming_init)(self)

    def forward(self, img: Tensor) -> Tensor:
        """Logits (B, 1, H / 8 - 2, W / 8 - 2) of images (B, C, H, W), at three halvings.

        Raises:
            ValueError: the image is too small to leave a logit.
        """
        self.check_size(*img.shape[2:])
        return self.layers(img)

    def check_size(self, height: int, width: int) -> None:
        """Raises ValueError where images are too small to leave a logit."""
        if min(height, width) // 2**self.num_layers < 3:
            raise ValueError(
                f'an image of {height} x {width} is too small for PatchGAN with '
                f'num_layers={self.num_layers}; both sides must be {3 * 2**self.num_layers} or '
                f'more: lower num_layers'
            )
