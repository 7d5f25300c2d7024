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
        base_dim: channels of the first convolution, doubled at half and at every further
            resolution.
        num_downsample: halvings of the map.
        aspp_dim: channels of an ASPP branch.
        out_dim: channels of the code; the decoder's `pose_dim`.
        dilations: of the ASPP branches; each must be below the size of the code (a 256 x 128 map
            gives 64 x 32).

    Raises:
        ValueError: num_downsample is below 1.
    """

    def __init__(
        self,
        in_channels: int = 1,
        base_dim: int = 16,
        num_res_blocks: int = 4,
        num_downsample: int = 2,
        aspp_dim: int = 32,
        out_dim: int = 128,
        dilations: Sequence[int] = (3, 6, 9),
    ):
        super().__init__()
        if num_downsample < 1:
            raise ValueError(
                f'num_downsample is {num_downsample}; the first convolution halves, set 1 or more'
            )
        self.in_channels, self.out_dim = in_channels, out_dim
        self.factor = 2**num_downsample
        dim = 2 * base_dim
        layers = [
            conv_block(in_channels, base_dim, 3, stride=2, norm='instance'),
            conv_block(base_dim, dim, 3, norm='instance'),
        ]
        for _ in range(num_downsample - 1):
            layers += [
                conv_block(dim, dim, 3, norm='instance'),
                conv_block(dim, 2 * dim, 3, stride=2, norm='instance'),
            ]
            dim *= 2
        self.down = nn.Sequential(*layers)
        self.blocks = nn.Sequential(
            *(ResidualBlock(dim, norm='instance') for _ in range(num_res_blocks))
        )
        self.aspp = ASPP(dim, aspp_dim, out_dim, dilations)
        kaiming_init(self)

    def forward(self, pose_map: Tensor) -> Tensor:
        """Pose code (B, out_dim, H / 4, W / 4) of maps (B, in_channels, H, W) in [-1, 1].

        Raises:
            ValueError: H or W is no multiple of 2 ** num_downsample, or small for the dilations.
        """
        height, width = pose_map.shape[2:]
        if height % self.factor or width % self.factor:
            raise ValueError(
                f'a pose map is {height} x {width}; both must be multiples of {self.factor}, or '
                f'the translated image would differ in size: change the resize transform'
            )
        return self.aspp(self.blocks(self.down(pose_map)))
