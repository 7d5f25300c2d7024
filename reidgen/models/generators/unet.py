"""UNetGenerator: image-to-image generator of pix2pix."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from reidgen.models.layers.conv import SLOPE
from reidgen.models.layers.init import normal_init
from reidgen.registry import GENERATORS

STD = 0.02


@GENERATORS.register_module()
class UNetGenerator(nn.Module):
    """Generator of pix2pix (Isola et al., CVPR 2017): a U-Net of 4 x 4 convolutions, tanh.

        x -> conv -> (LeakyReLU 0.2, conv, BN but in the last) x (num_halvings - 1) -> code
        code -> (ReLU, transposed conv, BN, join with the map of this size) x (num_halvings - 1)
             -> ReLU, transposed conv, tanh

    Every convolution has a stride of 2. Maps have `base_dim` channels at first, doubled up to eight
    times that. N(0, 0.02^2) at the start, scales of the norms N(1, 0.02^2). 54,413,955 parameters
    at the defaults. Dropout is the only noise of the method; in eval mode it is off and running
    statistics are used, where the paper keeps dropout and takes those of the test batch.

    Args:
        in_channels: of the condition.
        out_channels: of the image.
        num_halvings: 8 for 256 pixels as published; sides are multiples of 2 to this power.
        dropout: probability behind the first num_halvings - 5 doublings, three of eight.

    Raises:
        ValueError: num_halvings is below 2.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        base_dim: int = 64,
        num_halvings: int = 8,
        dropout: float = 0.5,
    ):
        super().__init__()
        if num_halvings < 2:
            raise ValueError(f'num_halvings is {num_halvings}; set 2 or more')
        self.num_halvings = num_halvings
        dims = [base_dim * 2 ** min(k, 3) for k in range(num_halvings)]
        down: list[nn.Module] = [nn.Conv2d(in_channels, dims[0], 4, 2, 1, bias=False)]
        for number, (a, b) in enumerate(pairwise(dims), start=2):
            norm = nn.BatchNorm2d(b) if number < num_halvings else nn.Identity()
            down.append(
                nn.Sequential(nn.LeakyReLU(SLOPE), nn.Conv2d(a, b, 4, 2, 1, bias=False), norm)
            )
        self.down = nn.ModuleList(down)
        up = []
        for number, (a, b) in enumerate(pairwise(dims[::-1])):
            joined = 2 * a if number else a
            conv = nn.ConvTranspose2d(joined, b, 4, 2, 1, bias=False)
            drop = nn.Dropout(dropout if number < num_halvings - 5 else 0.0)
            up.append(nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(b), drop))
        self.up = nn.ModuleList(up)
        self.image = nn.Sequential(
            nn.ReLU(), nn.ConvTranspose2d(2 * dims[0], out_channels, 4, 2, 1), nn.Tanh()
        )
        normal_init(self, STD)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, 1.0, STD)

    def forward(self, img: Tensor) -> Tensor:
        """Images (B, out_channels, H, W) in [-1, 1] of conditions (B, in_channels, H, W).

        Raises:
            ValueError: H or W is no multiple of 2 ** num_halvings.
        """
        self.check_size(*img.shape[2:])
        maps = [img]
        for layer in self.down:
            maps.append(layer(maps[-1]))
        x = maps.pop()
        for layer in self.up:
            x = torch.cat([layer(x), maps.pop()], dim=1)
        return self.image(x)

    def check_size(self, height: int, width: int) -> None:
        """Raises ValueError where images cannot be halved so often."""
        multiple = 2**self.num_halvings
        if height % multiple or width % multiple or not min(height, width):
            raise ValueError(
                f'an image of {height} x {width} cannot be halved {self.num_halvings} times; both '
                f'sides must be multiples of {multiple}: lower num_halvings, or set Resize'
            )
