"""An encoder of a thousand weights: engine tests train, save and resume it in a second."""
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.registry import ENCODERS
from reidgen.structures import Code


@ENCODERS.register_module(force=True)
class TinyEncoder(nn.Module):
    """ContentEncoder's interface on two convolutions, with batch norms like it."""

    def __init__(self, channels: int = 8, num_parts: int = 4, embed_dim: int = 8):
        super().__init__()
        self.num_parts, self.content_dim, self.embed_dim = num_parts, num_parts * channels, embed_dim
        self.trunk = nn.Sequential(
            nn.Conv2d(3, channels, 3, stride=4, padding=1), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, stride=2, padding=1), nn.BatchNorm2d(channels), nn.ReLU())
        self.linear, self.neck = nn.Linear(channels, embed_dim), nn.BatchNorm1d(embed_dim)

    def forward(self, img: Tensor) -> Code:
        feature_map = self.trunk(img)
        parts = nnf.adaptive_avg_pool2d(feature_map, (self.num_parts, 1)).squeeze(3)
        pre_bn = self.linear(feature_map.mean((2, 3)))
        return Code(content=parts.flatten(1), embedding=self.neck(pre_bn), pre_bn=pre_bn)
