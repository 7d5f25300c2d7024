"""Decoders of a face from the code of its encoder: several scales in one pass, or one."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.registry import GENERATORS

from .layers import PixelNorm, PixelResidual, SameConv2d, SameDeconv2d, activation, truncated_init

BASE = 7  # side of the map that is doubled up to the image
SIZES = tuple(BASE * 2**halvings for halvings in range(3, 7))
STARTS = ('deconv', 'reshape')
START_SIDE = 4


class Stem(nn.Module):
    """Map of a quarter of the image's side from a code: 1 -> 4 -> 7, then doubled.

    Each transposed convolution is followed by pixel norm and ReLU.

    Args:
        dims: channels of the maps of 4, 7, 14, ... pixels.
        act: 'relu' or 'lrelu'.
        start: 'deconv': the code is a map of one pixel; 'reshape': it is cut into a map of 4 x 4,
            of a sixteenth as many channels.
        pn_first: pixel norm after the first transposed convolution too.
        res_blocks: residual blocks on the map of 7 pixels.
    """

    def __init__(
        self,
        code_dim: int,
        dims: list[int],
        act: str,
        start: str = 'deconv',
        pn_first: bool = False,
        res_blocks: int = 0,
    ):
        super().__init__()
        self.reshaped = one_of(start, STARTS, 'start') == 'reshape'
        layers: list[nn.Module] = []
        if self.reshaped:
            if code_dim % START_SIDE**2:
                raise ValueError(
                    f"start is 'reshape', which cuts a code into a map of 4 x 4, but code_dim is "
                    f"{code_dim}; set a multiple of 16, or start='deconv'"
                )
            dims = [code_dim // START_SIDE**2, *dims[1:]]
        else:
            layers += [nn.ConvTranspose2d(code_dim, dims[0], 4, bias=False)]
            layers += [PixelNorm()] * pn_first + [activation(act)]
        layers += [nn.ConvTranspose2d(dims[0], dims[1], 4, bias=False), PixelNorm()]
        layers += [activation(act)]
        layers += [PixelResidual(dims[1], dims[1], act) for _ in range(res_blocks)]
        for narrow, wide in pairwise(dims[1:]):
            layers += doubling(narrow, wide, act)
        self.layers = nn.Sequential(*layers)

    def forward(self, code: Tensor) -> Tensor:
        """(B, dims[-1], H / 4, W / 4) of codes (B, code_dim)."""
        side = START_SIDE if self.reshaped else 1
        return self.layers(code.reshape(len(code), -1, side, side))


class Join(nn.Module):
    """Map with a linear layer's view of the code beside it, and a residual block on both.

    The layer gives one number a pixel, repeated to `copies` channels.
    """

    def __init__(self, code_dim: int, side: int, channels: int, copies: int, act: str):
        super().__init__()
        self.side, self.copies = side, copies
        self.linear = nn.Linear(code_dim, side * side, bias=False)
        self.residual = PixelResidual(channels + copies, 2 * channels, act)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        view = self.linear(code).relu().reshape(-1, 1, self.side, self.side)
        return self.residual(torch.cat([x, view.expand(-1, self.copies, -1, -1)], dim=1))


class FaceDecoder(nn.Module):
    """Base of the decoders: images (B, 3, H, W) in [-1, 1], finest first, of codes.

    Attributes:
        code_dim: D of the codes, without noise.
        image_size: (height, width) of the finest image.
        scales: number of images.
        noise_dim: numbers of noise that are behind the code; 0: none.
    """

    scales = 1

    def __init__(self, code_dim: int, image_size: int, noise_dim: int = 0):
        super().__init__()
        self.code_dim, self.noise_dim = code_dim, noise_dim
        self.image_size = (image_size, image_size)


@GENERATORS.register_module()
class MultiScaleDecoder(FaceDecoder):
    """Frontal face at three sizes from the feature of a face encoder.

    Of the fnm program of January 2018 (WGAN.py; the work before Qian et al., CVPR 2019). At 224:

    | layer               | in -> out    | side | then                                             |
    |---------------------|--------------|------|--------------------------------------------------|
    | deconv 4, valid     | 2048 -> 512  |    4 | ReLU                                             |
    | deconv 4, valid     |  512 -> 512  |    7 | pixel norm, ReLU, as all below                   |
    | deconv 4, stride 2  | 256, 128, 64 |   56 | conv to the image of 56, tanh                    |
    | linear, 16 copies   | 2048 -> 56^2 |   56 | beside it: 80; residual block of 128             |
    | deconv 4, stride 2  |   80 -> 32   |  112 | conv to the image of 112, tanh                   |
    | linear, 8 copies    | 2048 -> 112^2|  112 | beside it: 40; residual block of 64              |
    | deconv 4, stride 2  |   40 -> 32   |  224 | conv to the image of 224, tanh                   |

    No biases; 56,313,856 parameters. Each halving of `image_size` takes the widest doubling away.

    Args:
        code_dim: of the encoder's feature.
        image_size: 56, 112, 224 or 448.
        base_dim: channels of the map from which the smallest image is made, a multiple of 8.
        act: 'relu', or 'lrelu' of 0.2.
        pn_first: pixel norm after the first layer too, as in the program.
        mid_res_blocks: residual blocks on the map of 7 pixels.
        noise_dim: numbers of noise behind the code.
    """

    scales = 3

    def __init__(
        self,
        code_dim: int = 2048,
        image_size: int = 224,
        base_dim: int = 64,
        act: str = 'relu',
        pn_first: bool = False,
        mid_res_blocks: int = 0,
        noise_dim: int = 0,
    ):
        super().__init__(code_dim, image_size, noise_dim)
        code, dim, half = code_dim + noise_dim, base_dim, base_dim // 2
        self.stem = Stem(
            code, stem_dims(image_size, dim), act, pn_first=pn_first, res_blocks=mid_res_blocks
        )
        sides, copies = (image_size // 4, image_size // 2), (dim // 4, dim // 8)
        self.joins = nn.ModuleList(
            Join(code, side, channels, extra, act)
            for side, channels, extra in zip(sides, (dim, half), copies)
        )
        self.ups = nn.ModuleList(
            nn.Sequential(*doubling(channels + extra, half, act))
            for channels, extra in zip((dim, half), copies)
        )
        self.heads = nn.ModuleList(head(channels) for channels in (dim, half, half))
        truncated_init(self)

    def forward(self, code: Tensor) -> tuple[Tensor, ...]:
        """Images (B, 3, S, S), (B, 3, S / 2, S / 2), (B, 3, S / 4, S / 4) of codes (B, D)."""
        x = self.stem(code)
        images = [self.heads[0](x)]
        for join, up, to_image in zip(self.joins, self.ups, self.heads[1:]):
            x = up(join(x, code))
            images.append(to_image(x))
        return tuple(images[::-1])


@GENERATORS.register_module()
class SingleScaleDecoder(FaceDecoder):
    """Frontal face at one size; layers as MultiScaleDecoder's up to a quarter of the side.

    Then a residual block of 128, a doubling to 32 channels, one of 64, a doubling, and the image:
    24,102,400 parameters at the defaults. The later form of the VGG program (Net2.py) is
    `mid_res_blocks=3, late_res_blocks=False`; its first form cuts the 4,096 numbers of VGG-16 into
    a map: `start='reshape', code_dim=4096`.

    Args:
        code_dim, image_size, base_dim, act, pn_first, mid_res_blocks, noise_dim: as of
            MultiScaleDecoder.
        late_res_blocks: the two residual blocks at a quarter and half of the side.
        start: 'deconv' or 'reshape', as of Stem.
    """

    def __init__(
        self,
        code_dim: int = 2048,
        image_size: int = 224,
        base_dim: int = 64,
        act: str = 'relu',
        pn_first: bool = False,
        mid_res_blocks: int = 0,
        late_res_blocks: bool = True,
        start: str = 'deconv',
        noise_dim: int = 0,
    ):
        super().__init__(code_dim, image_size, noise_dim)
        dim, half = base_dim, base_dim // 2
        stem = Stem(
            code_dim + noise_dim, stem_dims(image_size, dim), act, start, pn_first, mid_res_blocks
        )
        layers: list[nn.Module] = [stem]
        for channels in (dim, half):
            layers += [PixelResidual(channels, 2 * channels, act)] * late_res_blocks
            layers += doubling(channels, half, act)
        self.layers = nn.Sequential(*layers, head(half))
        truncated_init(self)

    def forward(self, code: Tensor) -> tuple[Tensor]:
        """Images (B, 3, S, S) of codes (B, D), alone in a tuple."""
        return (self.layers(code),)


def stem_dims(image_size: int, base_dim: int) -> list[int]:
    """Channels of the maps of 4, 7, 14, ... pixels to a quarter of the side.

    Raises:
        ValueError: the side is not 7 doubled three to six times.
    """
    doublings = SIZES.index(one_of(image_size, SIZES, 'image_size')) + 1
    widths = [base_dim * 2**k for k in range(doublings, -1, -1)]
    return [widths[0], *widths]


def doubling(in_channels: int, out_channels: int, act: str) -> list[nn.Module]:
    """Transposed 4 x 4 convolution of stride 2 with pixel norm and activation."""
    deconv = SameDeconv2d(in_channels, out_channels, 4, stride=2, bias=False)
    return [deconv, PixelNorm(), activation(act)]


def head(channels: int) -> nn.Sequential:
    """Image in [-1, 1] of a map."""
    return nn.Sequential(SameConv2d(channels, 3, 4, bias=False), nn.Tanh())
