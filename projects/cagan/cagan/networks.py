"""Networks of CAGAN: a U-Net generator of image and alpha mask, and a patch discriminator."""

import warnings
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.models.layers import normal_init
from reidgen.registry import DISCRIMINATORS, GENERATORS

HALVINGS = 4
HEADS = ('bounded', 'norm_lrelu')
INJECTED = ('xi_yj', 'xi_yi')
INITS = ('normal', 'orthogonal')
SLOPE = 0.2


class GeneratorOutput(NamedTuple):
    """Alpha mask and candidate image."""

    alpha: Tensor  # (B, 1, H, W) weight of the candidate image; in [0, 1] with head='bounded'
    candidate: Tensor  # (B, 3, H, W) the person in the garment; in [-1, 1] with head='bounded'


def conv(in_channels: int, out_channels: int, stride: int = 1, norm: bool = True) -> ConvModule:
    """Block of a 3 x 3 convolution with bias, affine instance norm and LeakyReLU(0.2)."""
    with warnings.catch_warnings():
        # the bias before an instance norm is idle, and part of the published networks
        warnings.filterwarnings('ignore', 'Unnecessary conv bias before batch/instance norm')
        return ConvModule(
            in_channels,
            out_channels,
            3,
            stride=stride,
            padding=1,
            bias=True,
            norm_cfg={'type': 'IN', 'affine': True} if norm else None,
            act_cfg={'type': 'LeakyReLU', 'negative_slope': SLOPE},
        )


@GENERATORS.register_module()
class CAGANGenerator(nn.Module):
    """U-Net over person, worn and wanted garment (Jetchev & Bergmann, ICCV-W 2017, section 3).

    Four halvings and four doublings; the two injected pictures are scaled down and concatenated
    after every halving, so that each scale has them unprocessed. 3,551,900 parameters at the
    defaults.

    Args:
        base_dim: channels after the first halving, doubled at each further one.
        inject: 'xi_yj': person and wanted garment, the target of the swap; 'xi_yi': person and worn
            garment, as the paper.
        head: 'bounded': sigmoid of alpha, tanh of the picture; 'norm_lrelu': instance norm and
            LeakyReLU on all four channels, which bounds neither.
        init: of convolutions, biases 0. 'normal': N(0, 0.02^2), scales of instance norm at
            N(1, 0.02^2); 'orthogonal': scales of instance norm at 1.

    Raises:
        ValueError: an unknown inject, head or init.
    """

    def __init__(
        self,
        base_dim: int = 64,
        inject: str = 'xi_yj',
        head: str = 'bounded',
        init: str = 'normal',
    ):
        super().__init__()
        one_of(inject, INJECTED, 'inject')
        one_of(head, HEADS, 'head')
        self.inject, self.head = inject, head
        dims = [base_dim * 2**k for k in range(HALVINGS)]
        seen = [9, *(dim + 6 for dim in dims)]  # channels at 1, 1/2, ..., 1/16
        self.down = nn.ModuleList(
            conv(a, dim, stride=2, norm=k > 0) for k, (a, dim) in enumerate(zip(seen, dims))
        )
        self.up = nn.ModuleList()
        channels = seen[-1]
        for dim, skipped in zip(dims[-2::-1], seen[-2:0:-1]):
            self.up.append(conv(channels, dim))
            channels = dim + skipped
        self.last = conv(channels, 4) if head == 'norm_lrelu' else nn.Conv2d(channels, 4, 3, 1, 1)
        start(self, init)

    def forward(self, person: Tensor, worn: Tensor, wanted: Tensor) -> GeneratorOutput:
        """Alpha mask and candidate image of the person in `wanted`.

        Args:
            person, worn, wanted: (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: H or W is no multiple of 16.
        """
        check_size(*person.shape[2:])
        injected = self.injected(person, worn, wanted)
        x, skipped = torch.cat([person, worn, wanted], dim=1), []
        for scale, layer in enumerate(self.down):
            x = torch.cat([layer(x), scaled_down(injected, 2 ** (scale + 1))], dim=1)
            skipped.append(x)
        for layer, skip in zip(self.up, skipped[-2::-1]):
            x = torch.cat([layer(_doubled(x)), skip], dim=1)
        return self._output(self.last(_doubled(x)))

    def injected(self, person: Tensor, worn: Tensor, wanted: Tensor) -> Tensor:
        """Images injected at every scale, (B, 6, H, W)."""
        return torch.cat([person, wanted if self.inject == 'xi_yj' else worn], dim=1)

    def _output(self, out: Tensor) -> GeneratorOutput:
        alpha, candidate = out[:, :1], out[:, 1:]
        if self.head == 'bounded':
            return GeneratorOutput(alpha.sigmoid(), candidate.tanh())
        return GeneratorOutput(alpha, candidate)


