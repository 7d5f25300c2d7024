"""Layers whose second derivative is zero and is not computed.

Torch's return a tensor of zeros for it, and a gradient penalty then carries the zeros through one
more backward pass of the whole discriminator.
"""

from typing import Any

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn


class LeakyReLU(nn.LeakyReLU):
    """`nn.LeakyReLU` whose slope is a constant of the derivative, as it is almost everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        """Map of any shape; overwrites x if `inplace`."""
        return _LeakyReLU.apply(x, self.negative_slope, self.inplace)


class ReflectionPad2d(nn.ReflectionPad2d):
    """`nn.ReflectionPad2d`, which is linear."""

    def forward(self, x: Tensor) -> Tensor:
        """Padded (B, C, H, W)."""
        return _ReflectionPad2d.apply(x, self.padding)


class _LeakyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float, inplace: bool) -> Tensor:
        y = nnf.leaky_relu(x, slope, inplace)
        if inplace:
            ctx.mark_dirty(x)
        ctx.slope = slope
        ctx.save_for_backward(y)
        ctx.set_materialize_grads(False)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None) -> tuple:
        if gradient is None:
            return None, None, None
        (y,) = ctx.saved_tensors
        return torch.ops.aten.leaky_relu_backward(gradient, y.detach(), ctx.slope, True), None, None


class _ReflectionPad2d(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
        ctx.padding = padding
        ctx.save_for_backward(x)
        ctx.set_materialize_grads(False)
        return nnf.pad(x, padding, 'reflect')

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None) -> tuple:
        if gradient is None:
            return None, None
        (x,) = ctx.saved_tensors  # for its shape; autocast may pad in float32
        shape = x.detach().to(gradient.dtype)
        padded = torch.ops.aten.reflection_pad2d_backward(gradient, shape, ctx.padding)
        return padded.to(x.dtype), None
