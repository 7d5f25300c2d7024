"""Convolution for discriminators with a gradient penalty."""

from typing import Any

import torch
from torch import Tensor, nn

from reidgen.gradients import of_images

backward = torch.ops.aten.convolution_backward


class TwiceConv2d(nn.Conv2d):
    """`nn.Conv2d` whose second derivative takes as long as the first.

    Torch computes the weight's part of it by a convolution with kernels as large as the map, in a
    memory format of its own; it is the weight gradient of a convolution of the penalty's gradient.
    So it is computed where the first derivative was taken under `image_gradients`.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, out_channels, H, W) of a map padded beforehand, or by zeros."""
        if self.padding_mode != 'zeros' or not of_images():
            return super().forward(x)
        return _Conv2d.apply(x, self.weight, self.bias, self.stride, self.padding, self.dilation)


class _Conv2d(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, *geometry: Any) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry, ctx.bias_sizes = geometry, None if bias is None else [len(bias)]
        ctx.set_materialize_grads(False)
        return torch.conv2d(x, weight, bias, *geometry)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor | None) -> tuple:
        if gradient is None:
            return (None,) * 6
        x, weight = ctx.saved_tensors
        if of_images():
            return _InputGradient.apply(gradient, x.detach(), weight, ctx.geometry), *(None,) * 5
        mask = ctx.needs_input_grad[:3]
        found = backward(gradient, x, weight, ctx.bias_sizes, *_full(ctx.geometry), mask)
        return *found, None, None, None


class _InputGradient(torch.autograd.Function):
    """Gradient of a convolution's input, which is linear in the gradient of its output."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor, weight: Tensor, geometry: tuple) -> Tensor:
        ctx.save_for_backward(gradient, weight)
        ctx.geometry = geometry
        return backward(gradient, x, weight, None, *_full(geometry), [True, False, False])[0]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, second: Tensor) -> tuple:
        gradient, weight = ctx.saved_tensors
        of_gradient = of_weight = None
        if ctx.needs_input_grad[0]:
            of_gradient = torch.conv2d(second, weight, None, *ctx.geometry)
        if ctx.needs_input_grad[2]:
            mask = [False, True, False]
            of_weight = backward(gradient, second, weight, None, *_full(ctx.geometry), mask)[1]
        return of_gradient, None, of_weight, None


def _full(geometry: tuple) -> tuple:
    """Stride, padding and dilation as `convolution_backward` takes them, and no transposition."""
    return *geometry, False, (0, 0), 1
