import math
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf
from mmcv.cnn import ConvModule
from torch import nn

from reidgen.models.layers import (
    ASPP,
    AdaINResidualBlock,
    ImageLayerNorm,
    ResidualBlock,
    adain,
    conv_block,
    kaiming_init,
    normal_init,
)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_adain_with_weight_one_and_bias_zero_is_the_instance_norm():
    x = torch.randn(2, 3, 5, 4)
    expected = np.empty(x.shape, dtype=np.float32)
    for b in range(2):
        for c in range(3):
            plane = x[b, c].numpy()
            expected[b, c] = (plane - plane.mean()) / np.sqrt(plane.var() + 1e-5)  # biased variance

    translated = adain(x, torch.ones(2, 3), torch.zeros(2, 3))

    assert torch.allclose(translated, nnf.instance_norm(x), atol=1e-6)
    assert np.allclose(translated, expected, atol=1e-5)


def test_adain_with_weight_zero_leaves_the_bias_everywhere():
    bias = torch.randn(2, 3)
    translated = adain(torch.randn(2, 3, 5, 4), torch.zeros(2, 3), bias)
    assert torch.equal(translated, bias[:, :, None, None].expand(2, 3, 5, 4))


def test_adain_weights_each_sample_by_its_own_numbers():
    x = torch.randn(1, 2, 4, 4).repeat(2, 1, 1, 1)
    weight = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
    translated = adain(x, weight, torch.zeros(2, 2))
    assert torch.allclose(translated[1, 0], 3 * translated[0, 0], atol=1e-6)
    assert torch.allclose(translated[1, 1], -0.5 * translated[0, 1], atol=1e-6)


def test_adain_block_adds_two_modulated_convolutions():
    block = AdaINResidualBlock(3)
    x, params = torch.randn(2, 3, 6, 5), torch.randn(2, 2, 2, 3)

    def conv(module, x):
        return nnf.conv2d(
            nnf.pad(x, (1, 1, 1, 1), mode='reflect'), module.conv.weight, module.conv.bias
        )

    hidden = adain(conv(block.conv1, x), params[:, 0, 0], params[:, 0, 1])
    hidden = torch.where(hidden > 0, hidden, 0.2 * hidden)
    expected = x + adain(conv(block.conv2, hidden), params[:, 1, 0], params[:, 1, 1])
    assert torch.allclose(block(x, params), expected, atol=1e-5)


def test_image_layer_norm_divides_by_the_unbiased_std_of_the_sample():
    norm = ImageLayerNorm(3)
    with torch.no_grad():
        norm.gamma.copy_(torch.tensor([1.0, 2.0, 0.5]))
        norm.beta.copy_(torch.tensor([0.0, 1.0, -1.0]))
    x = 5 * torch.randn(2, 3, 4, 2) + 7
    for b in range(2):
        sample = x[b].double().numpy()
        normed = (sample - sample.mean()) / (sample.std(ddof=1) + 1e-5)
        expected = (
            normed * np.array([1, 2, 0.5])[:, None, None] + np.array([0, 1, -1])[:, None, None]
        )
        assert np.allclose(norm(x)[b].detach(), expected, atol=1e-5)


def test_image_layer_norm_starts_with_gamma_uniform_and_beta_zero_inside_a_block():
    norm = conv_block(2, 1000, 1, norm='layer').norm
    assert norm.gamma.min() >= 0
    assert norm.gamma.max() < 1
    assert norm.gamma.mean().item() == pytest.approx(0.5, abs=0.05)  # mmcv has not set it to 1
    assert torch.equal(norm.beta, torch.zeros(1000))


def test_image_layer_norm_has_a_finite_gradient_on_a_constant_map():
    x = torch.ones(1, 2, 3, 3, requires_grad=True)
    ImageLayerNorm(2)(x).square().sum().backward()
    assert x.grad.isfinite().all()


