"""Decoder with AdaIN parameters by height and skips."""

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.models.encoders.structure import Structure
from reidgen.models.layers import conv_block, kaiming_init
from reidgen.models.layers.conv import SLOPE
from reidgen.models.layers.norm import instance_norm
from reidgen.models.preprocessor import IMAGENET_MEAN, IMAGENET_STD
from reidgen.registry import GENERATORS

# of the late and of the early numbers of a stripe. Colours are in the early statistics, which are
# few and small (MobileNetV2: 48 of deviation 0.17 beside 1,280 of 0.48), and would be learned last
LATE_SCALE, EARLY_SCALE = 0.4, 6.0


class StripeHeads(nn.Module):
    """AdaIN parameters that change with the height: one head, shared by the stripes.

    Args:
        content_dim: num_parts stripes, part after part (`part_layout='part_major'`).
        num_params: numbers a stripe.
        early_dim: numbers at the end of a stripe that are statistics of early layers, to be scaled
            up; 0: the stripe is taken as it is.
    """

    scale: Tensor

    def __init__(
        self,
        content_dim: int,
        num_parts: int,
        num_params: int,
        hidden_dim: int,
        early_dim: int = 0,
    ):
        super().__init__()
        if content_dim % num_parts:
            raise ValueError(
                f'content_dim is {content_dim}, not a multiple of num_parts={num_parts}'
            )
        self.content_dim, self.num_parts, self.early_dim = content_dim, num_parts, early_dim
        stripe_dim = content_dim // num_parts
        if not 0 <= early_dim < stripe_dim:
            raise ValueError(
                f'early_dim is {early_dim}; of a stripe of {stripe_dim} numbers set 0 to '
                f'{stripe_dim - 1}'
            )
        scales = (
            LATE_SCALE * torch.ones(stripe_dim - early_dim),
            EARLY_SCALE * torch.ones(early_dim),
        )
        self.register_buffer('scale', torch.cat(scales), persistent=False)
        self.layers = nn.Sequential(
            nn.Linear(stripe_dim, hidden_dim),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Linear(hidden_dim, hidden_dim),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Linear(hidden_dim, num_params),
        )

    def forward(self, content: Tensor, height: int) -> Tensor:
        """(B, num_params, height, 1): stripes of content (B, content_dim), interpolated."""
        stripes = content.unflatten(1, (self.num_parts, -1))
        stripes = self.layers(stripes * self.scale if self.early_dim else stripes)
        stripes = stripes.transpose(1, 2)[..., None]  # (B, num_params, P, 1)
        return nnf.interpolate(stripes, (height, 1), mode='bilinear', align_corners=False)


class ColourTransform(nn.Module):
    """Learned linear map of colours, from pictures in [-1, 1] to normalised images.

    It begins as ImageNet's normalisation, hence as the identity to the eye.
    """

    matrix: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.register_buffer('matrix', torch.diag(0.5 / std), persistent=False)  # (3, 3)
        self.register_buffer('shift', (0.5 - mean) / std, persistent=False)  # (3,)
        self.matrix_change = nn.Parameter(torch.zeros(1, 3, 3))
        self.shift_change = nn.Parameter(torch.zeros(1, 3))

    def forward(self, picture: Tensor) -> Tensor:
        """(B, 3, H, W) of a picture (B, 3, H, W)."""
        size = len(picture)
        matrix = (self.matrix + self.matrix_change).expand(size, -1, -1)
        return transformed(matrix, (self.shift + self.shift_change).expand(size, -1), picture)


def transformed(matrix: Tensor, shift: Tensor, picture: Tensor) -> Tensor:
    """(B, 3, H, W) colours of a picture through matrices (B, 3, 3) and shifts (B, 3)."""
    return torch.einsum('bij,bjhw->bihw', matrix, picture) + shift[..., None, None]


