"""Instance norm, and layer norm over a whole feature map as in MUNIT's decoder."""

from typing import Any

import torch
from torch import Tensor, nn

PLANE, MAP = (2, 3), (1, 2, 3)  # what of (B, C, H, W) is normalised together


def instance_norm(x: Tensor, eps: float = 1e-5) -> Tensor:
    """Instance norm (x - mean) / sqrt(var + eps) over H and W of (B, C, H, W), biased variance.

    As `nnf.instance_norm` without scale and statistics, in the memory format of x: torch copies a
    channels_last map there and back.

    Raises:
        ValueError: a map of one pixel, which has no variance.
    """
    if x.shape[2] * x.shape[3] < 2:
        raise ValueError(
            f'instance norm of a map of {tuple(x.shape)}: one pixel has no variance; use larger '
            f'images or fewer halvings'
        )
    return _Standardise.apply(x, PLANE, eps)


class InstanceNorm(nn.InstanceNorm2d):
    """`nn.InstanceNorm2d` without running statistics by `instance_norm`."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalised (B, C, H, W)."""
        normed = instance_norm(x, self.eps)
        if self.weight is None:
            return normed
        return torch.addcmul(self.bias.view(-1, 1, 1), normed, self.weight.view(-1, 1, 1))


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
        normed = _Standardise.apply(x, MAP, self.eps)
        return torch.addcmul(self.beta.view(-1, 1, 1), normed, self.gamma.view(-1, 1, 1))


class _Standardise(torch.autograd.Function):
    """(x - mean) r over some dimensions in float32 or above, with a backward pass in closed form.

    Autograd would make a dozen passes over the map of it, and torch's variance over planes or maps
    takes several times a convolution's time on a CPU. A second derivative, for gradient penalties,
    is autograd's of the formula.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, dims: tuple[int, ...], eps: float) -> Tensor:
        normed, mean, r, q = _standardised(x, dims, eps)
        ctx.dims, ctx.eps = dims, eps
        ctx.save_for_backward(x, mean, r, q)
        return normed.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple:
        x, mean, r, q = ctx.saved_tensors
        if torch.is_grad_enabled():  # for a second derivative
            normed = _standardised(x, ctx.dims, ctx.eps)[0].to(x.dtype)
            return *torch.autograd.grad(normed, x, gradient, create_graph=True), None, None
        g, normed = gradient.to(mean.dtype), (x - mean) * r
        along = (g * normed).sum(ctx.dims, keepdim=True)
        g = (g - g.mean(ctx.dims, keepdim=True)).mul_(r)
        return g.addcmul_(normed, along * q, value=-1).to(x.dtype), None, None


def _standardised(
    x: Tensor, dims: tuple[int, ...], eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(x - mean) r, mean, r, and q with dr/dx = -q r (x - mean) r.

    r is 1 / sqrt(var + eps) of planes, with the biased variance, and 1 / (std + eps) of maps, with
    the unbiased one.
    """
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    mean = x.mean(dims, keepdim=True)
    d = x - mean
    count = x[0].numel() if dims == MAP else x[0, 0].numel()
    squares = d.square().sum(dims, keepdim=True)
    if dims == PLANE:
        r = (squares / count + eps).rsqrt()
        return d * r, mean, r, r / count
    std = (squares / (count - 1)).sqrt().clamp_min(1e-30)
    r = 1 / (std + eps)
    return d * r, mean, r, 1 / ((count - 1) * std)
