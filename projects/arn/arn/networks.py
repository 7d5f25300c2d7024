"""Networks of ARN: parts of a trunk, convolutional encoders of its map, and decoders.

Encoders give maps (B, D, h, w), whose mean over h and w is the feature; decoders take such maps.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.models.encoders import ContentEncoder
from reidgen.models.encoders.trunks import TRUNKS
from reidgen.models.encoders.weights import Choices
from reidgen.models.layers import kaiming_init
from reidgen.models.layers.batch_norm import batch_norms
from reidgen.registry import ENCODERS, GENERATORS

PARTS = ('all', 'first', 'last')
SLOPE = 0.2  # of the image decoder's LeakyReLU
STRIDES = 5  # halvings of a trunk


def halves(trunk: nn.Sequential, last_block: str) -> tuple[nn.Sequential, nn.Sequential]:
    """Layers of a trunk before its last halving, and from there on.

    Args:
        last_block: where it halves: 'layer4.0', of whose stage all blocks are 'last';
            'features.14'.
    """
    outer, block = last_block.split('.')
    whole, name = (trunk, outer) if block == '0' else (trunk.get_submodule(outer), block)
    children = list(whole.named_children())
    place = [child for child, _ in children].index(name)
    first, last = OrderedDict(children[:place]), OrderedDict(children[place:])
    return nn.Sequential(first), nn.Sequential(last)


@ENCODERS.register_module()
class TrunkPart(nn.Module):
    """Trunk of torchvision without pooling, or a part of it: from an image or map to a map.

    ARN's E_I in the paper is 'all' of a ResNet-50. In its code E_I is 'first', up to layer3, and
    E_T, E_C and E_S are each a 'last', layer4 with weights of its own.

    Args:
        trunk: 'resnet50', 'resnet18' or 'mobilenet_v2'.
        part: 'all'; 'first', up to the last halving; 'last', from there on.
        last_stride: of the last halving, 2 as in torchvision, or 1.
        weights: of the whole trunk, as ContentEncoder's.

    Attributes:
        in_channels, out_channels: of what it takes and gives.

    Raises:
        ValueError, FileNotFoundError: as ContentEncoder; an unknown part.
    """

    def __init__(
        self,
        trunk: str = 'resnet50',
        part: str = 'all',
        last_stride: int = 2,
        weights: Choices = None,
    ):
        super().__init__()
        one_of(trunk, TRUNKS, 'trunk')
        one_of(part, PARTS, 'part')
        encoder = ContentEncoder(
            trunk,
            num_parts=1,
            embed_dim=None,
            last_stride=last_stride,
            weights=weights,
            neck=False,
        )
        first, last = halves(encoder.trunk, TRUNKS[trunk].last_block)
        between = batch_norms(first)[-1].num_features
        self.in_channels = between if part == 'last' else 3
        self.out_channels = between if part == 'first' else TRUNKS[trunk].channels
        self.layers = dict(all=encoder.trunk, first=first, last=last)[part]
        self.memory_format = encoder.architecture.memory_format

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, out_channels, h, w) of images or maps (B, in_channels, H, W)."""
        return self.layers(x.contiguous(memory_format=self.memory_format))


