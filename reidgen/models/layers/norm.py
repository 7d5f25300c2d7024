"""Layer norm over a whole feature map, as in MUNIT's decoder."""

import torch
from torch import Tensor, nn


class ImageLayerNorm(nn.Module):
    """Layer norm (x - mean) / (std + eps) over C, H, W, then scale and shift per channel.

    Of MUNIT (Huang et al., ECCV 2018) and DG-Net (Zheng et al., CVPR 2019). Differs from
    `nn.LayerNorm`: the standard deviation is the unbiased one, eps is added to it and not to the
    variance, and gamma starts uniform in [0, 1).
    """

    _abbr_ = 'layer_norm'  # its attribute in mmcv's ConvModule, where `norm` is taken

    def __init__(self, num_channels: int, eps: float = 1e-5):
        super().__init__()
        self.eps = eps
        # not `weight` and `bias`: mmcv's ConvModule would set those to 1 and 0
        self.gamma = nn.Parameter(torch.rand(num_channels))
        self.beta = nn.Parameter(torch.zeros(num_channels))

    def forward(self, x: Tensor) -> Tensor:
        std, mean = torch.std_mean(x.float(), dim=(1, 2, 3), keepdim=True)  # (B, 1, 1, 1)
        normed = ((x - mean) / (std + self.eps)).to(x.dtype)
        return normed * self.gamma.view(-1, 1, 1) + self.beta.view(-1, 1, 1)
