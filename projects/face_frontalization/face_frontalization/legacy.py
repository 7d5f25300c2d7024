"""Decoders and discriminator of the VGG-16 programs of November and December 2017."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from reidgen.registry import DISCRIMINATORS, GENERATORS

from .decoders import FaceDecoder
from .discriminators import halvings
from .layers import SameConv2d, SameDeconv2d, truncated_init

KERNEL = 5
NOVEMBER = ((128, 2), (128, 1), (64, 2), (64, 2), (32, 2), (32, 1))  # channels, stride
DECEMBER = (128, 128, 64, 64, 32)
START_DIM = 256
BRIDGES = (4, 4, 4, 2)  # channels of the bridges after the first doublings


def _deconv(in_channels: int, out_channels: int, stride: int) -> list[nn.Module]:
    deconv = SameDeconv2d(in_channels, out_channels, KERNEL, stride=stride)
    return [deconv, nn.ReLU(), nn.BatchNorm2d(out_channels)]


def _start_side(image_size: int, doublings: int) -> int:
    if image_size % 2**doublings:
        raise ValueError(
            f'image_size is {image_size}; it must be a multiple of {2**doublings}, as the first '
            f'map is doubled {doublings} times'
        )
    return image_size // 2**doublings


def _image(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, 3, 1), nn.Tanh())


@GENERATORS.register_module()
class NovemberDecoder(FaceDecoder):
    """Decoder of November 2017: a linear layer to 256 maps of a sixteenth of the side, then 5 x 5
    transposed convolutions, each with ReLU and batch norm.

    Args:
        code_dim: of the encoder's feature, 4096 of VGG-16.
        image_size: a multiple of 16.
        fc1_bn: batch norm behind the linear layer, which the program's notes blame for its bad
            results.
        width: factor of all channels.
    """

    def __init__(
        self,
        code_dim: int = 4096,
        image_size: int = 224,
        fc1_bn: bool = False,
        width: float = 1.0,
    ):
        super().__init__(code_dim, image_size)
        self.side, start = _start_side(image_size, 4), int(START_DIM * width)
        numbers = self.side**2 * start
        self.fc1 = nn.Linear(code_dim, numbers)
        self.fc1_norm = nn.BatchNorm1d(numbers) if fc1_bn else nn.Identity()
        layers, before = [], start
        for channels, stride in NOVEMBER:
            layers += _deconv(before, int(channels * width), stride)
            before = int(channels * width)
        self.layers = nn.Sequential(*layers, _image(before))
        truncated_init(self)

    def forward(self, code: Tensor) -> tuple[Tensor]:
        """Images (B, 3, S, S) in [-1, 1] of codes (B, D), alone in a tuple."""
        x = self.fc1_norm(self.fc1(code).relu())
        return (self.layers(x.reshape(len(x), -1, self.side, self.side)),)


@GENERATORS.register_module()
class DecemberDecoder(FaceDecoder):
    """Decoder of December 2017: a linear layer to 256 maps of 7 x 7 (at 224), then five 5 x 5
    transposed convolutions of stride 2, each with ReLU and batch norm.

    Args:
        code_dim: of the encoder's feature: 4096 of VGG-16, 2048 of ResNet-50.
        image_size: a multiple of 32.
        bridge: linear layers from the code beside the maps after the first four doublings (4, 4, 4
            and 2 channels).
        dropout: probability after the first two doublings.
        width: factor of all channels.
    """

    def __init__(
        self,
        code_dim: int = 4096,
        image_size: int = 224,
        bridge: bool = False,
        dropout: float = 0.0,
        width: float = 1.0,
    ):
        super().__init__(code_dim, image_size)
        dims = [int(channels * width) for channels in (START_DIM, *DECEMBER)]
        self.side = _start_side(image_size, len(DECEMBER))
        self.fc1 = nn.Linear(code_dim, self.side**2 * dims[0])
        extra = [0, *(BRIDGES if bridge else (0,) * 4)]
        self.ups = nn.ModuleList()
        for number, (before, after) in enumerate(pairwise(dims)):
            dropped = [nn.Dropout(dropout)] if dropout and number < 2 else []
            self.ups.append(nn.Sequential(*_deconv(before + extra[number], after, 2), *dropped))
        self.bridges = nn.ModuleList()
        if bridge:
            for number, channels in enumerate(BRIDGES, start=1):
                self.bridges.append(nn.Linear(code_dim, (self.side * 2**number) ** 2 * channels))
        self.head = _image(dims[-1])
        truncated_init(self)

    def forward(self, code: Tensor) -> tuple[Tensor]:
        """Images (B, 3, S, S) in [-1, 1] of codes (B, D), alone in a tuple."""
        x = self.fc1(code).reshape(len(code), -1, self.side, self.side)
        for number, up in enumerate(self.ups):
            x = up(x)
            if number < len(self.bridges):
                beside = self.bridges[number](code).reshape(len(x), -1, *x.shape[2:])
                x = torch.cat([x, beside], dim=1)
        return (self.head(x),)


@DISCRIMINATORS.register_module()
class DecemberDiscriminator(nn.Module):
    """Discriminator of December 2017: five 5 x 5 convolutions of stride 2, then a linear layer.

    Args:
        in_channels: 6 of the profile and the face, 3 of the face alone, 128 of VGG-16's pool2.
        size: side of the square input.
        base_dim: channels of the first layer, doubled twice.
        norm: of all layers but the first: 'batch', 'layer' or None.
        patch: the last layer gives a number for each place of its map, not one for all.
    """

    scales = 1

    def __init__(
        self,
        in_channels: int = 6,
        size: int = 224,
        base_dim: int = 32,
        norm: str | None = 'batch',
        patch: bool = False,
    ):
        super().__init__()
        self.in_channels, self.norm = in_channels, norm
        dims = [in_channels, *(base_dim * factor for factor in (1, 2, 4, 4, 4))]
        for _ in dims[1:]:
            size = -(-size // 2)
        last: list[nn.Module]
        if patch:
            last = [SameConv2d(dims[-1], 1, KERNEL)]
        else:
            last = [nn.Flatten(), nn.Linear(dims[-1] * size**2, 1)]
        self.layers = nn.Sequential(halvings(dims, norm, KERNEL), *last)
        truncated_init(self)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (B, 1), or (B, 1, h, w) of patches, of inputs (B, C, S, S)."""
        return self.layers(x)
