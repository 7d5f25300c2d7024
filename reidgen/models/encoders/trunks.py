"""Trunks of the content encoder: torchvision's here, timm's in `timm_trunk`."""

from collections import OrderedDict
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.models import get_model

from reidgen.choices import one_of

from .timm_trunk import PREFIX, TimmTrunk, remove_stride


class Layout(NamedTuple):
    """Torchvision network without its pooling and classifier."""

    channels: int  # of the last map
    last_block: str  # the block that halves the map for the last time
    early: str  # the last block at a quarter of the size
    early_channels: int


TRUNKS = {
    'resnet50': Layout(2048, 'layer4.0', 'layer1', 256),
    'resnet18': Layout(512, 'layer4.0', 'layer1', 64),
    'mobilenet_v2': Layout(1280, 'features.14', 'features.3', 24),
}
CLASSIFIER = ('avgpool', 'fc', 'classifier')  # torchvision's names of what is cut off


class TorchvisionTrunk:
    """Torchvision's network up to its last map: how it is built and read.

    Attributes:
        channels: of the last map, (B, channels, H / 32, W / 32), twice the size with last_stride=1.
        early_channels: of the early map, (B, early_channels, H / 4, W / 4).
        img_size: None, as images may have any size.
    """

    img_size = None

    def __init__(self, name: str, last_stride: int = 1, img_size: tuple[int, int] | None = None):
        if img_size is not None:
            raise ValueError(
                f'img_size is {img_size}, but the trunk {name} takes images of any size; leave it '
                f'out'
            )
        self.name, self.last_stride = name, last_stride
        self.channels, self.early_channels = TRUNKS[name].channels, TRUNKS[name].early_channels

    @property
    def memory_format(self) -> torch.memory_format:
        """Memory format of the maps; no attribute, which pickle could not save."""
        return torch.channels_last

    def build(self) -> nn.Sequential:
        """The network, with torchvision's tensor names."""
        children = get_model(self.name, weights=None).named_children()
        network = nn.Sequential(
            OrderedDict((child, module) for child, module in children if child not in CLASSIFIER)
        )
        if self.last_stride == 1:
            remove_stride(network.get_submodule(TRUNKS[self.name].last_block).modules())
        return network

    def maps(self, network: nn.Module, img: Tensor, early: bool = True) -> tuple[Tensor, Tensor]:
        """Early and last map of images (B, 3, H, W), of one pass; the early one costs nothing."""
        *outer, last = TRUNKS[self.name].early.split('.')
        x = early_map = img.contiguous(memory_format=self.memory_format)
        for name, layer in network.get_submodule('.'.join(outer)).named_children():
            x = layer(x)
            if name == last:
                early_map = x
        return early_map, x

    def early_layers(self, network: nn.Module) -> list[nn.Module]:
        """Layers up to the early map."""
        *outer, last = TRUNKS[self.name].early.split('.')
        children = list(network.get_submodule('.'.join(outer)).named_children())
        names = [name for name, _ in children]
        return [layer for _, layer in children[: names.index(last) + 1]]


def trunk_of(
    name: str, last_stride: int = 1, img_size: tuple[int, int] | None = None
) -> TorchvisionTrunk | TimmTrunk:
    """Trunk of a name: one of TRUNKS, or 'timm/' and timm's name of a model.

    Raises:
        ImportError: timm is not installed.
        ValueError: an unknown name, or an option that this trunk does not have.
    """
    if name.startswith(PREFIX):
        return TimmTrunk(name, last_stride, img_size)
    one_of(name, (*TRUNKS, f'{PREFIX}MODEL'), 'trunk')
    return TorchvisionTrunk(name, last_stride, img_size)
