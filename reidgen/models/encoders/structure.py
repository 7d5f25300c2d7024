"""Structure encoder: E_p with skips, a structure code at three resolutions."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from reidgen.models.layers import ResidualBlock, conv_block, kaiming_init
from reidgen.registry import ENCODERS


class Structure(NamedTuple):
    """Structure code of a StructureEncoder, for decoders with skips."""

    full: Tensor  # (B, C / 4, H, W)
    half: Tensor  # (B, C / 2, H / 2, W / 2)
    quarter: Tensor  # (B, C, H / 4, W / 4)
    picture: Tensor  # (B, up to 3, H, W) first channels of the map itself, in [-1, 1]


@ENCODERS.register_module()
class StructureEncoder(nn.Module):
    """Encoder of a pose code with fine structure, for a `StripeAdaINDecoder`.

    Where the map shows the image's own structure (its luma, as in DG-Net, Zheng et al., CVPR 2019),
    skips to the decoder keep faces, patterns and edges that a code of a quarter of the size blurs
    (U-Net, Ronneberger et al., 2015). The height in the picture is one more input channel: what is
    translated depends on it, and instance norm would remove it.

    Args:
        in_channels: channels of the maps, the height not counted.
        out_dim: C, channels at a quarter of the size; a multiple of 4.

    Raises:
        ValueError: out_dim is no multiple of 4.
    """

    def __init__(self, in_channels: int = 2, out_dim: int = 64, num_res_blocks: int = 2):
        super().__init__()
        if out_dim % 4:
            raise ValueError(f'out_dim is {out_dim}; it is halved twice, set a multiple of 4')
        self.in_channels, self.out_dim = in_channels, out_dim
        self.to_full = conv_block(in_channels + 1, out_dim // 4, 3, norm='instance')
        self.to_half = conv_block(out_dim // 4, out_dim // 2, 4, stride=2, norm='instance')
        self.to_quarter = nn.Sequential(
            conv_block(out_dim // 2, out_dim, 4, stride=2, norm='instance'),
            *(ResidualBlock(out_dim, norm='instance') for _ in range(num_res_blocks)),
        )
        kaiming_init(self)

    def forward(self, pose_map: Tensor) -> Structure:
        """Structure code of maps (B, in_channels, H, W) in [-1, 1].

        Raises:
            ValueError: H or W is no multiple of 4.
        """
        height, width = pose_map.shape[2:]
        if height % 4 or width % 4:
            raise ValueError(f'a pose map is {height} x {width}; both must be multiples of 4')
        ramp = torch.linspace(-1, 1, height, device=pose_map.device, dtype=pose_map.dtype)
        ramp = ramp[:, None].expand(len(pose_map), 1, height, width)
        full = self.to_full(torch.cat([pose_map, ramp], dim=1))
        half = self.to_half(full)
        return Structure(full, half, self.to_quarter(half), pose_map[:, :3])
