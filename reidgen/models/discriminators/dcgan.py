"""DCGANDiscriminator: one logit for the whole image."""

from itertools import pairwise

from torch import Tensor, nn

from reidgen.models.discriminators.fixed_size import FixedSize
from reidgen.models.layers.conv import SLOPE
from reidgen.models.layers.halving import halved_sizes
from reidgen.models.layers.init import normal_init
from reidgen.registry import DISCRIMINATORS

STD = 0.02


@DISCRIMINATORS.register_module()
class DCGANDiscriminator(FixedSize, nn.Module):
    """Discriminator of DCGAN (Radford et al., ICLR 2016): one logit an image, no sigmoid.

        x -> (conv of stride 2, BN but in the first, LeakyReLU 0.2) x num_stages -> Linear

    Convolutions start at a normal distribution of 0.02, cut at two of these, as in
    DCGAN-tensorflow, which leaves a deviation of 0.0176; the linear layer at N(0, 0.02^2), biases
    at 0. The published networks are those of DCGANGenerator; that of the paper has base_dim=64.

    Args:
        image_size: (height, width), any; each map is half of the one before, rounded up.
        channels: C of the image.
        base_dim: channels of the first stage, twice as many at each further one.
        num_stages: halvings.
        kernel_size: of the convolutions; an even one halves even sides alone.
        bias: whether the layers have one.

    Raises:
        ValueError: an image that cannot be halved so often by such kernels.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        channels: int = 3,
        base_dim: int = 64,
        num_stages: int = 4,
        kernel_size: int = 5,
        bias: bool = True,
    ):
        super().__init__()
        sizes = halved_sizes(image_size, num_stages, kernel_size)
        self.image_size = sizes[0]
        dims = [channels, *(base_dim * 2**k for k in range(num_stages))]
        stages = []
        for number, (a, b) in enumerate(pairwise(dims)):
            conv = nn.Conv2d(a, b, kernel_size, 2, (kernel_size - 1) // 2, bias=bias)
            norm = nn.BatchNorm2d(b) if number else nn.Identity()
            stages.append(nn.Sequential(conv, norm, nn.LeakyReLU(SLOPE)))
        self.stages = nn.Sequential(*stages)
        self.logit = nn.Linear(dims[-1] * sizes[-1][0] * sizes[-1][1], 1, bias=bias)
        normal_init(self, STD)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.trunc_normal_(layer.weight, std=STD, a=-2 * STD, b=2 * STD)

    def forward(self, img: Tensor) -> Tensor:
        """Logits (B, 1) of images (B, C, H, W).

        Raises:
            ValueError: images of another size than `image_size`.
        """
        self.check_size(*img.shape[2:])
        return self.logit(self.stages(img).flatten(1))