def test_conv_block_pads_by_reflection_and_keeps_the_size_at_any_dilation():
    x = torch.randn(1, 2, 9, 8)
    for kernel_size, dilation, padding in [(3, 1, 1), (5, 1, 2), (3, 3, 3)]:
        block = conv_block(2, 3, kernel_size, dilation=dilation, activate=False)
        padded = nnf.pad(x, (padding,) * 4, mode='reflect')
        expected = nnf.conv2d(padded, block.conv.weight, block.conv.bias, dilation=dilation)
        assert torch.allclose(block(x), expected, atol=1e-6)
        assert block(x).shape == (1, 3, 9, 8)


def test_conv_block_has_a_bias_before_an_idle_norm_and_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        block = conv_block(2, 3, 3, norm='instance')
    assert block.conv.bias is not None
    assert list(block.norm.parameters()) == []
    assert list(block.norm.buffers()) == []


def test_conv_block_silences_no_one_elses_warning():
    conv_block(2, 3, 3, norm='instance')
    with pytest.warns(UserWarning, match='Unnecessary conv bias'):
        ConvModule(2, 3, 3, bias=True, norm_cfg={'type': 'IN'})


def test_conv_block_names_the_norms_it_knows():
    with pytest.raises(
        ValueError,
        match="norm is 'batch'; choose one of None, instance, instance_affine, layer",
    ):
        conv_block(2, 3, 3, norm='batch')


def test_conv_block_slopes_negative_values_by_a_fifth():
    block = conv_block(1, 1, 1)
    with torch.no_grad():
        block.conv.weight.fill_(1)
        block.conv.bias.zero_()
    assert torch.allclose(block(torch.tensor([[[[-5.0, 5.0]]]])), torch.tensor([[[[-1.0, 5.0]]]]))


def test_residual_block_is_the_identity_when_its_last_convolution_is_zero():
    block = ResidualBlock(3)
    nn.init.zeros_(block.conv2.conv.weight)
    nn.init.zeros_(block.conv2.conv.bias)
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(block(x), x)  # no activation after the sum either: x has negative values


def test_aspp_sees_as_far_as_its_largest_dilation():
    aspp = ASPP(1, 2, 4, dilations=(1, 3))
    for module in aspp.modules():  # norms spread every pixel over the whole map: take them out
        if isinstance(module, ConvModule):
            module.norm_cfg, module.with_norm = None, False
            nn.init.ones_(module.conv.weight)
    x = torch.zeros(1, 1, 15, 15, requires_grad=True)
    out = aspp(x)
    assert out.shape == (1, 4, 15, 15)
    out[0, 0, 7, 7].backward()
    seen = x.grad[0, 0].nonzero()
    assert seen.min().item() == 7 - 3
    assert seen.max().item() == 7 + 3
    assert len(seen) == 1 + 8 + 8  # the point, ring of dilation 1, ring of dilation 3


def test_aspp_names_the_dilations_that_would_fit_a_small_map():
    with pytest.raises(
        ValueError, match=r'map of 16 x 8 .* dilation 9; set dilations to values below 8'
    ):
        ASPP(4, 2, 4)(torch.randn(1, 4, 16, 8))


def test_starting_weights_have_the_spread_they_are_named_for():
    net = nn.Sequential(nn.Conv2d(16, 64, 3), nn.Linear(256, 64))
    kaiming_init(net)
    assert net[0].weight.std().item() == pytest.approx(math.sqrt(2 / (16 * 9)), rel=0.05)
    assert net[1].weight.std().item() == pytest.approx(math.sqrt(2 / 256), rel=0.05)
    normal_init(net)
    assert net[0].weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not any(layer.bias.any() for layer in net)


def test_conv_block_pads_with_zeros_and_ends_in_relu_on_request():
    block = conv_block(1, 2, 3, activation='relu', padding_mode='zeros')
    x = torch.randn(1, 1, 4, 5)
    expected = nnf.relu(nnf.conv2d(x, block.conv.weight, block.conv.bias, padding=1))
    assert torch.equal(block(x), expected)
    with pytest.raises(ValueError, match=r"activation is 'elu' .*choose one of lrelu, relu"):
        conv_block(1, 2, 3, activation='elu')
