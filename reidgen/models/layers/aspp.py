"""Atrous spatial pyramid pooling (Chen et al., 2017), the end of GCL's pose encoder."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from reidgen.models.layers.conv import conv_block


class ASPP(nn.Module):
    """ASPP: a 1 x 1 branch and dilated 3 x 3 branches, mixed by a 1 x 1 convolution.

    Instance norm after every convolution; a LeakyReLU only inside a branch, none at the end.
    """

    def __init__(
        self,
        in_channels: int,
        branch_channels: int,
        out_channels: int,
        dilations: Sequence[int] = (3, 6, 9),
    ):
        super().__init__()
        self.dilations = tuple(dilations)
        self.point = conv_block(in_channels, branch_channels, 1, norm='instance', activate=False)
        self.dilated = nn.ModuleList(
            nn.Sequential(
                conv_block(in_channels, branch_channels, 1, norm='instance'),
                conv_block(
                    branch_channels,
                    branch_channels,
                    3,
                    dilation=dilation,
                    norm='instance',
                    activate=False,
                ),
            )
            for dilation in self.dilations
        )
        self.mix = conv_block(
            branch_channels * (1 + len(self.dilations)),
            out_channels,
            1,
            norm='instance',
            activate=False,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, out_channels, H, W) of a map (B, in_channels, H, W).

        Raises:
            ValueError: H or W is not above the largest dilation, by which the map is reflected.
        """
        height, width = x.shape[2:]
        largest = max(self.dilations, default=0)
        if min(height, width) <= largest:
            raise ValueError(
                f'a map of {height} x {width} cannot be padded by reflection for dilation '
                f'{largest}; set dilations to values below {min(height, width)} or use larger '
                f'images'
            )
        branches = [self.point(x), *(branch(x) for branch in self.dilated)]
        return self.mix(torch.cat(branches, dim=1))
