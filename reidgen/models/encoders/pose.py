"""Pose encoder E_p: from a pose map to a spatial pose code."""

from collections.abc import Sequence

from torch import Tensor, nn

from reidgen.models.layers import ASPP, ResidualBlock, conv_block, kaiming_init
from reidgen.registry import ENCODERS


@ENCODERS.register_module()
class PoseEncoder(nn.Module):
    """GCL's structure encoder (Chen et al., CVPR 2021): convolutions, residual blocks, ASPP.

    Instance norm throughout, reflection padding, no activation at the end. 380,544 parameters at
    the defaults.

    Args:
        in_channels: channels of a pose map: 1 for a rendered mesh, a channel each for joints.
        base_dim: channels of the first convolution, doubled at half and at a quarter of the size.
        aspp_dim: channels of an ASPP branch.
        out_dim: channels of the code; the decoder's `base_dim`.
        dilations: of the ASPP branches; each must be below the size of the code (a 256 x 128 map
            gives 64 x 32).
    """

    def __init__(
        self,
        in_channels: int = 1,
        base_dim: int = 16,
        num_res_blocks: int = 4,
        aspp_dim: int = 32,
        out_dim: int = 128,
        dilations: Sequence[int] = (3, 6, 9),
    ):
        super().__init__()
        self.in_channels, self.out_dim = in_channels, out_dim
        half, quarter = 2 * base_dim, 4 * base_dim
        self.down = nn.Sequential(
            conv_block(in_channels, base_dim, 3, stride=2, norm='instance'),
            conv_block(base_dim, half, 3, norm='instance'),
            conv_block(half, half, 3, norm='instance'),
            conv_block(half, quarter, 3, stride=2, norm='instance'),
        )
        self.blocks = nn.Sequential(
            *(ResidualBlock(quarter, norm='instance') for _ in range(num_res_blocks))
        )
        self.aspp = ASPP(quarter, aspp_dim, out_dim, dilations)
        kaiming_init(self)

    def forward(self, pose_map: Tensor) -> Tensor:
        """Pose code (B, out_dim, H / 4, W / 4) of maps (B, in_channels, H, W) in [-1, 1].

        Raises:
            ValueError: H or W is no multiple of 4, or small for the dilations.
        """
        height, width = pose_map.shape[2:]
        if height % 4 or width % 4:
            raise ValueError(
                f'a pose map is {height} x {width}; both must be multiples of 4, or the translated '
                f'image would differ in size: change the resize transform'
            )
        return self.aspp(self.blocks(self.down(pose_map)))
