"""Layers written for speed, against torch's own."""

import pytest
import torch
import torch.nn.functional as nnf
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from reidgen.losses import GradientPenalty
from reidgen.models.discriminators.patch import MultiScaleDiscriminator
from reidgen.models.layers import ImageLayerNorm, conv_block
from reidgen.models.layers.norm import InstanceNorm, instance_norm
from reidgen.models.layers.upsampled_conv import UpsampledConv2d
from reidgen.rng import StepRNG


def assert_equal_with_gradients(layer, reference, x, parameters):
    """Outputs and gradients of x and parameters agree to rounding in float64."""
    y, expected = layer(x), reference(x)
    weights = torch.randn_like(expected)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    for ours, theirs in zip(
        torch.autograd.grad(y, [x, *parameters], weights),
        torch.autograd.grad(expected, [x, *parameters], weights),
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize('size', [(5, 4), (2, 2), (3, 7)])
def test_upsampled_convolution_is_that_of_the_upsampled_and_reflected_map(size):
    layer = UpsampledConv2d(3, 4).double()

    def reference(x):
        up = nnf.pad(nnf.interpolate(x, scale_factor=2), (2, 2, 2, 2), mode='reflect')
        return nnf.conv2d(up, layer.weight, layer.bias)

    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    assert_equal_with_gradients(layer, reference, x, list(layer.parameters()))


def test_upsampled_convolution_takes_about_nine_of_twenty_five_products():
    layer, x = UpsampledConv2d(16, 8), torch.randn(1, 16, 64, 32)
    with FlopCounterMode(display=False) as counter:
        layer(x)
    full = 2 * 8 * 16 * 25 * 128 * 64
    assert 9 / 25 < counter.get_total_flops() / full < 0.45  # with the frame


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_instance_norm_is_torchs_in_the_memory_format_of_the_map(memory_format):
    layer = InstanceNorm(3, affine=True).double()
    torch.nn.init.normal_(layer.weight)
    x = torch.randn(2, 3, 5, 4, dtype=torch.float64).contiguous(memory_format=memory_format)
    assert layer(x).is_contiguous(memory_format=memory_format)

    def reference(x):
        return nnf.instance_norm(x, weight=layer.weight, bias=layer.bias)

    assert_equal_with_gradients(layer, reference, x.requires_grad_(), list(layer.parameters()))


@pytest.mark.parametrize('norm', [instance_norm, ImageLayerNorm(3).double()])
def test_first_and_second_derivatives_of_norms_are_those_of_differences(norm):
    x = torch.randn(2, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(norm, x)
    torch.autograd.gradgradcheck(norm, x)


def test_a_constant_map_has_a_finite_gradient_under_either_norm():
    x = torch.full((1, 3, 4, 4), 2.0, requires_grad=True)
    for norm in (instance_norm, ImageLayerNorm(3)):
        (gradient,) = torch.autograd.grad(norm(x).sum(), x)
        assert torch.isfinite(gradient).all()


def test_instance_norm_of_one_pixel_is_refused_with_its_shape():
    with pytest.raises(ValueError, match=r'\(2, 3, 1, 1\).*no variance'):
        instance_norm(torch.zeros(2, 3, 1, 1))


def plain(block):
    """The layers of a conv_block, of torch's classes, with the same weights."""
    conv = block.conv
    same = torch.nn.Conv2d(
        conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, dilation=conv.dilation
    )
    same.weight, same.bias = conv.weight, conv.bias
    padding = torch.nn.ReflectionPad2d(block.padding_layer.padding)
    return torch.nn.Sequential(padding, same, torch.nn.LeakyReLU(0.2))


@pytest.mark.parametrize('options', [dict(stride=2), dict(dilation=2), dict()])
def test_gradient_of_a_penalty_is_that_of_torchs_layers(options):
    blocks = [conv_block(3, 4, 3, **options).double(), conv_block(4, 2, 3).double()]
    parameters = [p for block in blocks for p in block.parameters()]
    real = torch.randn(2, 3, 9, 8, dtype=torch.float64)
    penalty, gradients = GradientPenalty(kind='r1'), []
    for network in (torch.nn.Sequential(*blocks), torch.nn.Sequential(*map(plain, blocks))):
        # .float() in the penalty: the sum of squares alone is rounded to float32 and back
        out = penalty('x', lambda x, net=network: net(x.double()), real, real, rng=StepRNG())
        found = torch.autograd.grad(out['gp.x'], parameters, allow_unused=True)
        gradients.append(
            [torch.zeros_like(p) if g is None else g for g, p in zip(found, parameters)]
        )
    for ours, theirs in zip(*gradients):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-9)
    assert sum(float(g.abs().sum()) for g in gradients[0]) > 0.01


def test_a_penalty_has_no_backward_pass_of_zeros_and_no_kernel_as_large_as_the_map():
    discriminator = MultiScaleDiscriminator(num_scales=1, base_dim=4, num_res_blocks=1)
    convolutions = sum(isinstance(m, torch.nn.Conv2d) for m in discriminator.modules())
    real = torch.randn(2, 3, 16, 16)
    with profile(activities=[ProfilerActivity.CPU]) as record:
        out = GradientPenalty(kind='r1')('x', discriminator, real, real, rng=StepRNG())
        out['gp.x'].backward()
    counts = {event.key: event.count for event in record.key_averages()}
    # the image's gradient, and of that the derivative of the weights, for which it goes forward
    # through all but the last
    assert counts['aten::convolution_backward'] == 2 * convolutions
    assert counts['aten::convolution'] == 2 * convolutions - 1
