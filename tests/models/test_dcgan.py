"""DCGAN's generator and discriminator: sizes, layers and start."""

import pytest
import torch
import torch.nn.functional as nnf
from torch import nn

from reidgen.models.discriminators import DCGANDiscriminator
from reidgen.models.generators import DCGANGenerator

PAPER = dict(kernel_size=4, bias=False)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    'image_size, generator, discriminator',
    [
        ((64, 64), 5_364_739, 4_316_545),
        ((128, 256), 12_762_115, 4_373_889),
        ((256, 256), 21_216_259, 4_439_425),
        ((218, 178), 15_404_035, 4_394_369),
    ],
)
def test_the_networks_of_dcgan_tensorflow_have_its_parameters(image_size, generator, discriminator):
    with torch.device('meta'):
        assert count(DCGANGenerator(image_size, latent_dim=128)) == generator
        assert count(DCGANDiscriminator(image_size)) == discriminator


def test_the_networks_of_the_paper_have_its_parameters():
    with torch.device('meta'):
        generator = DCGANGenerator((64, 64), base_dim=128, **PAPER)
        assert count(generator) == 12_658_432
        assert count(DCGANDiscriminator((64, 64), **PAPER)) == 2_765_568
        assert generator.stages[0][0].weight.shape == (1024, 512, 4, 4)


def test_the_maps_of_lsro_are_those_of_its_table():
    with torch.device('meta'):
        generator, discriminator = DCGANGenerator((128, 128)), DCGANDiscriminator((128, 128))
        shapes = []
        for network in (generator, discriminator):
            for stage in network.stages:
                stage.register_forward_hook(lambda *given: shapes.append(tuple(given[2].shape[1:])))
        discriminator(generator(torch.empty(2, 100)))
    assert generator.linear.weight.shape == (512 * 8 * 8, 100)
    assert shapes[:4] == [(256, 16, 16), (128, 32, 32), (64, 64, 64), (3, 128, 128)]
    assert shapes[4:] == [(64, 64, 64), (128, 32, 32), (256, 16, 16), (512, 8, 8)]
    assert discriminator.logit.weight.shape == (1, 32768)


@pytest.mark.parametrize('image_size', [(64, 64), (128, 256), (218, 178), (51, 37)])
def test_images_have_the_size_asked_for_and_values_from_minus_one_to_one(image_size):
    generator = DCGANGenerator(image_size, latent_dim=8, base_dim=2)
    for layer in generator.stages[-1:]:
        nn.init.normal_(layer.weight)  # so large that tanh ends at both
    img = generator(torch.randn(2, 8))
    assert img.shape == (2, 3, *image_size)
    assert -1 <= img.min() < -0.9
    assert 0.9 < img.max() <= 1


@pytest.mark.parametrize('kernel_size', [3, 4, 5])
def test_the_layers_written_out_give_the_same(kernel_size):
    size, padding = (24, 16), (kernel_size - 1) // 2
    generator = DCGANGenerator(size, 8, 1, base_dim=2, num_stages=2, kernel_size=kernel_size)
    discriminator = DCGANDiscriminator(size, 1, base_dim=2, num_stages=2, kernel_size=kernel_size)
    for parameter in (*generator.parameters(), *discriminator.parameters()):
        nn.init.normal_(parameter)  # biases and scales too

    def normed(x, norm):
        return nnf.batch_norm(x, None, None, norm.weight, norm.bias, training=True)

    def doubled(x, conv):
        return nnf.conv_transpose2d(
            x, conv.weight, conv.bias, 2, padding, output_padding=kernel_size % 2
        )

    z, g, d = torch.randn(3, 8), generator, discriminator
    x = (z @ g.linear.weight.t() + g.linear.bias).view(3, 4, 6, 4)
    x = nnf.relu(normed(x, g.norm))
    x = nnf.relu(normed(doubled(x, g.stages[0][0]), g.stages[0][1]))
    img = torch.tanh(doubled(x, g.stages[1]))
    torch.testing.assert_close(generator(z), img)

    def halved(x, conv):
        return nnf.conv2d(x, conv.weight, conv.bias, 2, padding)

    x = nnf.leaky_relu(halved(img, d.stages[0][0]), 0.2)
    x = nnf.leaky_relu(normed(halved(x, d.stages[1][0]), d.stages[1][1]), 0.2)
    expected = x.flatten(1) @ d.logit.weight.t() + d.logit.bias
    torch.testing.assert_close(discriminator(img), expected)


def test_first_discriminator_and_last_generator_layer_are_the_only_ones_without_batch_norm():
    generator, discriminator = DCGANGenerator((64, 32)), DCGANDiscriminator((64, 32))
    normed = [
        [any(isinstance(m, nn.BatchNorm2d) for m in stage.modules()) for stage in network.stages]
        for network in (generator, discriminator)
    ]
    assert normed == [[True, True, True, False], [False, True, True, True]]
    assert isinstance(generator.norm, nn.BatchNorm2d)


def test_the_discriminator_gives_logits_one_an_image():
    discriminator = DCGANDiscriminator((64, 32), base_dim=2)
    nn.init.normal_(discriminator.logit.weight, std=10.0)
    logits = discriminator(torch.randn(16, 3, 64, 32))
    assert logits.shape == (16, 1)
    assert logits.min() < 0
    assert logits.max() > 1


@pytest.mark.slow
def test_weights_start_with_a_deviation_of_two_hundredths():
    generator, discriminator = DCGANGenerator((64, 32)), DCGANDiscriminator((64, 32))
    for layer in (*generator.modules(), *discriminator.modules()):
        if isinstance(layer, nn.ConvTranspose2d | nn.Linear | nn.Conv2d):
            # of a normal distribution cut at two deviations: 0.8796 times as wide
            cut = isinstance(layer, nn.Conv2d)
            expected = 0.02 * 0.8796 if cut else 0.02
            assert layer.weight.std().item() == pytest.approx(expected, rel=0.05)
            assert (layer.weight.abs().max() <= 0.04) == cut
            assert layer.bias.abs().max() == 0
        elif isinstance(layer, nn.BatchNorm2d):
            assert torch.equal(layer.weight, torch.ones_like(layer.weight))
            assert (layer.eps, layer.momentum) == (1e-5, 0.1)


@pytest.mark.parametrize('network', [DCGANGenerator, DCGANDiscriminator])
def test_sizes_that_cannot_be_halved_are_refused_with_the_fix(network):
    with pytest.raises(ValueError, match=r'9 x 40 cannot be halved 5 times; lower num_stages'):
        network((9, 40), num_stages=5)
    with pytest.raises(ValueError, match=r'51 x 38 .* which need even sides.*set kernel_size=5'):
        network((51, 38), kernel_size=4)
    with pytest.raises(ValueError, match='num_stages is 0'):
        network((64, 32), num_stages=0)


def test_the_discriminator_refuses_images_of_another_size():
    with pytest.raises(ValueError, match=r'32 x 64 is given .* image_size=\(64, 32\)'):
        DCGANDiscriminator((64, 32), base_dim=2)(torch.zeros(1, 3, 32, 64))
