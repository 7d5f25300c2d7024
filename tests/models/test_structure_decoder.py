"""Structure encoder, stripe decoder and strided discriminator: the networks for small pictures."""

import pytest
import torch

from reidgen.registry import build_network

STRUCTURE = dict(type='StructureEncoder', in_channels=2, out_dim=8)
DECODER = dict(type='StripeAdaINDecoder', content_dim=24, num_parts=4, base_dim=8, num_res_blocks=1)


def test_structure_comes_at_three_sizes():
    code = build_network(STRUCTURE)(torch.rand(2, 2, 32, 16))
    assert [tuple(level.shape) for level in code[:3]] == [
        *((2, 2, 32, 16), (2, 4, 16, 8), (2, 8, 8, 4))
    ]


def test_structure_refuses_sizes_that_cannot_be_restored():
    with pytest.raises(ValueError, match='30 x 16; both must be multiples of 4'):
        build_network(STRUCTURE)(torch.rand(1, 2, 30, 16))


def test_structure_knows_the_height_in_the_picture():
    # instance norm maps any constant picture to zeros; only the height ramp is left to see
    quarter = build_network(STRUCTURE)(torch.zeros(1, 2, 64, 32)).quarter
    assert (quarter[:, :, 2] - quarter[:, :, -3]).abs().max() > 1e-3


def test_decoder_gives_images_of_the_size_of_the_map():
    pose = build_network(STRUCTURE)(torch.rand(2, 2, 32, 16))
    assert build_network(DECODER)(pose, torch.randn(2, 24)).shape == (2, 3, 32, 16)


def test_stripe_of_content_changes_its_height_only():
    heads = build_network(DECODER).heads
    content = torch.zeros(1, 24)
    changed = content.clone()
    changed[:, :6] = 1.0  # the first of four stripes of six numbers
    difference = (heads(changed, 8) - heads(content, 8)).abs().sum(dim=(0, 1, 3))  # (8,)
    assert (difference[:2] > 0).all()
    assert difference[4:].max() == 0


def test_early_statistics_of_a_stripe_count_fifteen_times_as_much_as_the_rest():
    decoder = build_network(DECODER | dict(early_dim=2))
    plain = build_network(DECODER)
    plain.load_state_dict(decoder.state_dict())
    content = torch.randn(1, 24)
    scaled = content.unflatten(1, (4, 6)) * torch.tensor([0.4, 0.4, 0.4, 0.4, 6, 6])
    assert torch.equal(decoder.heads(content, 8), plain.heads(scaled.flatten(1), 8))
    with pytest.raises(ValueError, match='early_dim is 6; of a stripe of 6 numbers set 0 to 5'):
        build_network(DECODER | dict(early_dim=6))


def test_heads_refuse_content_that_cannot_be_cut():
    with pytest.raises(ValueError, match='content_dim is 25, not a multiple of num_parts=4'):
        build_network(DECODER | dict(content_dim=25))


def test_gradient_of_the_generated_image_reaches_structure_and_content():
    encoder, decoder = build_network(STRUCTURE), build_network(DECODER)
    content = torch.randn(2, 24, requires_grad=True)
    decoder(encoder(torch.rand(2, 2, 32, 16)), content).square().mean().backward()
    assert content.grad.abs().sum() > 0
    for network in (encoder, decoder):
        assert all(p.grad is not None for p in network.parameters())


def test_strided_discriminator_halves_at_each_layer():
    discriminator = build_network(dict(type='StridedDiscriminator', num_scales=2, base_dim=4))
    assert [tuple(out.shape) for out in discriminator(torch.randn(2, 3, 64, 32))] == [
        (2, 1, 8, 4),
        (2, 1, 4, 2),
    ]
    with pytest.raises(ValueError, match='num_scales is 0'):
        build_network(dict(type='StridedDiscriminator', num_scales=0))


@pytest.mark.parametrize('num_scales, num_downsample', [(1, 1), (1, 3), (2, 2), (2, 3), (3, 1)])
def test_strided_discriminator_takes_images_from_the_smallest_that_it_can_halve(
    num_scales, num_downsample
):
    network = dict(type='StridedDiscriminator', base_dim=2)
    sizes = dict(num_scales=num_scales, num_downsample=num_downsample)
    discriminator = build_network(network | sizes)

    def fits(side: int) -> bool:
        """Whether torch computes it, unchecked."""
        discriminator.check_size = lambda height, width: None
        try:
            discriminator(torch.zeros(1, 3, side, side))
        except RuntimeError:
            return False
        finally:
            del discriminator.check_size
        return True

    smallest = next(side for side in range(1, 100) if fits(side))
    discriminator(torch.zeros(1, 3, smallest, 64))
    message = rf'{smallest - 1} x 64 is too small .*both sides above {smallest - 1}'
    with pytest.raises(ValueError, match=message):
        discriminator(torch.zeros(1, 3, smallest - 1, 64))


@pytest.mark.parametrize(
    'trunk,channels,early', [('resnet18', 512, 64), ('mobilenet_v2', 1280, 24)]
)
def test_early_statistics_are_mean_and_deviation_of_each_stripe(trunk, channels, early):
    encoder = build_network(
        dict(
            type='ContentEncoder',
            trunk=trunk,
            num_parts=2,
            embed_dim=None,
            part_layout='part_major',
            early_stats=True,
        )
    ).eval()
    img = torch.randn(2, 3, 64, 32)
    maps = {}
    last = {'resnet18': 'layer1', 'mobilenet_v2': 'features.3'}[trunk]
    encoder.trunk.get_submodule(last).register_forward_hook(
        lambda module, given, out: maps.update(early=out)
    )
    stripes = encoder(img).content.unflatten(1, (2, channels + 2 * early))  # (B, 2, ...)
    for number, rows in enumerate(maps['early'].chunk(2, dim=2)):
        mean, std = rows.mean((2, 3)), rows.var((2, 3), correction=0).clamp_min(1e-4).sqrt()
        torch.testing.assert_close(stripes[:, number, channels : channels + early], mean)
        torch.testing.assert_close(
            stripes[:, number, channels + early :], std, rtol=1e-3, atol=1e-4
        )


def test_early_statistics_need_stripe_after_stripe():
    with pytest.raises(ValueError, match='part_major'):
        build_network(dict(type='ContentEncoder', trunk='resnet18', early_stats=True))


RESIDUAL = DECODER | dict(residual=True)


def test_a_residual_decoder_begins_with_the_picture_itself():
    picture = torch.rand(2, 3, 32, 16)
    encoder = build_network(STRUCTURE | dict(in_channels=4))
    pose = encoder(torch.cat([2 * picture - 1, torch.zeros(2, 1, 32, 16)], dim=1))
    translated = build_network(RESIDUAL)(pose, torch.randn(2, 24))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (picture - mean[:, None, None]) / std[:, None, None]
    # less than a tenth of a standard deviation: an eye sees no difference
    assert (translated - normalised).abs().mean() < 0.1


def test_a_residual_decoder_without_a_picture_to_change_says_what_is_missing():
    pose = build_network(STRUCTURE)(torch.rand(1, 2, 32, 16))
    with pytest.raises(ValueError, match=r"2 channels; put dict\(type='Colour'\) first"):
        build_network(RESIDUAL)(pose, torch.randn(1, 24))
