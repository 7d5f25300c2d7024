"""Content encoder E_c: from an image to content for translation and embedding for retrieval."""

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.choices import one_of
from reidgen.models.encoders.trunks import trunk_of
from reidgen.models.encoders.weights import Choices, load_weights
from reidgen.models.layers.batch_norm import batch_norms
from reidgen.registry import ENCODERS
from reidgen.structures import Code

PART_LAYOUTS = ('channel_major', 'part_major')
FROZEN_BN = ('none', 'stats', 'stats+affine')


@ENCODERS.register_module()
class ContentEncoder(nn.Module):
    """Content encoder: part features for AdaIN and a batch-normalised embedding for retrieval.

    The encoder of GCL (Chen et al., CVPR 2021; trunk of JVTC): a trunk with the last stride
    removed, average-pooled in horizontal stripes to `content`, and over the whole map to Linear and
    BatchNorm1d (BNNeck, Luo et al., CVPRW 2019). Of a transformer the map is that of its patch
    tokens, see `TimmTrunk`.

    Args:
        trunk: 'resnet50', 'resnet18' or 'mobilenet_v2' of torchvision; 'timm/' and timm's name of a
            model, such as 'timm/vit_small_patch16_224.dino'.
        num_parts: horizontal stripes of `content`.
        embed_dim: D; None leaves the linear layer out, D is then the trunk's channels.
        part_layout: 'channel_major': element c * num_parts + p of content is channel c of stripe p,
            so that a run of content holds all stripes (DG-Net, GCL); 'part_major': run k is
            stripe k.
        last_stride: of the trunk's last halving: 1 as in re-identification, 2 as in torchvision.
        img_size: (height, width) of the images, where a transformer's position embeddings are made
            for one size; those of a file are interpolated to it. None: timm's size.
        weights: a .pth or .safetensors path; 'imagenet' (torchvision's IMAGENET1K_V1 from its hub);
            'hub', the published weights of any trunk, of timm's those of its tag; None for a random
            start; or a list, of which the first that can be obtained is used.
        early_stats: adds to each stripe of content the mean and standard deviation of a map at a
            quarter of the size: colours that the last map has forgotten, and a decoder needs.
            Needs part_layout='part_major', and a trunk that has such a map.
        neck: False leaves the batch norm of the embedding out: `embedding` is then `pre_bn`.
        frozen_bn: batch norm of the trunk in training: 'none', 'stats' (running statistics are
            used and stand still; IDE+), or 'stats+affine' (weight and bias stand still too).
        freeze_at: 1 freezes a torchvision trunk up to a quarter of the size, layer1 of a ResNet.

    Attributes:
        content_dim: num_parts x (channels of the trunk, and twice those of the early map).
        embed_dim: D.
        img_size: the only (height, width) of images that it takes; None: any.
        pretrained: False after a random start.

    Raises:
        ValueError: an unknown choice of any of these, or one that the trunk does not have; a
            checkpoint that does not fit.
        ImportError: timm is not installed.
        FileNotFoundError: none of the weights can be obtained.
    """

    def __init__(
        self,
        trunk: str = 'resnet50',
        num_parts: int = 4,
        embed_dim: int | None = 512,
        part_layout: str = 'channel_major',
        last_stride: int = 1,
        img_size: tuple[int, int] | None = None,
        weights: Choices = None,
        early_stats: bool = False,
        neck: bool = True,
        frozen_bn: str = 'none',
        freeze_at: int = 0,
    ):
        super().__init__()
        one_of(part_layout, PART_LAYOUTS, 'part_layout')
        one_of(last_stride, (1, 2), 'last_stride')
        one_of(frozen_bn, FROZEN_BN, 'frozen_bn')
        one_of(freeze_at, (0, 1), 'freeze_at')
        if early_stats and part_layout != 'part_major':
            raise ValueError("early_stats adds to each stripe; set part_layout='part_major'")
        self.architecture = trunk_of(trunk, last_stride, img_size)
        if early_stats and not self.architecture.early_channels:
            raise ValueError(
                f'early_stats needs a map at a quarter of the size, and the trunk {trunk} has '
                f'none; set early_stats=False'
            )
        self.trunk_name, self.part_layout, self.num_parts = trunk, part_layout, num_parts
        self.early_stats, self.img_size = early_stats, self.architecture.img_size
        self.frozen_bn, self.freeze_at = frozen_bn, freeze_at
        channels = self.architecture.channels
        early_channels = self.architecture.early_channels * early_stats
        self.content_dim = num_parts * (channels + 2 * early_channels)
        self.embed_dim = embed_dim or channels
        self.trunk = self.architecture.build()
        self.trunk.to(memory_format=self.architecture.memory_format)
        self.linear = nn.Linear(channels, embed_dim) if embed_dim else nn.Identity()
        self.neck = nn.BatchNorm1d(self.embed_dim) if neck else nn.Identity()
        if isinstance(self.linear, nn.Linear):
            nn.init.kaiming_normal_(self.linear.weight, mode='fan_out')
            nn.init.zeros_(self.linear.bias)
        self.pretrained = load_weights(self, weights)
        self._freeze()

    def train(self, mode: bool = True) -> 'ContentEncoder':
        super().train(mode)
        frozen = [self.trunk] if self.frozen_bn != 'none' else self._frozen_layers()
        for layer in (norm for part in frozen for norm in batch_norms(part)):
            layer.eval()
        return self

    def forward(self, img: Tensor) -> Code:
        """Code of normalised images (B, 3, H, W)."""
        early_map, feature_map = self.architecture.maps(self.trunk, img, self.early_stats)
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

    def feature_map(self, img: Tensor) -> Tensor:
        """Last map of the trunk, (B, C, H / 16, W / 16) by default."""
        return self.architecture.maps(self.trunk, img, early=False)[1]

    def _stripes(self, feature_map: Tensor) -> Tensor:
        """Means of horizontal stripes, (B, C, num_parts)."""
        return nnf.adaptive_avg_pool2d(feature_map, (self.num_parts, 1)).squeeze(3)

    def _frozen_layers(self) -> list[nn.Module]:
        """Layers of the trunk that freeze_at freezes."""
        return self.architecture.early_layers(self.trunk) if self.freeze_at else []

    def _freeze(self) -> None:
        # permanently: the optimizer does not hold them
        frozen = self._frozen_layers()
        if self.frozen_bn != 'none' and not batch_norms(self.trunk):
            raise ValueError(
                f"frozen_bn is '{self.frozen_bn}', but the trunk {self.trunk_name} has no batch "
                f"norm; set frozen_bn='none'"
            )
        if self.frozen_bn == 'stats+affine':
            frozen += batch_norms(self.trunk)
        for part in frozen:
            part.requires_grad_(False)