@GENERATORS.register_module()
class StripeAdaINDecoder(nn.Module):
    """AdaIN residual blocks with parameters by height, then upsampling with skips.

    Differs from GCL's decoder (Chen et al., CVPR 2021), which translates the whole picture with one
    set of parameters and sees the pose at a quarter of the size only: a shirt's colour goes to the
    shirt's height, and edges come through the skips.

    Args:
        content_dim: of the encoder; its `part_layout` must be 'part_major'.
        num_parts: stripes in it.
        base_dim: channels at a quarter of the size: `out_dim` of the StructureEncoder.
        hidden_dim: of the heads.
        early_dim: numbers at the end of each stripe of an encoder with `early_stats`, which the
            heads scale up (48 of MobileNetV2); 0: content is taken as it is.
        residual: translates what changes in the picture instead of all of it: the output is a
            learned colour transform of the map's first three channels (pose map `Colour`), the
            identity at first, plus what is translated, almost nothing at first. Persons are
            themselves from the first iteration on; what is to be learned is the style. It needs low
            weights of reconstruction and cycle, for which changing nothing is the best.
    """

    def __init__(
        self,
        content_dim: int,
        num_parts: int = 4,
        base_dim: int = 64,
        num_res_blocks: int = 3,
        hidden_dim: int = 256,
        residual: bool = False,
        early_dim: int = 0,
    ):
        super().__init__()
        self.pose_dim, self.num_res_blocks, self.base_dim = base_dim, num_res_blocks, base_dim
        half, quarter = base_dim // 2, base_dim // 4
        # weight and bias of two layers a block, and a colour to end with
        self.num_params = (4 * num_res_blocks + 1) * base_dim
        self.heads = StripeHeads(content_dim, num_parts, self.num_params, hidden_dim, early_dim)
        self.convs = nn.ModuleList(
            conv_block(base_dim, base_dim, 3, activate=False) for _ in range(2 * num_res_blocks)
        )
        self.up_half = conv_block(base_dim + half, half, 3)
        self.up_full = conv_block(half + quarter, quarter, 3)
        self.image = conv_block(quarter, 3, 3, activate=False)
        kaiming_init(self)
        self.colour: nn.Module | None = None
        if residual:
            self.make_residual(ColourTransform())

    def make_residual(self, colour: nn.Module) -> None:
        """Adds a colour transform, and makes what is added to its colours small."""
        self.colour = colour
        nn.init.normal_(self.image.conv.weight, std=1e-3)

    def forward(self, pose: Structure, content: Tensor) -> Tensor:
        """(B, 3, H, W) of a structure and content (B, content_dim); normalised space, no tanh."""
        translated = self.decode(pose, self.heads(content, pose.quarter.shape[2]))
        return translated if self.colour is None else translated + self.colour(picture_of(pose))

    def decode(self, pose: Structure, params: Tensor) -> Tensor:
        """(B, 3, H, W) of a structure and AdaIN parameters (B, num_params, H / 4, 1)."""
        x = pose.quarter
        params = params.unflatten(1, (-1, self.base_dim))
        for block in range(self.num_res_blocks):
            first, second = self.convs[2 * block], self.convs[2 * block + 1]
            hidden = nnf.leaky_relu(self._adain(first(x), params, 4 * block), SLOPE)
            x = x + self._adain(second(hidden), params, 4 * block + 2)
        x = x + params[:, -1]
        x = self.up_half(torch.cat([nnf.interpolate(x, scale_factor=2), pose.half], dim=1))
        x = self.up_full(torch.cat([nnf.interpolate(x, scale_factor=2), pose.full], dim=1))
        return self.image(x)

    def _adain(self, x: Tensor, params: Tensor, first: int) -> Tensor:
        return instance_norm(x) * (1 + params[:, first]) + params[:, first + 1]


def picture_of(pose: Structure) -> Tensor:
    """(B, 3, H, W) in [-1, 1]: the picture in the pose map, which a residual decoder changes.

    Raises:
        ValueError: the map does not begin with three channels of a picture.
    """
    if pose.picture.shape[1] != 3:
        raise ValueError(
            f'a residual decoder changes the picture, but the pose map has '
            f"{pose.picture.shape[1]} channels; put dict(type='Colour') first in pose_map"
        )
    return pose.picture
