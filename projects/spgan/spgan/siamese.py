"""SiaNet: the siamese embedding network of SPGAN."""

import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.models.layers import conv_block, normal_init
from reidgen.registry import ENCODERS

MAX_BLOCKS = 4
HIDDEN_DIM, EMBED_DIM = 128, 64  # outputs of the linear layers


def block_sizes(image_size: tuple[int, int]) -> list[tuple[int, int]]:
    """Map size (height, width) after each block; four blocks at most, fewer for small images."""
    sizes = []
    height, width = image_size
    while len(sizes) < MAX_BLOCKS and min(height, width) >= 4:
        height, width = height // 2 // 2, width // 2 // 2  # the convolution, then the pool
        sizes.append((height, width))
    return sizes


@ENCODERS.register_module()
class SiaNet(nn.Module):
    """The siamese network of SPGAN (Deng et al., CVPR 2018), M in its formulas.

    Blocks of a 4 x 4 convolution of stride 2, LeakyReLU and a halving max pool, without batch norm,
    then two linear layers with dropout between. Four blocks for 256 x 256 (2,830,464 parameters);
    pictures of 256 x 128 leave room for three.

    Args:
        image_size: (height, width).
        base_dim: channels of the first block, doubled at each.
        dropout: probability between the linear layers, also in the generators' step.

    Raises:
        ValueError: the image is too small for one block.
    """

    def __init__(
        self,
        image_size: tuple[int, int] = (256, 128),
        base_dim: int = 64,
        dropout: float = 0.5,
    ):
        super().__init__()
        sizes = block_sizes(image_size)
        if not sizes:
            raise ValueError(
                f'image_size is {tuple(image_size)}; SiaNet needs both sides to be 4 or more'
            )
        self.image_size = tuple(image_size)
        dims = [3, *(base_dim * 2**k for k in range(len(sizes)))]
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(
                    conv_block(dims[k], dims[k + 1], 4, stride=2, padding_mode='zeros'),
                    nn.MaxPool2d(2),
                )
                for k in range(len(sizes))
            )
        )
        self.hidden = nn.Linear(dims[-1] * sizes[-1][0] * sizes[-1][1], HIDDEN_DIM)
        self.dropout = nn.Dropout(dropout)
        self.embedding = nn.Linear(HIDDEN_DIM, EMBED_DIM)
        normal_init(self)

    def forward(self, img: Tensor) -> Tensor:
        """Unit embeddings (B, 64) of images (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: the images are not of `image_size`.
        """
        if tuple(img.shape[2:]) != self.image_size:
            raise ValueError(
                f'SiaNet was built for images of {self.image_size}, but was given '
                f'{tuple(img.shape[2:])}; set model.networks.M.image_size={tuple(img.shape[2:])}'
            )
        hidden = nnf.leaky_relu(self.hidden(self.blocks(img).flatten(1)), 0.2)
        return nnf.normalize(self.embedding(self.dropout(hidden)).float())
