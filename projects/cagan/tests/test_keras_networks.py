import pytest
import torch
import torch.nn.functional as nnf
from swap_pictures import Batch
from torch import nn

from projects.cagan.cagan import KerasCAGANDiscriminator, KerasCAGANGenerator


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def inputs_of(network: KerasCAGANGenerator, pictures) -> list[torch.Tensor]:
    """Inputs of the convolutions, in order."""
    given = []
    hooks = [
        layer.register_forward_hook(lambda layer, args, out: given.append(args[0]))
        for layer in [*network.down, *network.up, network.last]
    ]
    network(*pictures)
    for hook in hooks:
        hook.remove()
    return given


def test_parameters_are_those_of_the_table():
    kernels = 16 * (
        9 * 64  # encoder
        + 70 * 128
        + 134 * 256
        + 262 * 512
        + 518 * 256  # decoder
        + 518 * 128
        + 262 * 64
        + 70 * 32
        + 32 * 4
    )
    norms = 2 * (128 + 256 + 512 + 256 + 128 + 64 + 32)
    with torch.device('meta'):
        generator, discriminator = KerasCAGANGenerator(), KerasCAGANDiscriminator()
    assert count(generator) == kernels + norms == 6_339_264
    kernels = 16 * (6 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 1)
    norms, biases = 2 * (128 + 256 + 512), 64 + 1
    assert count(discriminator) == kernels + norms + biases == 2_768_705


def test_features_and_maps_have_the_sizes_of_the_table():
    with torch.device('meta'):
        network, discriminator = KerasCAGANGenerator(), KerasCAGANDiscriminator()
        x, pairs = torch.zeros(1, 3, 128, 96), torch.zeros(1, 6, 128, 96)
    given = [tuple(each.shape[1:]) for each in inputs_of(network, (x, x, x))]
    assert given == [
        (9, 128, 96),
        (70, 64, 48),
        (134, 32, 24),
        (262, 16, 12),
        (518, 8, 6),
        (518, 16, 12),
        (262, 32, 24),
        (70, 64, 48),
        (32, 128, 96),
    ]
    alpha, candidate = network(x, x, x)
    assert (alpha.shape, candidate.shape) == ((1, 1, 128, 96), (1, 3, 128, 96))
    assert discriminator(pairs).shape == (1, 1, 14, 10)


def test_person_and_worn_garment_are_averaged_into_encoder_and_decoder():
    network, (person, worn, wanted) = KerasCAGANGenerator(base_dim=4), Batch().pairs
    given = inputs_of(network, (person, worn, wanted))
    # layer -> how many pixels each way are averaged
    for layer, factor in ((1, 2), (2, 4), (3, 8), (4, 16), (5, 8), (6, 4)):
        blocks = torch.cat([person, worn], 1).unflatten(3, (-1, factor)).unflatten(2, (-1, factor))
        torch.testing.assert_close(given[layer][:, -6:], blocks.mean(dim=(3, 5)))
    # before the last doubling the pictures are rectified with the features
    blocks = torch.cat([person, worn], 1).unflatten(3, (-1, 2)).unflatten(2, (-1, 2))
    torch.testing.assert_close(given[7][:, -6:], blocks.mean(dim=(3, 5)).clamp(min=0))
    assert given[7].min() == 0


def test_skips_are_rectified_and_join_the_first_two_doublings_alone():
    network, pictures = KerasCAGANGenerator(base_dim=4), Batch().pairs
    given = inputs_of(network, pictures)
    for up, down in ((5, 2), (6, 1)):
        skip = network.down[down](given[down])
        half = skip.shape[1]
        torch.testing.assert_close(given[up][:, half : 2 * half], nnf.relu(skip))
        before = network.up[up - 5](given[up - 1])
        torch.testing.assert_close(given[up][:, :half], nnf.relu(before))
    torch.testing.assert_close(given[7][:, :4], nnf.relu(network.up[2](given[6])))
    torch.testing.assert_close(given[8], network.up[3](given[7]))  # no ReLU before the last
    assert given[8].min() < 0


def test_the_last_kernel_reaches_one_pixel_back_and_two_ahead():
    network = KerasCAGANGenerator(base_dim=4)
    point = torch.zeros(1, 2, 8, 8)
    point[..., 4, 4] = 1
    nn.init.ones_(network.last[1].weight)
    rows = network.last(point)[0, 0].sum(dim=1).nonzero().flatten().tolist()
    assert rows == [2, 3, 4, 5]  # a pixel at r sees rows r - 1 to r + 2


def test_alpha_and_picture_keep_their_range_whatever_the_weights():
    torch.manual_seed(0)
    network = KerasCAGANGenerator(base_dim=4)
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    alpha, candidate = network(*Batch().pairs)
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    assert alpha.std() > 0.1
    assert candidate.abs().max() <= 1


def test_the_discriminator_normalises_by_the_batch_in_training_and_test():
    torch.manual_seed(0)
    network, pairs = KerasCAGANDiscriminator(base_dim=4), torch.rand(2, 6, 32, 32)
    trained = network(pairs)
    assert torch.equal(network.eval()(pairs), trained)
    other = torch.cat([pairs[:1], pairs[1:] * 3])
    assert not torch.allclose(network(other)[0], trained[0])  # statistics are the batch's
    assert not any('running' in key for key in network.state_dict())


def test_least_squares_take_the_logits_of_the_same_discriminator():
    networks = [KerasCAGANDiscriminator(base_dim=4, sigmoid=sigmoid) for sigmoid in (True, False)]
    networks[1].load_state_dict(networks[0].state_dict())
    pairs = torch.rand(2, 6, 32, 32)
    probabilities, logits = (network(pairs) for network in networks)
    torch.testing.assert_close(probabilities, 1 / (1 + torch.exp(-logits)))


@pytest.mark.parametrize(
    'network, kind',
    [(KerasCAGANGenerator(), nn.InstanceNorm2d), (KerasCAGANDiscriminator(), nn.BatchNorm2d)],
    ids=['G', 'D'],
)
def test_scales_of_norms_start_near_one(network, kind):
    scales = torch.cat([layer.weight for layer in network.modules() if isinstance(layer, kind)])
    assert len(scales) >= 896
    assert scales.mean().item() == pytest.approx(1, abs=0.005)
    assert scales.std().item() == pytest.approx(0.02, rel=0.15)


def test_pictures_that_cannot_be_halved_four_times_are_refused():
    with pytest.raises(ValueError, match=r'pictures are 128 x 100; .* multiples of 16'):
        KerasCAGANGenerator(base_dim=4)(*torch.zeros(3, 1, 3, 128, 100))


def test_pictures_without_a_patch_are_refused():
    network = KerasCAGANDiscriminator(base_dim=4)
    assert network(torch.zeros(2, 6, 32, 32)).shape == (2, 1, 2, 2)
    with pytest.raises(ValueError, match=r'pictures are 32 x 16, too small for .* 32 or more'):
        network(torch.zeros(2, 6, 32, 16))
