"""BEGANGenerator: images from latent vectors without norm layers."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reidgen.choices import is_whole
from reidgen.models.layers.init import xavier_init
from reidgen.registry import GENERATORS


def block_sizes(
    image_size: Sequence[int], base_size: Sequence[int] = (8, 8)
) -> list[tuple[int, int]]:
    """Sizes (height, width) of the maps from `base_size` on, each twice the one before.

    Raises:
        ValueError: doublings of the base do not lead to the image.
    """
    if not all(is_whole(side, 1) for side in (*image_size, *base_size)):
        raise ValueError(
            f'image_size is {tuple(image_size)} and base_size {tuple(base_size)}; set sides that '
            f'are whole numbers from 1'
        )
    sizes = [(base_size[0], base_size[1])]
    while sizes[-1][0] < image_size[0]:
        sizes.append((2 * sizes[-1][0], 2 * sizes[-1][1]))
    if sizes[-1] != (image_size[0], image_size[1]):
        raise ValueError(
            f'image_size is {tuple(image_size)}, which no doubling of base_size '
            f'{tuple(base_size)} gives; set image_size to {sizes[-1]}, say, or base_size to the '
            f'sides of the image halved a number of times'
        )
    return sizes


@GENERATORS.register_module()
class BEGANGenerator(nn.Module):
    """Generator of BEGAN (Berthelot et al., 2017), which is the decoder of its discriminator too.

        z -> Linear -> (conv, ELU, conv, ELU, nearest x2 but in the last) x blocks -> conv

    No norm layer, and a linear output: images are in [-1, 1] as far as they are learned so. A block
    for each size from `base_size` to the image. Glorot's uniform start, biases 0, as
    BEGAN-tensorflow.

    Args:
        image_size: (height, width): `base_size` times a power of two.
        latent_dim: Z; 64 in BEGAN-tensorflow, 128 in the paper's largest.
        channels: C of the image.
        base_dim: channels of every map; 128 in the paper, 64 for its smaller images.
        base_size: (height, width) of the first map.
        skip: whether the first map is concatenated, upsampled, to the input of every further block,
            as the paper describes and BEGAN-tensorflow leaves out.

    Raises:
        ValueError: an image that is no such size.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        latent_dim: int = 64,
        channels: int = 3,
        base_dim: int = 128,
        base_size: tuple[int, int] = (8, 8),
        skip: bool = False,
    ):
        super().__init__()
        sizes = block_sizes(image_size, base_size)
        self.image_size, self.latent_dim, self.skip = sizes[-1], latent_dim, skip
        self.linear = nn.Linear(latent_dim, base_dim * sizes[0][0] * sizes[0][1])
        self.unflatten = nn.Unflatten(1, (base_dim, *sizes[0]))
        self.blocks = nn.ModuleList()
        for number in range(len(sizes)):
            entering = 2 * base_dim if skip and number else base_dim
            layers = [nn.Conv2d(entering, base_dim, 3, 1, 1), nn.ELU()]
            layers += [nn.Conv2d(base_dim, base_dim, 3, 1, 1), nn.ELU()]
            self.blocks.append(nn.Sequential(*layers))
        self.upsample = nn.Upsample(scale_factor=2)
        self.out = nn.Conv2d(base_dim, channels, 3, 1, 1)
        xavier_init(self)

    def forward(self, z: Tensor) -> Tensor:
        """Images (B, C, H, W) of latent vectors (B, Z), not limited to [-1, 1]."""
        x = first = self.unflatten(self.linear(z))
        for number, block in enumerate(self.blocks):
            if number:
                x = self.upsample(x)
                if self.skip:
                    first = self.upsample(first)
                    x = torch.cat([x, first], 1)
            x = block(x)
        return self.out(x)
