from itertools import pairwise

import pytest
import torch
from torch import nn

from reidgen.models.discriminators import MultiScaleDiscriminator, PatchGAN
from reidgen.registry import DISCRIMINATORS


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_the_discriminator_has_the_published_size_and_three_maps():
    with torch.device('meta'):
        discriminator = MultiScaleDiscriminator()
        maps = discriminator(torch.empty(2, 3, 256, 128))
    assert count(discriminator) == 1_025_571
    assert [count(scale) for scale in discriminator.critics] == [341_857] * 3
    assert [tuple(scale.shape) for scale in maps] == [(2, 1, 64, 32), (2, 1, 32, 16), (2, 1, 16, 8)]


def test_each_scale_sees_the_image_halved_once_more_and_padding_is_not_counted():
    discriminator = MultiScaleDiscriminator(base_dim=2, num_res_blocks=1)
    discriminator.critics = nn.ModuleList(nn.Identity() for _ in range(3))
    img = torch.randn(1, 1, 32, 24)
    seen = discriminator(img)
    assert torch.equal(seen[0], img)
    for before, after in pairwise(seen):
        height, width = after.shape[2:]
        for y in range(height):
            for x in range(width):
                window = before[0, 0, max(2 * y - 1, 0) : 2 * y + 2, max(2 * x - 1, 0) : 2 * x + 2]
                assert after[0, 0, y, x].item() == pytest.approx(window.mean().item(), abs=1e-6)


def test_each_scale_has_a_discriminator_of_its_own():
    discriminator = MultiScaleDiscriminator(base_dim=2, num_res_blocks=1)
    before = discriminator(torch.ones(1, 3, 32, 32))
    nn.init.zeros_(discriminator.critics[1][-1].conv.weight)
    after = discriminator(torch.ones(1, 3, 32, 32))
    assert [torch.equal(b, a) for b, a in zip(before, after)] == [True, False, True]


def test_the_discriminator_starts_near_zero_everywhere():
    discriminator = MultiScaleDiscriminator(base_dim=32, num_res_blocks=1, num_scales=1)
    assert discriminator.critics[0][1].conv.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert discriminator.critics[0][1].conv.bias.abs().max() == 0


def test_second_derivatives_are_those_of_finite_differences():
    # a gradient penalty differentiates twice, through activations in place and reflected borders
    discriminator = MultiScaleDiscriminator(num_scales=2, base_dim=2, num_res_blocks=1).double()
    for parameter in discriminator.parameters():
        nn.init.normal_(parameter, std=0.5)
    img = torch.randn(1, 3, 9, 9, dtype=torch.double, requires_grad=True)
    weight = discriminator.critics[0][1].conv.weight

    def slope() -> torch.Tensor:
        total = sum(scale.sum() for scale in discriminator(img))
        return torch.autograd.grad(total, img, create_graph=True)[0].square().sum()

    (gradient,) = torch.autograd.grad(slope(), weight)
    with torch.no_grad():
        weight[0, 1, 1, 2] += 1e-6
    above = slope()
    with torch.no_grad():
        weight[0, 1, 1, 2] -= 2e-6
    expected = (above - slope()) / 2e-6
    assert gradient[0, 1, 1, 2].item() == pytest.approx(expected.item(), rel=1e-4)
    assert expected.abs() > 1e-3


def test_an_image_too_small_for_its_scales_is_refused_with_the_fix():
    discriminator = MultiScaleDiscriminator(base_dim=2, num_res_blocks=1)
    with pytest.raises(
        ValueError, match=r'32 x 16 is too small for 3 scales .* both sides above 16'
    ):
        discriminator(torch.randn(1, 3, 32, 16))
    smallest = discriminator(torch.randn(1, 3, 17, 17))
    assert [tuple(scale.shape[2:]) for scale in smallest] == [(5, 5), (3, 3), (2, 2)]
    with pytest.raises(ValueError, match='num_scales is 0'):
        MultiScaleDiscriminator(num_scales=0)


def test_a_config_builds_the_discriminator_by_name():
    discriminator = DISCRIMINATORS.build(
        {'type': 'MultiScaleDiscriminator', 'num_scales': 2, 'base_dim': 2}
    )
    assert isinstance(discriminator, MultiScaleDiscriminator)
    assert len(discriminator.critics) == 2


# ---- PatchGAN ----


@pytest.mark.parametrize('size, logits', [((256, 256), (30, 30)), ((256, 128), (30, 14))])
def test_patchgan_has_the_published_size_and_map(size, logits):
    with torch.device('meta'):
        discriminator = PatchGAN()
        shape = discriminator(torch.empty(2, 3, *size)).shape
    assert count(discriminator) == 2_764_737
    assert shape == (2, 1, *logits)


@pytest.mark.parametrize('num_layers, field', [(1, 16), (2, 34), (3, 70)])
def test_a_logit_of_patchgan_sees_a_patch_of_the_stated_size(num_layers, field):
    discriminator = PatchGAN(base_dim=2, num_layers=num_layers).double()
    for layer in discriminator.layers:
        if layer.with_norm:
            layer.instance_norm = nn.Identity()  # it would mix all pixels
            layer.norm_name = 'instance_norm'
    img = torch.randn(1, 3, 128, 128, dtype=torch.float64, requires_grad=True)
    out = discriminator(img)
    middle = out.shape[2] // 2
    out[0, 0, middle, middle].backward()
    seen = img.grad.abs().sum((0, 1)) > 0
    assert seen.any(1).sum() == field
    assert seen.any(0).sum() == field


def test_patchgan_takes_a_condition_beside_the_image():
    discriminator = PatchGAN(base_dim=2, num_layers=1, in_channels=8)
    assert discriminator(torch.zeros(1, 8, 16, 16)).shape == (1, 1, 6, 6)


def test_patchgan_has_no_norm_first_and_last_and_starts_near_zero():
    discriminator = PatchGAN(base_dim=16)
    assert [layer.with_norm for layer in discriminator.layers] == [False, True, True, True, False]
    assert discriminator.layers[3].conv.weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert discriminator.layers[3].conv.bias.abs().max() == 0


def test_patchgan_refuses_an_image_without_a_patch():
    with pytest.raises(ValueError, match='16 x 40 is too small for PatchGAN with num_layers=3'):
        PatchGAN(base_dim=1)(torch.zeros(1, 3, 16, 40))
    assert PatchGAN(base_dim=1)(torch.zeros(1, 3, 24, 24)).shape == (1, 1, 1, 1)
    with pytest.raises(ValueError, match='num_layers is 0'):
        PatchGAN(num_layers=0)


@pytest.mark.parametrize('norm, far', [('instance', True), (None, False)])
def test_a_bright_spot_moves_the_logits_of_far_patches_through_the_norm_alone(norm, far):
    torch.manual_seed(0)
    discriminator = PatchGAN(base_dim=4, num_layers=2, norm=norm)
    img = torch.rand(1, 3, 96, 96) - 0.5
    spot = img.clone()
    spot[..., :8, :8] = 1
    change = (discriminator(spot) - discriminator(img)).abs()[0, 0]
    assert change[:4, :4].max() > 0
    # patches of 34 pixels: the last rows see nothing of the first eight
    assert (change[-8:, -8:].max() > 0) == far
