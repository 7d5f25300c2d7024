"""AdaIN decoders G and F: images of a pose code with the appearance of a content vector."""

import torch
from torch import Tensor, nn

from reidgen.models.layers import AdaINResidualBlock, conv_block, kaiming_init
from reidgen.models.layers.conv import SLOPE
from reidgen.registry import GENERATORS


@GENERATORS.register_module()
class AdaINHeads(nn.Module):
    """Heads from content to AdaIN parameters: weight and bias of each residual block.

    The content vector is cut into `num_res_blocks` equal runs; block k depends on run k alone
    (DG-Net, Zheng et al., CVPR 2019). 11,544,576 parameters at the defaults.

    Raises:
        ValueError: content_dim cannot be cut into num_res_blocks runs.
    """

    def __init__(
        self,
        content_dim: int = 8192,
        base_dim: int = 128,
        num_res_blocks: int = 4,
        head_dim: int = 512,
    ):
        super().__init__()
        if content_dim % num_res_blocks:
            raise ValueError(
                f'content_dim is {content_dim}, which {num_res_blocks} residual blocks cannot '
                f'share; set it to a multiple of num_res_blocks={num_res_blocks} (num_parts x '
                f'channels of the trunk)'
            )
        self.content_dim, self.base_dim, self.num_res_blocks = content_dim, base_dim, num_res_blocks
        run = content_dim // num_res_blocks
        self.weights, self.biases = (
            nn.ModuleList(_head(run, head_dim, 2 * base_dim) for _ in range(num_res_blocks))
            for _ in range(2)
        )
        kaiming_init(self)

    def forward(self, content: Tensor) -> Tensor:
        """AdaIN parameters (B, num_res_blocks, 2, 2, base_dim): block, its layer, weight and bias.

        Raises:
            ValueError: content is not (B, content_dim).
        """
        if content.dim() != 2 or content.shape[1] != self.content_dim:
            raise ValueError(
                f'content is {tuple(content.shape)}, the heads expect (B, {self.content_dim}); set '
                f'content_dim to num_parts x channels of the trunk'
            )
        runs = content.chunk(self.num_res_blocks, dim=1)
        weight = torch.stack([head(run) for head, run in zip(self.weights, runs)], dim=1)
        bias = torch.stack([head(run) for head, run in zip(self.biases, runs)], dim=1)
        # (B, K, 2 * C) each; the first C of a head are the block's first AdaIN layer
        both = torch.stack([weight, bias], dim=2)  # (B, K, 2, 2 * C)
        return both.unflatten(3, (2, self.base_dim)).transpose(2, 3)  # (B, K, 2, 2, C)


def _head(in_dim: int, hidden_dim: int, out_dim: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(in_dim, hidden_dim),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Linear(hidden_dim, hidden_dim),
        nn.LeakyReLU(SLOPE, inplace=True),
        nn.Linear(hidden_dim, out_dim),
    )


@GENERATORS.register_module()
class AdaINDecoder(nn.Module):
    """Decoder of GCL (Chen et al., CVPR 2021, after DG-Net): AdaIN residual blocks, upsampling.

    No tanh: images live in the normalised space of the training images. 1,455,555 parameters
    without heads.

    Args:
        content_dim: of the content vector; ignored without heads of its own.
        base_dim: channels of the pose code and the residual blocks, halved at each of two
            upsamplings.
        head_dim: hidden units of the AdaIN heads.
        own_heads: False: the AdaIN parameters are given, by an `AdaINHeads` that decoders share.

    Raises:
        ValueError: base_dim is no multiple of 4, or see `AdaINHeads`.
    """

    def __init__(
        self,
        content_dim: int = 8192,
        base_dim: int = 128,
        num_res_blocks: int = 4,
        head_dim: int = 512,
        own_heads: bool = True,
    ):
        super().__init__()
        if base_dim % 4:
            raise ValueError(f'base_dim is {base_dim}; it is halved twice, set a multiple of 4')
        self.heads = (
            AdaINHeads(content_dim, base_dim, num_res_blocks, head_dim) if own_heads else None
        )
        self.pose_dim = base_dim
        self.blocks = nn.ModuleList(AdaINResidualBlock(base_dim) for _ in range(num_res_blocks))
        half, quarter = base_dim // 2, base_dim // 4
        self.up = nn.Sequential()
        # the numbers that they have behind upsamplings of their own, in checkpoints
        self.up.add_module('1', conv_block(base_dim, half, 5, norm='layer', upsample=True))
        self.up.add_module('3', conv_block(half, quarter, 5, norm='layer', upsample=True))
        self.image = nn.Sequential(
            conv_block(quarter, quarter, 3),
            conv_block(quarter, quarter, 3),
            conv_block(quarter, 3, 1, activate=False),
        )
        kaiming_init(self)

    def forward(self, pose: Tensor, content: Tensor) -> Tensor:
        """Images (B, 3, 4 * H, 4 * W) of a pose code (B, base_dim, H, W) and a content vector.

        Args:
            content: (B, content_dim); without heads of its own what `AdaINHeads` gives,
                (B, num_res_blocks, 2, 2, base_dim).
        """
        params = content if self.heads is None else self.heads(content)
        for k, block in enumerate(self.blocks):
            pose = block(pose, params[:, k])
        return self.image(self.up(pose))
