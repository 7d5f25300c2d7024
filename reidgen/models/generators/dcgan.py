"""DCGANGenerator: images from latent vectors."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from reidgen.models.layers.halving import halved_sizes
from reidgen.models.layers.init import normal_init
from reidgen.registry import GENERATORS


@GENERATORS.register_module()
class DCGANGenerator(nn.Module):
    """Generator of DCGAN (Radford et al., ICLR 2016): from latent vectors to images in [-1, 1].

        z -> Linear, BN, ReLU -> (transposed conv, BN, ReLU) x (num_stages - 1) -> the last, tanh

    Every stage doubles the map and halves its channels. N(0, 0.02^2) at the start, biases 0.

    | published                              | arguments                                         |
    |----------------------------------------|---------------------------------------------------|
    | paper, 64 x 64, as usually implemented | base_dim=128, kernel_size=4, bias=False           |
    | DCGAN-tensorflow, and LSRO (128 x 128) | the defaults                                      |

    Args:
        image_size: (height, width), any; the maps between are half of the next, rounded up.
        latent_dim: Z.
        channels: C of the image.
        base_dim: channels before the last stage, twice as many at each coarser one.
        num_stages: doublings.
        kernel_size: of the transposed convolutions; an even one restores even sides alone.
        bias: whether the layers have one.

    Raises:
        ValueError: an image that cannot be halved so often by such kernels.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        latent_dim: int = 100,
        channels: int = 3,
        base_dim: int = 64,
        num_stages: int = 4,
        kernel_size: int = 5,
        bias: bool = True,
    ):
        super().__init__()
        sizes = halved_sizes(image_size, num_stages, kernel_size)[::-1]  # the coarsest first
        self.image_size, self.latent_dim = sizes[-1], latent_dim
        dims = [base_dim * 2**k for k in reversed(range(num_stages))]
        self.linear = nn.Linear(latent_dim, dims[0] * sizes[0][0] * sizes[0][1], bias=bias)
        self.unflatten = nn.Unflatten(1, (dims[0], *sizes[0]))
        self.norm = nn.BatchNorm2d(dims[0])
        stages: list[nn.Module] = []
        padding = (kernel_size - 1) // 2
        for (a, b), (small, large) in zip(pairwise([*dims, channels]), pairwise(sizes)):
            # what a stride of 2 leaves open: 2n or 2n - 1 is halved to n
            tall, wide = (big - 2 * half + kernel_size % 2 for half, big in zip(small, large))
            conv = nn.ConvTranspose2d(a, b, kernel_size, 2, padding, (tall, wide), bias=bias)
            last = large == self.image_size
            stages.append(conv if last else nn.Sequential(conv, nn.BatchNorm2d(b), nn.ReLU()))
        self.stages = nn.Sequential(*stages)
        normal_init(self)

    def forward(self, z: Tensor) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] of latent vectors (B, Z)."""
        coarse = torch.relu(self.norm(self.unflatten(self.linear(z))))
        return torch.tanh(self.stages(coarse))