@ENCODERS.register_module()
class ConvEncoder(nn.Module):
    """E_T, E_C or E_S of ARN's paper: three convolutions from a map to a vector.

    The first spans the map, the two others are 1 x 1 (conv6 to conv8 of a fully convolutional
    network), so after it they are linear layers. Batch norm after each, ReLU and dropout after the
    first two.

    Args:
        in_channels: of the map.
        map_size: its (height, width).
        dim: D.
        bottleneck: channels of a 1 x 1 convolution before the first, which gives that a low rank:
            35 M weights for 134 M at 2048 x 8 x 4. None: no such convolution.
        dropout: probability.
    """

    def __init__(
        self,
        in_channels: int = 2048,
        map_size: tuple[int, int] = (8, 4),
        dim: int = 2048,
        bottleneck: int | None = 512,
        dropout: float = 0.5,
    ):
        super().__init__()
        self.in_channels, self.out_channels, self.map_size = in_channels, dim, tuple(map_size)
        reduce = [nn.Conv2d(in_channels, bottleneck, 1, bias=False)] if bottleneck else []
        hidden = [nn.BatchNorm1d(dim), nn.ReLU(), nn.Dropout(dropout)]
        again = [nn.BatchNorm1d(dim), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(
            *reduce,
            nn.Conv2d(bottleneck or in_channels, dim, self.map_size, bias=False),
            nn.Flatten(),
            *hidden,
            nn.Linear(dim, dim, bias=False),
            *again,
            nn.Linear(dim, dim, bias=False),
            nn.BatchNorm1d(dim),  # no ReLU: only features of both signs can be orthogonal
        )
        kaiming_init(self)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, 1, 1) of maps (B, in_channels, *map_size).

        Raises:
            ValueError: the maps have another size.
        """
        size = tuple(x.shape[2:])
        if size != self.map_size:
            raise ValueError(
                f'a map is {size[0]} x {size[1]} but map_size is {self.map_size}; give the images '
                f'of val_dataloader and of adabn the size of those of train_dataloader'
            )
        return self.layers(x)[..., None, None]


@GENERATORS.register_module()
class MapDecoder(nn.Module):
    """D_C of ARN's paper: three transposed convolutions from a vector to a map, a mirrored
    ConvEncoder.

    Args:
        in_channels: D of the encoders.
        out_channels, map_size: of the map that it restores.
        bottleneck: as ConvEncoder's, after the last transposed convolution.
    """

    restores = 'map'

    def __init__(
        self,
        in_channels: int = 2048,
        out_channels: int = 2048,
        map_size: tuple[int, int] = (8, 4),
        bottleneck: int | None = 512,
    ):
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.map_size = tuple(map_size)
        expand = [nn.Conv2d(bottleneck, out_channels, 1)] if bottleneck else []
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(in_channels, in_channels, bias=False),
            nn.BatchNorm1d(in_channels),
            nn.ReLU(),
            nn.Linear(in_channels, in_channels, bias=False),
            nn.BatchNorm1d(in_channels),
            nn.ReLU(),
            nn.Unflatten(1, (in_channels, 1, 1)),
            nn.ConvTranspose2d(in_channels, bottleneck or out_channels, self.map_size),
            *expand,
        )
        kaiming_init(self)

    def forward(self, code: Tensor) -> Tensor:
        """Maps (B, out_channels, *map_size) of codes (B, D, 1, 1)."""
        return self.layers(code)


@GENERATORS.register_module()
class ImageDecoder(nn.Module):
    """D_C of ARN's code: five doublings of three transposed convolutions, from a map to an image.

    3 x 3, the first of each three with stride 2; batch norm and LeakyReLU 0.2, at the end tanh.

    Args:
        in_channels: D of the encoders.
        dims: channels after the first four doublings; the fifth gives 3.

    Raises:
        ValueError: dims are not four.
    """

    restores = 'image'

    def __init__(self, in_channels: int = 2048, dims: Sequence[int] = (1024, 512, 256, 64)):
        super().__init__()
        if len(dims) != STRIDES - 1:
            raise ValueError(f'dims is {list(dims)}; give four, one for each doubling but the last')
        self.in_channels = in_channels
        widths = [in_channels, *dims, 3]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += _layer(before, after, stride=2)
            layers += _layer(after, after)
            layers += _layer(after, after)
        self.layers = nn.Sequential(*layers[:-3], nn.ConvTranspose2d(3, 3, 3, padding=1), nn.Tanh())

    def forward(self, code: Tensor) -> Tensor:
        """Images (B, 3, 32 h, 32 w) in [-1, 1] of codes (B, D, h, w)."""
        return self.layers(code)


def _layer(before: int, after: int, stride: int = 1) -> list[nn.Module]:
    return [
        nn.ConvTranspose2d(
            before, after, 3, stride, padding=1, output_padding=stride - 1, bias=False
        ),
        nn.BatchNorm2d(after),
        nn.LeakyReLU(SLOPE),
    ]
