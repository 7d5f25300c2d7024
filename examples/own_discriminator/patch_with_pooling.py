"""A discriminator of one's own: patches, and the picture as a whole."""

import torch
from torch import Tensor, nn

from reidgen.registry import DISCRIMINATORS


@DISCRIMINATORS.register_module()
class PatchWithPooling(nn.Module):
    """Logits of patches, and one of their mean and largest features.

    Args:
        dim: channels of the first convolution, doubled at each halving.
        num_halvings: of the picture, 1 or more.
    """

    def __init__(self, dim: int = 8, num_halvings: int = 3):
        super().__init__()
        if num_halvings < 1:
            raise ValueError(f'num_halvings is {num_halvings}; set 1 or more')
        layers, channels = [], 3
        for number in range(num_halvings):
            layers += [nn.Conv2d(channels, dim << number, 4, 2, 1), nn.LeakyReLU(0.2)]
            channels = dim << number
        self.features = nn.Sequential(*layers)
        self.patch = nn.Conv2d(channels, 1, 1)
        self.whole = nn.Linear(2 * channels, 1)

    def forward(self, img: Tensor) -> list[Tensor]:
        """[(B, 1, h, w), (B, 1)] logits of images (B, 3, H, W)."""
        features = self.features(img)  # (B, C, h, w)
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3))], dim=1)  # (B, 2C)
        return [self.patch(features), self.whole(pooled)]
