"""Networks of the Keras implementation of CAGAN (shaoanlu, CAGAN.ipynb), 4 x 4 kernels.

Both start at N(0, 0.02^2), scales of norms at N(1, 0.02^2), offsets and biases at 0. Deviation: its
instance norm adds epsilon to the standard deviation, torch's adds it to the variance.
"""

from itertools import pairwise

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.models.layers import normal_init
from reidgen.registry import DISCRIMINATORS, GENERATORS

from .networks import HALVINGS, SLOPE, GeneratorOutput, check_size

EPS = 1.01e-5  # of all norms
SCALE_STD = 0.02  # of the starting scales of norms
MIN_SIDE = 32  # pixels of which the discriminator makes two rows of patches


def _down(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False)


def _up(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=False),
        _instance_norm(out_channels),
    )


def _instance_norm(channels: int) -> nn.InstanceNorm2d:
    return nn.InstanceNorm2d(channels, eps=EPS, affine=True)


@GENERATORS.register_module()
class KerasCAGANGenerator(nn.Module):
    """U-Net with person and worn garment injected at every scale of encoder and decoder.

    At 128 x 96 and the default width, s/k being the two pictures averaged over k x k pixels:

    | layer                     | in -> out  | size  | norm     | then                            |
    |---------------------------|------------|-------|----------|---------------------------------|
    | convolution, stride 2     |   9 ->  64 | 64x48 |          | LeakyReLU(0.2), s/2: 70         |
    | convolution, stride 2     |  70 -> 128 | 32x24 | instance | LeakyReLU(0.2), s/4: 134        |
    | convolution, stride 2     | 134 -> 256 | 16x12 | instance | LeakyReLU(0.2), s/8: 262        |
    | convolution, stride 2     | 262 -> 512 |   8x6 | instance | LeakyReLU(0.2), s/16: 518       |
    | transposed convolution    | 518 -> 256 | 16x12 | instance | skip 256, ReLU, s/8: 518        |
    | transposed convolution    | 518 -> 128 | 32x24 | instance | skip 128, ReLU, s/4: 262        |
    | transposed convolution    | 262 ->  64 | 64x48 | instance | s/2, ReLU, of the pictures: 70  |
    | transposed convolution    |  70 ->  32 |128x96 | instance |                                 |
    | convolution, stride 1     |  32 ->   4 |128x96 |          | sigmoid of alpha, tanh of rest  |

    Skips are taken before the LeakyReLU. No convolution has a bias. 6,339,264 parameters.

    Args:
        base_dim: channels after the first halving, doubled at each further one.
    """

    def __init__(self, base_dim: int = 64):
        super().__init__()
        d1, d2, d4, d8 = (base_dim * 2**k for k in range(HALVINGS))
        self.down = nn.ModuleList(
            [
                _down(9, d1),
                nn.Sequential(_down(d1 + 6, d2), _instance_norm(d2)),
                nn.Sequential(_down(d2 + 6, d4), _instance_norm(d4)),
                nn.Sequential(_down(d4 + 6, d8), _instance_norm(d8)),
            ]
        )
        self.up = nn.ModuleList(
            [
                _up(d8 + 6, d4),
                _up(2 * d4 + 6, d2),
                _up(2 * d2 + 6, d1),
                _up(d1 + 6, d1 // 2),
            ]
        )
        self.last = nn.Sequential(
            nn.ZeroPad2d((1, 2, 1, 2)),  # left, right, top, bottom: 'same' of an even kernel
            nn.Conv2d(d1 // 2, 4, 4, bias=False),
        )
        _start(self)

    def forward(self, person: Tensor, worn: Tensor, wanted: Tensor) -> GeneratorOutput:
        """Alpha mask in [0, 1] and candidate image of the person in `wanted`, in [-1, 1].

        Args:
            person, worn, wanted: (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: H or W is no multiple of 16.
        """
        check_size(*person.shape[2:])
        pictures = torch.cat([person, worn], dim=1)
        side = [nnf.avg_pool2d(pictures, 2**k) for k in range(1, HALVINGS + 1)]
        x, skips = torch.cat([pictures, wanted], dim=1), []
        for layer, beside in zip(self.down, side):
            skips.append(layer(x))
            x = torch.cat([nnf.leaky_relu(skips[-1], SLOPE), beside], dim=1)
        for layer, scale in zip(self.up[:2], (2, 1)):
            x = nnf.relu(torch.cat([layer(x), skips[scale]], dim=1))
            x = torch.cat([x, side[scale]], dim=1)
        x = nnf.relu(torch.cat([self.up[2](x), side[0]], dim=1))  # no skip here
        out = self.last(self.up[3](x))
        return GeneratorOutput(out[:, :1].sigmoid(), out[:, 1:].tanh())


@DISCRIMINATORS.register_module()
class KerasCAGANDiscriminator(nn.Module):
    """Patch discriminator with batch norm: (B, 1, H/8 - 2, W/8 - 2).

    Three halvings, then two layers that lose one row and column each. Batch norms use the
    statistics of the batch at hand, in training and test alike. 2,768,705 parameters at the
    default.

    Args:
        base_dim: channels after the first halving, doubled at each further layer but the last.
        sigmoid: probabilities, for GANLoss(mode='bce_prob'), instead of logits.
    """

    learned_noise = False

    def __init__(self, base_dim: int = 64, sigmoid: bool = True):
        super().__init__()
        self.sigmoid = sigmoid
        dims = [base_dim * 2**k for k in range(HALVINGS)]
        layers = [nn.Conv2d(6, base_dim, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
        for (before, after), stride in zip(pairwise(dims), (2, 2, 1)):
            layers += [
                nn.Conv2d(before, after, 4, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(after, eps=EPS, track_running_stats=False),
                nn.LeakyReLU(SLOPE),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(dims[-1], 1, 4, padding=1))
        _start(self)

    def forward(self, pair: Tensor) -> Tensor:
        """Patch probabilities, or logits if not `sigmoid`, of person and garment (B, 6, H, W).

        Raises:
            ValueError: a side is below 32 pixels, or no multiple of 16.
        """
        height, width = pair.shape[2:]
        check_size(height, width)
        if min(height, width) < MIN_SIDE:
            raise ValueError(
                f'pictures are {height} x {width}, too small for KerasCAGANDiscriminator; set size '
                f'to {MIN_SIDE} or more both ways, such as (128, 96)'
            )
        out = self.layers(pair)
        # in float32 also under autocast: bfloat16 has no probability between 0.996 and 1
        return out.float().sigmoid() if self.sigmoid else out


def _start(network: nn.Module) -> None:
    normal_init(network, SCALE_STD)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, SCALE_STD)
