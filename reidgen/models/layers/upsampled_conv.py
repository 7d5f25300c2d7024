"""Convolution of a map at twice its size."""

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

# of an output row of each parity, the five weights that fall on the rows i - 1, i, i + 1 of the map
ROWS = (
    ((1, 1, 0, 0, 0), (0, 0, 1, 1, 0), (0, 0, 0, 0, 1)),
    ((1, 0, 0, 0, 0), (0, 1, 1, 0, 0), (0, 0, 0, 1, 1)),
)


class UpsampledConv2d(nn.Conv2d):
    """5 x 5 convolution of a map after nearest upsampling to twice its size, padded by reflection.

    Equal to `nnf.interpolate(x, scale_factor=2)`, `nnf.pad(..., mode='reflect')`, `nnf.conv2d`, but
    for rounding, with 9/25 of the products: the 25 pixels under a kernel are copies of 9 pixels of
    the map, so that four 3 x 3 kernels, sums of the weights, give the four pixels of each pixel
    (sub-pixel convolution: Shi et al., CVPR 2016). The map is padded by its border; reflection
    differs from that in the outermost row alone, whose difference is added.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 5, **options):
        if kernel_size != 5:
            raise ValueError(f'kernel_size is {kernel_size}; UpsampledConv2d knows kernels of 5')
        super().__init__(in_channels, out_channels, kernel_size, **options)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, out_channels, 2 * H, 2 * W) of a map (B, in_channels, H, W), both above 1."""
        rows = torch.tensor(ROWS, dtype=self.weight.dtype, device=x.device)  # (2, 3, 5)
        kernels = torch.einsum('oiyx,pay,qbx->opqiab', self.weight, rows, rows).flatten(0, 2)
        kernels = kernels.contiguous(memory_format=torch.channels_last)
        bias = None if self.bias is None else self.bias.repeat_interleave(4)
        y = nnf.conv2d(nnf.pad(x, (1, 1, 1, 1), mode='replicate'), kernels, bias)
        y = nnf.pixel_shuffle(y, 2)
        height, width = y.shape[2:]
        places = torch.arange(height * width, device=x.device).view(height, width)
        frame = torch.cat([places[0], places[-1], places[:, 0], places[:, -1]])
        y = y.permute(0, 2, 3, 1).flatten(1, 2)  # (B, 2 H * 2 W, out_channels)
        y = y.index_add(1, frame, self._frame(x).transpose(1, 2).to(y.dtype))
        return y.unflatten(1, (height, width)).permute(0, 3, 1, 2)

    def _frame(self, x: Tensor) -> Tensor:
        """What reflection adds to the top and bottom row, left and right column of the output,
        (B, out_channels, 4 * W + 4 * H)."""
        # a corner is reflected both ways
        rows = _edges(x, self.weight, 'replicate')
        columns = _edges(x.transpose(2, 3), self.weight.transpose(2, 3), 'reflect')
        return torch.cat([*rows, *columns], dim=2)


def _edges(x: Tensor, weight: Tensor, padding_mode: str) -> list[Tensor]:
    """What reflection adds to the first and last row of the output, (B, out_channels, 2 * W)."""
    last = x.shape[2] - 1
    outer = x.index_select(2, torch.tensor([0, 1, last - 1, last], device=x.device))
    differences = outer[:, :, 1:2] - outer[:, :, :1], outer[:, :, 2:3] - outer[:, :, 3:]
    rows = [nnf.pad(x.repeat_interleave(2, 3), (2, 2, 0, 0), padding_mode) for x in differences]
    kernels = weight[:, :, :1], weight[:, :, 4:]
    return [nnf.conv2d(row, kernel).squeeze(2) for row, kernel in zip(rows, kernels)]
