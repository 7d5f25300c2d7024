import pytest
import torch
import torch.nn.functional as nnf
from torch import nn

from reidgen.models.generators import ResNetGenerator
from reidgen.registry import GENERATORS


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize('num_blocks, parameters', [(9, 11_378_179), (6, 7_837_699)])
def test_the_generator_has_the_published_size_and_keeps_that_of_the_image(num_blocks, parameters):
    with torch.device('meta'):
        generator = ResNetGenerator(num_blocks=num_blocks)
        translated = generator(torch.empty(2, 3, 256, 128))
    assert count(generator) == parameters
    assert translated.shape == (2, 3, 256, 128)


@pytest.mark.slow
def test_the_forward_pass_is_the_layer_table_written_out():
    generator = ResNetGenerator(base_dim=2, num_blocks=1)
    img = torch.rand(2, 3, 16, 8) * 2 - 1

    def conv(layer, x, stride=1, reflect=0, zeros=0):
        x = nnf.pad(x, [reflect] * 4, mode='reflect') if reflect else x
        return nnf.conv2d(x, layer.conv.weight, layer.conv.bias, stride, zeros)

    x = nnf.relu(nnf.instance_norm(conv(generator.down[0], img, reflect=3)))
    x = nnf.relu(nnf.instance_norm(conv(generator.down[1], x, stride=2, zeros=1)))
    x = nnf.relu(nnf.instance_norm(conv(generator.down[2], x, stride=2, zeros=1)))
    assert x.shape == (2, 8, 4, 2)
    block = generator.blocks[0]
    hidden = nnf.relu(nnf.instance_norm(conv(block.conv1, x, reflect=1)))
    x = x + nnf.instance_norm(conv(block.conv2, hidden, reflect=1))
    for layer, _, _ in generator.up:
        x = nnf.conv_transpose2d(x, layer.weight, layer.bias, 2, 1, output_padding=1)
        x = nnf.relu(nnf.instance_norm(x))
    expected = torch.tanh(conv(generator.image, x, reflect=3))

    torch.testing.assert_close(generator(img), expected)


def test_nearest_doubles_and_then_convolves():
    generator = ResNetGenerator(base_dim=2, num_blocks=1, upsample='nearest')
    code = generator.blocks(generator.down(torch.rand(1, 3, 16, 8) * 2 - 1))
    x = code
    for _, block in generator.up:
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        x = nnf.conv2d(nnf.pad(x, [1] * 4, mode='reflect'), block.conv.weight, block.conv.bias)
        x = nnf.relu(nnf.instance_norm(x))
    torch.testing.assert_close(generator.up(code), x)
    with pytest.raises(ValueError, match="upsample is 'bilinear'; choose one of transposed"):
        ResNetGenerator(upsample='bilinear')


def test_every_convolution_starts_small_with_bias_zero():
    generator = ResNetGenerator(base_dim=16, num_blocks=1)
    convs = [m for m in generator.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convs) == 8
    assert all(conv.bias.abs().max() == 0 for conv in convs)
    assert [conv.weight.std().item() for conv in convs] == pytest.approx([0.02] * 8, rel=0.1)


def test_affine_norms_start_near_one():
    generator = ResNetGenerator(base_dim=64, num_blocks=9, affine=True)
    scales = torch.cat(
        [m.weight.detach() for m in generator.modules() if isinstance(m, nn.InstanceNorm2d)]
    )
    assert len(scales) == 64 + 128 + 256 + 18 * 256 + 128 + 64
    assert scales.mean().item() == pytest.approx(1, abs=0.002)
    assert scales.std().item() == pytest.approx(0.02, rel=0.1)


def test_dropout_acts_in_training_alone():
    generator = ResNetGenerator(base_dim=2, num_blocks=2, dropout=0.5)
    img = torch.rand(1, 3, 16, 8)
    assert not torch.equal(generator(img), generator(img))
    generator.eval()
    assert torch.equal(generator(img), generator(img))


@pytest.mark.parametrize('size', [(30, 16), (16, 10), (16, 4)])
def test_a_size_that_would_not_come_back_is_refused(size):
    with pytest.raises(ValueError, match=rf'{size[0]} x {size[1]} twice; .* multiples of 4'):
        ResNetGenerator(base_dim=1, num_blocks=1)(torch.zeros(1, 3, *size))


def test_a_config_builds_the_generator_and_zero_blocks_are_refused():
    generator = GENERATORS.build({'type': 'ResNetGenerator', 'base_dim': 4, 'num_blocks': 2})
    assert generator(torch.zeros(1, 3, 8, 8)).abs().max() <= 1
    with pytest.raises(ValueError, match='num_blocks is 0; set 1 or more'):
        ResNetGenerator(num_blocks=0)


def test_a_residual_generator_changes_the_image_white_and_black_too():
    torch.manual_seed(0)
    generator = ResNetGenerator(base_dim=8, num_blocks=1, residual=True)
    img = torch.rand(1, 3, 16, 8) * 2 - 1
    img[..., :4, :], img[..., 4:8, :] = 1, -1
    translated = generator(img)
    assert translated.abs().max() < 1
    assert (translated - img).abs().mean() < 0.25
    with torch.no_grad():
        for parameter in generator.image.parameters():
            parameter.zero_()
        torch.testing.assert_close(generator(img), 0.95 * img)
    # a change of the last layer reaches white and black pixels
    slope = torch.autograd.grad(generator(img)[..., :8, :].abs().sum(), generator.image.conv.weight)
    assert slope[0].abs().sum() > 0


def test_without_norm_a_generator_starts_as_the_image_and_every_layer_learns():
    generator = ResNetGenerator(base_dim=4, num_blocks=2, residual=True, norm=None)
    assert not [m for m in generator.modules() if isinstance(m, nn.InstanceNorm2d)]
    img = torch.rand(1, 3, 16, 8) * 2 - 1
    torch.testing.assert_close(generator(img), 0.95 * img)
    optimizer = torch.optim.Adam(generator.parameters(), lr=1e-3)
    before = {name: p.detach().clone() for name, p in generator.named_parameters()}
    for _ in range(4):
        optimizer.zero_grad()
        (generator(img) + img).abs().mean().backward()
        optimizer.step()
    assert all((p != before[name]).any() for name, p in generator.named_parameters())
    for wrong in (dict(norm='batch'), dict(norm=None), dict(norm=None, residual=True, affine=True)):
        with pytest.raises(ValueError, match="choose 'instance', or None with residual=True"):
            ResNetGenerator(**wrong)
