"""Content encoder E_c: from an image to content for translation and embedding for retrieval."""

from collections import OrderedDict
from typing import NamedTuple

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn
from torchvision.models import get_model

from reidgen.choices import one_of
from reidgen.models.encoders.weights import Choices, load_weights
from reidgen.models.layers.batch_norm import batch_norms
from reidgen.registry import ENCODERS
from reidgen.structures import Code


class Trunk(NamedTuple):
    """Torchvision network without its pooling and classifier."""

    channels: int  # of the last map
    last_block: str  # the block that halves the map for the last time
    early: str  # the last block at a quarter of the size
    early_channels: int


TRUNKS = {
    'resnet50': Trunk(2048, 'layer4.0', 'layer1', 256),
    'resnet18': Trunk(512, 'layer4.0', 'layer1', 64),
    'mobilenet_v2': Trunk(1280, 'features.14', 'features.3', 24),
}
CLASSIFIER = ('avgpool', 'fc', 'classifier')  # torchvision's names of what is cut off
PART_LAYOUTS = ('channel_major', 'part_major')
FROZEN_BN = ('none', 'stats', 'stats+affine')


@ENCODERS.register_module()
class ContentEncoder(nn.Module):
    """Content encoder: part features for AdaIN and a batch-normalised embedding for retrieval.

    The encoder of GCL (Chen et al., CVPR 2021; trunk of JVTC): a torchvision trunk with the last
    stride removed, average-pooled in horizontal stripes to `content`, and over the whole map to
    Linear and BatchNorm1d (BNNeck, Luo et al., CVPRW 2019).

    Args:
        trunk: 'resnet50', 'resnet18' or 'mobilenet_v2'.
        num_parts: horizontal stripes of `content`.
        embed_dim: D; None leaves the linear layer out, D is then the trunk's channels.
        part_layout: 'channel_major': element c * num_parts + p of content is channel c of stripe p,
            so that a run of content holds all stripes (DG-Net, GCL); 'part_major': run k is
            stripe k.
        last_stride: of the trunk's last halving: 1 as in re-identification, 2 as in torchvision.
        weights: a .pth or .safetensors path; 'imagenet' (torchvision's IMAGENET1K_V1 from its hub);
            None for a random start; or a list, of which the first that can be obtained is used.
        early_stats: adds to each stripe of content the mean and standard deviation of a map at a
            quarter of the size: colours that the last map has forgotten, and a decoder needs.
            Needs part_layout='part_major'.
        neck: False leaves the batch norm of the embedding out: `embedding` is then `pre_bn`.
        frozen_bn: batch norm of the trunk in training: 'none', 'stats' (running statistics are
            used and stand still; IDE+), or 'stats+affine' (weight and bias stand still too).
        freeze_at: 1 freezes the trunk up to a quarter of the size, layer1 of a ResNet.

    Attributes:
        content_dim: num_parts x (channels of the trunk, and twice those of the early map).
        embed_dim: D.
        pretrained: False after a random start.

    Raises:
        ValueError: an unknown choice of any of these; a checkpoint that does not fit.
        FileNotFoundError: none of the weights can be obtained.
    """

    def __init__(
        self,
        trunk: str = 'resnet50',
        num_parts: int = 4,
        embed_dim: int | None = 512,
        part_layout: str = 'channel_major',
        last_stride: int = 1,
        weights: Choices = None,
        early_stats: bool = False,
        neck: bool = True,
        frozen_bn: str = 'none',
        freeze_at: int = 0,
    ):
        super().__init__()
        one_of(trunk, tuple(TRUNKS), 'trunk')
        one_of(part_layout, PART_LAYOUTS, 'part_layout')
        one_of(last_stride, (1, 2), 'last_stride')
        one_of(frozen_bn, FROZEN_BN, 'frozen_bn')
        one_of(freeze_at, (0, 1), 'freeze_at')
        if early_stats and part_layout != 'part_major':
            raise ValueError("early_stats adds to each stripe; set part_layout='part_major'")
        channels = TRUNKS[trunk].channels
        self.trunk_name, self.part_layout, self.num_parts = trunk, part_layout, num_parts
        self.early_stats = early_stats
        self.frozen_bn, self.freeze_at = frozen_bn, freeze_at
        self.content_dim = num_parts * (channels + 2 * TRUNKS[trunk].early_channels * early_stats)
        self.embed_dim = embed_dim or channels
        self.trunk = build_trunk(trunk, last_stride)
        self.trunk.to(memory_format=self.memory_format)
        self.linear = nn.Linear(channels, embed_dim) if embed_dim else nn.Identity()
        self.neck = nn.BatchNorm1d(self.embed_dim) if neck else nn.Identity()
        if isinstance(self.linear, nn.Linear):
            nn.init.kaiming_normal_(self.linear.weight, mode='fan_out')
            nn.init.zeros_(self.linear.bias)
        self.pretrained = load_weights(self, weights)
        self._freeze()

    @property
    def memory_format(self) -> torch.memory_format:
        """Memory format of the trunk's maps; no attribute, which pickle could not save."""
        # depthwise convolutions: 1.45 times as fast on a CPU (32 images of 128 x 64, one thread)
        channels_last = self.trunk_name == 'mobilenet_v2'
        return torch.channels_last if channels_last else torch.contiguous_format

    def train(self, mode: bool = True) -> 'ContentEncoder':
        super().train(mode)
        frozen = [self.trunk] if self.frozen_bn != 'none' else self._early_layers(self.freeze_at)
        for layer in (norm for part in frozen for norm in batch_norms(part)):
            layer.eval()
        return self

    def forward(self, img: Tensor) -> Code:
        """Code of normalised images (B, 3, H, W)."""
        early_map, feature_map = self._maps(img)  # (B, C, H / 16, W / 16)
        parts = self._stripes(feature_map)  # (B, C, P)
        if self.early_stats:
            mean = self._stripes(early_map)
            square = self._stripes(early_map.float().square())
            std = (square - mean.float().square()).clamp_min(1e-4).sqrt().to(mean)
            parts = torch.cat([parts, mean, std], dim=1)
        if self.part_layout == 'part_major':
            parts = parts.transpose(1, 2)
        pre_bn = self.linear(nnf.adaptive_avg_pool2d(feature_map, 1).flatten(1))
        return Code(content=parts.flatten(1), embedding=self.neck(pre_bn), pre_bn=pre_bn)

    def _maps(self, img: Tensor) -> tuple[Tensor, Tensor]:
        """Early and last map of one pass through the trunk."""
        *outer, last = TRUNKS[self.trunk_name].early.split('.')
        x = early_map = img.contiguous(memory_format=self.memory_format)
        for name, layer in self.trunk.get_submodule('.'.join(outer)).named_children():
            x = layer(x)
            if name == last:
                early_map = x
        return early_map, x

    def _stripes(self, feature_map: Tensor) -> Tensor:
        """Means of horizontal stripes, (B, C, num_parts)."""
        return nnf.adaptive_avg_pool2d(feature_map, (self.num_parts, 1)).squeeze(3)

    def _early_layers(self, freeze_at: int) -> list[nn.Module]:
        """Layers of the trunk up to the early map; none at 0."""
        *outer, last = TRUNKS[self.trunk_name].early.split('.')
        children = list(self.trunk.get_submodule('.'.join(outer)).named_children())
        names = [name for name, _ in children]
        return [layer for _, layer in children[: (names.index(last) + 1) * freeze_at]]

    def _freeze(self) -> None:
        # permanently: the optimizer does not hold them
        frozen = self._early_layers(self.freeze_at)
        if self.frozen_bn == 'stats+affine':
            frozen += batch_norms(self.trunk)
        for part in frozen:
            part.requires_grad_(False)


def build_trunk(name: str, last_stride: int = 1) -> nn.Sequential:
    """Torchvision's network up to its last map, with torchvision's tensor names."""
    children = get_model(name, weights=None).named_children()
    trunk = nn.Sequential(
        OrderedDict((child, module) for child, module in children if child not in CLASSIFIER)
    )
    for layer in trunk.get_submodule(TRUNKS[name].last_block).modules():
        if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2):
            layer.stride = (last_stride, last_stride)
    return trunk
