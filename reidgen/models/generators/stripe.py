"""A decoder that translates each height of the picture with the content found there."""

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from reidgen.models.encoders.structure import Structure
from reidgen.models.layers import conv_block, kaiming_init
from reidgen.models.layers.conv import SLOPE
from reidgen.models.preprocessor import IMAGENET_MEAN, IMAGENET_STD
from reidgen.registry import GENERATORS


class StripeHeads(nn.Module):
    """AdaIN parameters that change with the height: one head, shared by the stripes.

    Args:
        content_dim: num_parts stripes, part after part (`part_layout='part_major'`).
        num_params: numbers a stripe.
    """

    def __init__(self, content_dim: int, num_parts: int, num_params: int, hidden_dim: int):
        super().__init__()
        if content_dim % num_parts:
            raise ValueError(
                f'content_dim is {content_dim}, not a multiple of num_parts={num_parts}'
            )
        self.content_dim, self.num_parts = content_dim, num_parts
        self.layers = nn.Sequential(
            nn.Linear(content_dim // num_parts, hidden_dim),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Linear(hidden_dim, hidden_dim),
            nn.LeakyReLU(SLOPE, inplace=True),
            nn.Linear(hidden_dim, num_params),
        )

    def forward(self, content: Tensor, height: int) -> Tensor:
        """(B, num_params, height, 1): stripes of content (B, content_dim), interpolated."""
        stripes = self.layers(content.unflatten(1, (self.num_parts, -1)))  # (B, P, num_params)
        stripes = stripes.transpose(1, 2)[..., None]
        return nnf.interpolate(stripes, (height, 1), mode='bilinear', align_corners=False)


class ColourTransform(nn.Module):
    """Learned linear maps of colours: pictures in [-1, 1] to normalised ones, in a camera's style.

    It begins as ImageNet's normalisation, hence as the identity to the eye.

    Args:
        num_cameras: of the style, a map each; 0: one for all.
        rate: its learning rate is so many times that of the other layers.
        num_own_cameras: cameras that pictures come from. Each has a map of its own, applied first,
            that can undo what the camera did; 0: none.
    """

    def __init__(self, num_cameras: int = 0, rate: float = 1.0, num_own_cameras: int = 0):
        super().__init__()
        self.rate = rate
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.register_buffer('matrix', torch.diag(0.5 / std), persistent=False)  # (3, 3)
        self.register_buffer('shift', (0.5 - mean) / std, persistent=False)  # (3,)
        self.matrix_change = nn.Parameter(torch.zeros(num_cameras or 1, 3, 3))
        self.shift_change = nn.Parameter(torch.zeros(num_cameras or 1, 3))
        self.own_change = self.own_shift = None
        if num_own_cameras:
            self.own_change = nn.Parameter(torch.zeros(num_own_cameras, 3, 3))
            self.own_shift = nn.Parameter(torch.zeros(num_own_cameras, 3))

    def forward(
        self, picture: Tensor, camera: Tensor | None, own_camera: Tensor | None = None
    ) -> Tensor:
        """(B, 3, H, W) of a picture (B, 3, H, W), cameras (B,) of the style and of the picture."""
        if camera is None:
            camera = torch.zeros(len(picture), dtype=torch.int64, device=picture.device)
        if self.own_change is not None:
            if own_camera is None:
                raise ValueError(
                    'the decoder has num_own_cameras but is not told which camera took the '
                    'picture; set Structure.camera, or num_own_cameras=0'
                )
            change, shift = self.own_change[own_camera], self.own_shift[own_camera]
            picture = picture + self.rate * _linear(change, shift, picture)
        matrix = self.matrix + self.rate * self.matrix_change[camera]  # (B, 3, 3)
        shift = self.shift + self.rate * self.shift_change[camera]  # (B, 3)
        return _linear(matrix, shift, picture)


def _linear(matrix: Tensor, shift: Tensor, picture: Tensor) -> Tensor:
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
        residual: translates what changes in the picture instead of all of it: the output is a
            learned colour transform of the map's first three channels (pose map `Colour`), the
            identity at first, plus what is translated, almost nothing at first. Persons are
            themselves from the first iteration on; what is to be learned is the style. It needs low
            weights of reconstruction and cycle, for which changing nothing is the best.
        num_cameras: translates in the style of one of so many cameras (as in camera style
            adaptation, Zhong et al., CVPR 2018): AdaIN parameters and colours of each; 0: one style
            for all.
        colour_rate: how much faster the colour transform of a residual decoder learns. At 10, with
            one style for all, training was unstable in one run of two.
        num_own_cameras: of both domains: the colours of a residual decoder depend on the camera
            that took the picture, too (`Structure.camera`), so that a dark one is brightened more.
    """

    def __init__(
        self,
        content_dim: int,
        num_parts: int = 4,
        base_dim: int = 64,
        num_res_blocks: int = 3,
        hidden_dim: int = 256,
        residual: bool = False,
        num_cameras: int = 0,
        colour_rate: float = 1.0,
        num_own_cameras: int = 0,
    ):
        super().__init__()
        if num_own_cameras and not residual:
            raise ValueError(
                f'num_own_cameras is {num_own_cameras}, but a decoder that is not residual does '
                f'not see the picture; set residual=True, or 0 cameras'
            )
        self.num_own_cameras = num_own_cameras
        self.pose_dim, self.num_res_blocks, self.base_dim = base_dim, num_res_blocks, base_dim
        half, quarter = base_dim // 2, base_dim // 4
        # weight and bias of two layers a block, and a colour to end with
        num_params = (4 * num_res_blocks + 1) * base_dim
        self.heads = StripeHeads(content_dim, num_parts, num_params, hidden_dim)
        self.convs = nn.ModuleList(
            conv_block(base_dim, base_dim, 3, activate=False) for _ in range(2 * num_res_blocks)
        )
        self.up_half = conv_block(base_dim + half, half, 3)
        self.up_full = conv_block(half + quarter, quarter, 3)
        self.image = conv_block(quarter, 3, 3, activate=False)
        kaiming_init(self)
        self.num_cameras = num_cameras
        # added to the parameters, not to the content, beside whose length it would drown
        self.cameras = nn.Embedding(num_cameras, num_params) if num_cameras else None
        if num_cameras:
            nn.init.normal_(self.cameras.weight, std=0.02)
        self.colour = None
        if residual:
            self.colour = ColourTransform(num_cameras, colour_rate, num_own_cameras)
            nn.init.normal_(self.image.conv.weight, std=1e-3)

    def forward(self, pose: Structure, content: Tensor, camera: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) of a structure and content (B, content_dim); normalised space, no tanh.

        Args:
            camera: (B,) int64, below num_cameras.
        """
        x = pose.quarter
        params = self.heads(content, x.shape[2])
        if self.cameras is not None:
            params = params + self.cameras(camera)[..., None, None]
        params = params.unflatten(1, (-1, self.base_dim))
        for block in range(self.num_res_blocks):
            first, second = self.convs[2 * block], self.convs[2 * block + 1]
            hidden = nnf.leaky_relu(self._paint(first(x), params, 4 * block), SLOPE)
            x = x + self._paint(second(hidden), params, 4 * block + 2)
        x = x + params[:, -1]
        x = self.up_half(torch.cat([nnf.interpolate(x, scale_factor=2), pose.half], dim=1))
        x = self.up_full(torch.cat([nnf.interpolate(x, scale_factor=2), pose.full], dim=1))
        translated = self.image(x)
        return translated if self.colour is None else translated + self._recoloured(pose, camera)

    def _recoloured(self, pose: Structure, camera: Tensor | None) -> Tensor:
        if pose.picture.shape[1] != 3:
            raise ValueError(
                f'a residual decoder changes the picture, but the pose map has '
                f"{pose.picture.shape[1]} channels; put dict(type='Colour') first in pose_map"
            )
        return self.colour(pose.picture, camera, pose.camera)

    def _paint(self, x: Tensor, params: Tensor, first: int) -> Tensor:
        return nnf.instance_norm(x) * (1 + params[:, first]) + params[:, first + 1]
