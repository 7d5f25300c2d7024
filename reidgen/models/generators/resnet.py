"""ResNetGenerator: image-to-image generator of CycleGAN."""

from functools import partial

import torch
from mmcv.cnn import build_activation_layer, build_norm_layer
from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.models.layers import ResidualBlock, conv_block, kaiming_init, normal_init
from reidgen.models.layers.conv import ACTIVATIONS, NORMS
from reidgen.registry import GENERATORS

UPSAMPLES = ('transposed', 'nearest')
SHRINK = 0.95  # of an image before atanh: white and black keep a gradient


def _doubled(in_channels: int, out_channels: int, norm: str | None, upsample: str) -> nn.Sequential:
    """Upsampling layers from (B, C, H, W) to (B, out_channels, 2 * H, 2 * W)."""
    if upsample == 'nearest':
        conv = conv_block(in_channels, out_channels, 3, norm=norm, activation='relu')
        return nn.Sequential(nn.Upsample(scale_factor=2), conv)
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, 3, stride=2, padding=1, output_padding=1),
        build_norm_layer(NORMS[norm], out_channels)[1] if norm else nn.Identity(),
        build_activation_layer(ACTIVATIONS['relu']),
    )


@GENERATORS.register_module()
class ResNetGenerator(nn.Module):
    """Generator of CycleGAN: two halvings, residual blocks, two doublings, tanh.

    Johnson et al. (ECCV 2016) as Zhu et al. (ICCV 2017) use it: 9 blocks for 256 pixels, 6 for
    128 and below; instance norm and ReLU throughout, N(0, 0.02^2) at the start. 11,378,179
    parameters with 9 blocks, 7,837,699 with 6.

    Args:
        base_dim: channels at full size, four times as many in the blocks.
        num_blocks: residual blocks.
        dropout: probability inside each block.
        norm: 'instance' as published, or None, which needs `residual`. With instance norm a
            generator can shift a whole feature map by one spike (Karras et al., CVPR 2020, section
            2), and short trainings leave such spots in the pictures. Without, layers start by
            He's rule, the last one and those that end a block at 0.
        affine: instance norms with a scale and an offset, as in SPGAN's first implementation.
        upsample: 'transposed', the paper's transposed convolutions, or 'nearest', each pixel four
            times and a convolution (Odena et al., Distill 2016): no checkerboards, which
            short trainings else keep.
        residual: the layers translate a change of the image, tanh(layers(x) + atanh(0.95 x)),
            instead of the picture. Not published; for trainings of a few thousand iterations, in
            which the layers alone do not learn the identity.

    Raises:
        ValueError: num_blocks is below 1, or upsample or norm is none of these.
    """

    def __init__(
        self,
        base_dim: int = 64,
        num_blocks: int = 9,
        dropout: float = 0.0,
        affine: bool = False,
        upsample: str = 'transposed',
        residual: bool = False,
        norm: str | None = 'instance',
    ):
        super().__init__()
        if norm not in ('instance', None) or (norm is None and (affine or not residual)):
            raise ValueError(
                f'norm is {norm!r} with affine={affine} and residual={residual}; choose '
                f"'instance', or None with residual=True and affine=False"
            )
        if num_blocks < 1:
            raise ValueError(f'num_blocks is {num_blocks}; set 1 or more, 6 and 9 are usual')
        one_of(upsample, UPSAMPLES, 'upsample')
        self.residual = residual
        norm = 'instance_affine' if affine else norm
        half, quarter = 2 * base_dim, 4 * base_dim
        layer = partial(conv_block, norm=norm, activation='relu')
        self.down = nn.Sequential(
            layer(3, base_dim, 7),
            layer(base_dim, half, 3, stride=2, padding_mode='zeros'),
            layer(half, quarter, 3, stride=2, padding_mode='zeros'),
        )
        self.blocks = nn.Sequential(
            *(ResidualBlock(quarter, norm, 'relu', dropout) for _ in range(num_blocks))
        )
        self.up = nn.Sequential(
            _doubled(quarter, half, norm, upsample), _doubled(half, base_dim, norm, upsample)
        )
        self.image = conv_block(base_dim, 3, 7, activate=False)
        if norm is None:
            kaiming_init(self)
            for last in (self.image, *(block.conv2 for block in self.blocks)):
                nn.init.zeros_(last.conv.weight)
        else:
            normal_init(self)

    def forward(self, img: Tensor) -> Tensor:
        """Translated images (B, 3, H, W) in [-1, 1], of such images.

        Raises:
            ValueError: H or W is no multiple of 4, so the picture would come out larger, or is
                too small to be padded by reflection.
        """
        height, width = img.shape[2:]
        if height % 4 or width % 4 or min(height, width) < 8:
            raise ValueError(
                f'ResNetGenerator halves an image of {height} x {width} twice; both sides must be '
                f'multiples of 4 from 8 on: set Resize and RandomCrop to such a size'
            )
        translated = self.image(self.up(self.blocks(self.down(img))))
        return torch.tanh(translated + torch.atanh(SHRINK * img) if self.residual else translated)
