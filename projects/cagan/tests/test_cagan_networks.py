import pytest
import torch
from swap_pictures import Batch
from torch import nn

from projects.cagan.cagan import CAGANDiscriminator, CAGANGenerator, KerasCAGANDiscriminator
from projects.cagan.cagan.networks import scaled_down


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    'network, number',
    [
        (CAGANGenerator(), 3_551_900),
        (CAGANGenerator(head='norm_lrelu'), 3_551_908),
        (CAGANDiscriminator(), 1_559_105),
        (CAGANDiscriminator(inject=True), 1_607_543),
        (CAGANDiscriminator(learned_noise=True), 1_559_106),
    ],
)
def test_networks_have_the_published_number_of_parameters(network, number):
    assert count(network) == number


def test_features_and_maps_have_the_published_sizes():
    network, seen = CAGANGenerator(base_dim=64), []
    for layer in [*network.down, *network.up]:
        layer.register_forward_hook(lambda layer, given, out: seen.append((given[0], out)))
    x = torch.zeros(1, 3, 128, 96)
    out = network(x, x, x)
    assert [given.shape[1] for given, _ in seen] == [9, 70, 134, 262, 518, 518, 262]
    sizes = [tuple(out.shape[1:]) for _, out in seen]
    assert sizes[:4] == [(64, 64, 48), (128, 32, 24), (256, 16, 12), (512, 8, 6)]
    assert sizes[4:] == [(256, 16, 12), (128, 32, 24), (64, 64, 48)]
    assert network.last.in_channels == 134
    assert (out.alpha.shape, out.candidate.shape) == ((1, 1, 128, 96), (1, 3, 128, 96))
    pairs = torch.zeros(1, 6, 128, 96)
    assert CAGANDiscriminator()(pairs).shape == (1, 1, 8, 6)
    assert CAGANDiscriminator(head_padding=0)(pairs).shape == (1, 1, 6, 4)


@pytest.mark.parametrize('head, bounded', [('bounded', True), ('norm_lrelu', False)])
def test_the_bounded_head_keeps_its_range_and_the_published_fault_does_not(head, bounded):
    torch.manual_seed(1)
    network = CAGANGenerator(base_dim=4, head=head)
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    out = network(*torch.rand(3, 2, 3, 32, 16))
    assert (out.alpha.min() >= 0 and out.alpha.max() <= 1) == bounded
    assert (out.candidate.abs().max() <= 1) == bounded


@pytest.mark.parametrize('inject, moved', [('xi_yj', 'wanted'), ('xi_yi', 'worn')])
def test_only_the_injected_garment_changes_what_is_injected(inject, moved):
    network, pictures = CAGANGenerator(base_dim=4, inject=inject), Batch().pairs
    before = network.injected(*pictures)
    for changed in ('worn', 'wanted'):
        other = pictures._replace(**{changed: -getattr(pictures, changed)})
        after = network.injected(*other)
        assert torch.equal(before, after) == (changed != moved)
        first = [network.down[0](torch.cat(given, dim=1)) for given in (pictures, other)]
        assert not torch.equal(*first)  # the nine channels see it all the same


def test_pictures_are_scaled_down_by_their_middle_pixels():
    picture = torch.arange(16.0).view(1, 1, 4, 4)
    assert scaled_down(picture, 4).item() == pytest.approx((5 + 6 + 9 + 10) / 4)
    picture[0, 0, 0, 0] = 160
    assert scaled_down(picture, 4).item() == pytest.approx(7.5)


def test_learned_noise_starts_at_nothing():
    network, pairs = CAGANDiscriminator(base_dim=4, learned_noise=True), torch.rand(2, 6, 32, 16)
    noise = torch.randn(2, 1, 32, 16)
    assert torch.equal(network(pairs, noise), network(pairs))
    nn.init.ones_(network.noise_factor)
    assert not torch.equal(network(pairs, noise), network(pairs))


def test_scales_of_instance_norm_start_at_one_exactly_under_the_orthogonal_start_alone():
    torch.manual_seed(0)
    for build in (CAGANGenerator, CAGANDiscriminator):
        for init, exact in (('orthogonal', True), ('normal', False)):
            network = build(base_dim=8, init=init)
            norms = [each for each in network.modules() if isinstance(each, nn.InstanceNorm2d)]
            convs = [each for each in network.modules() if isinstance(each, nn.Conv2d)]
            assert len(norms) >= 3
            assert all((norm.weight == 1).all() == exact for norm in norms)
            assert not any(layer.bias.any() for layer in norms + convs)
            rows = convs[1].weight.flatten(1)  # (16, C * 9)
            assert torch.allclose(rows @ rows.t(), torch.eye(16), atol=1e-5) == exact


def test_pictures_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match=r'pictures are 100 x 64; .* multiples of 16'):
        CAGANGenerator(base_dim=4)(*torch.zeros(3, 1, 3, 100, 64))
    with pytest.raises(ValueError, match="head is 'sigmoid'; choose one of bounded"):
        CAGANGenerator(head='sigmoid')


@pytest.mark.parametrize('kind', [CAGANDiscriminator, KerasCAGANDiscriminator])
def test_probabilities_are_float32_under_autocast(kind):
    # in bfloat16 all above 0.998 are 1, whose logarithm has no gradient
    D, pair = kind(base_dim=8), torch.randn(1, 6, 128, 96)
    with torch.autocast('cpu', torch.bfloat16):
        assert D(pair).dtype == torch.float32