@DISCRIMINATORS.register_module()
class CAGANDiscriminator(nn.Module):
    """Patch discriminator of (person, garment) pairs, output (B, 1, H / 16, W / 16).

    Four halvings and a convolution to one channel, which the paper (sums over a map of 512) has
    not. 1,559,105 parameters at the defaults; 1,607,543 with `inject`, one more with
    `learned_noise`.

    Args:
        base_dim: channels after the first halving, doubled at each further one.
        sigmoid: probabilities, for GANLoss(mode='bce_prob'), instead of logits.
        inject: the pair is scaled down and concatenated after every halving.
        head_padding: 1; 0 loses a ring of patches.
        learned_noise: adds noise, the same on all six channels, by a factor that is learned from 0.
        init: as `CAGANGenerator`.
    """

    def __init__(
        self,
        base_dim: int = 64,
        sigmoid: bool = True,
        inject: bool = False,
        head_padding: int = 1,
        learned_noise: bool = False,
        init: str = 'normal',
    ):
        super().__init__()
        self.sigmoid, self.inject, self.learned_noise = sigmoid, inject, learned_noise
        extra = 6 if inject else 0
        dims = [6, *(base_dim * 2**k for k in range(HALVINGS))]
        self.layers = nn.ModuleList(
            conv(a + (extra if k else 0), b, stride=2, norm=k > 0)
            for k, (a, b) in enumerate(pairwise(dims))
        )
        self.head = nn.Conv2d(dims[-1] + extra, 1, 3, 1, head_padding)
        if learned_noise:
            self.noise_factor = nn.Parameter(torch.zeros(()))
        start(self, init)

    def forward(self, pair: Tensor, noise: Tensor | None = None) -> Tensor:
        """Patch probabilities, or logits if not `sigmoid`.

        Args:
            pair: (B, 6, H, W), person and garment in [-1, 1].
            noise: (B, 1, H, W) standard normal, read with `learned_noise` alone.
        """
        check_size(*pair.shape[2:])
        if self.learned_noise and noise is not None:
            pair = pair + self.noise_factor * noise
        x = pair
        for scale, layer in enumerate(self.layers):
            x = layer(x)
            if self.inject:
                x = torch.cat([x, scaled_down(pair, 2 ** (scale + 1))], dim=1)
        out = self.head(x)
        # in float32 also under autocast: bfloat16 has no probability between 0.996 and 1
        return out.float().sigmoid() if self.sigmoid else out


def scaled_down(picture: Tensor, factor: int) -> Tensor:
    """Bilinear downscaling to (B, C, H / factor, W / factor), from the middle pixels."""
    return nnf.interpolate(picture, scale_factor=1 / factor, mode='bilinear', align_corners=False)


def start(network: nn.Module, init: str) -> None:
    """Initialises the weights of convolutions and norms."""
    one_of(init, INITS, 'init')
    if init == 'normal':
        normal_init(network)
        return
    for layer in network.modules():  # norms are built with scale 1 and offset 0
        if isinstance(layer, nn.Conv2d):
            nn.init.orthogonal_(layer.weight)
            nn.init.zeros_(layer.bias)


def check_size(height: int, width: int) -> None:
    """Raises ValueError for an image size that four halvings do not divide, or reduce to 1 x 1."""
    multiple = 2**HALVINGS
    if height % multiple or width % multiple:
        raise ValueError(
            f'pictures are {height} x {width}; CAGAN halves them {HALVINGS} times, so set size to '
            f'multiples of {multiple}, such as (128, 96)'
        )
    if height == width == multiple:
        raise ValueError(
            f'pictures are {height} x {width}; halved {HALVINGS} times they are one pixel, which '
            'instance norm refuses: set size larger, such as (128, 96)'
        )


def _doubled(x: Tensor) -> Tensor:
    return nnf.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
