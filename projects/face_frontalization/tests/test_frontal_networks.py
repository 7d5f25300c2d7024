"""Decoders and discriminators: sizes, numbers of parameters, padding and norms."""

import pytest
import torch
import torch.nn.functional as nnf
from torch import nn

from projects.face_frontalization.face_frontalization import (
    DecemberDecoder,
    DecemberDiscriminator,
    MultiScaleDecoder,
    MultiScaleFaceDiscriminator,
    NovemberDecoder,
    RegionDiscriminator,
    SingleScaleDecoder,
)
from projects.face_frontalization.face_frontalization.discriminators import _count
from projects.face_frontalization.face_frontalization.layers import (
    PixelNorm,
    SameConv2d,
    SameDeconv2d,
)

WEIGHTED = nn.Conv2d | nn.ConvTranspose2d | nn.Linear


def count(network: nn.Module) -> int:
    """Parameters of convolutions and linear layers."""
    layers = [m for m in network.modules() if isinstance(m, WEIGHTED)]
    return sum(p.numel() for layer in layers for p in layer.parameters())


def meta(kind, **options):
    with torch.device('meta'):
        return kind(**options)


def sides(network: nn.Module, *inputs) -> list[tuple[int, int]]:
    """Sizes of the maps that the convolutions of stride 2 give."""
    found = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2):
            layer.register_forward_hook(lambda m, i, out: found.append(tuple(out.shape[2:])))
    network(*inputs)
    return found


# ---- decoders ----


def test_decoders_give_images_of_the_sizes_and_have_the_parameters_of_the_programs():
    code = torch.empty(2, 2048, device='meta')
    decoder = meta(MultiScaleDecoder)
    assert [tuple(img.shape) for img in decoder(code)] == [(2, 3, s, s) for s in (224, 112, 56)]
    assert sum(p.numel() for p in decoder.parameters()) == 56_313_856
    decoder = meta(SingleScaleDecoder)
    assert [tuple(img.shape) for img in decoder(code)] == [(2, 3, 224, 224)]
    assert sum(p.numel() for p in decoder.parameters()) == 24_102_400


@pytest.mark.parametrize('size', [56, 112, 448])
@pytest.mark.parametrize('kind', [MultiScaleDecoder, SingleScaleDecoder])
def test_decoders_of_other_sizes_double_more_or_less_often(kind, size):
    code = torch.empty(2, 32, device='meta')
    images = meta(kind, code_dim=32, image_size=size, base_dim=8)(code)
    assert [img.shape[-1] for img in images] == [size // 2**k for k in range(kind.scales)]


def test_images_are_within_their_range():
    decoder = MultiScaleDecoder(code_dim=8, image_size=56, base_dim=8)
    with torch.no_grad():
        images = decoder(1000 * torch.randn(2, 8))
    assert all(img.abs().max() <= 1 for img in images)


def test_the_later_and_the_first_form_of_net2_are_single_scale_decoders():
    later = meta(SingleScaleDecoder, mid_res_blocks=3, late_res_blocks=False)
    deconvs = [m.out_channels for m in later.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert deconvs == [512, 512, 256, 128, 64, 32, 32]
    first = meta(SingleScaleDecoder, code_dim=4096, start='reshape')
    deconvs = [m for m in first.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert (deconvs[0].in_channels, deconvs[0].out_channels) == (256, 512)
    assert first(torch.empty(1, 4096, device='meta'))[0].shape[-1] == 224
    with pytest.raises(ValueError, match='code_dim is 2050; set a multiple of 16'):
        meta(SingleScaleDecoder, code_dim=2050, start='reshape')


def test_the_first_layer_has_pixel_norm_only_if_asked():
    norms = [
        sum(isinstance(m, PixelNorm) for m in meta(MultiScaleDecoder, pn_first=on).modules())
        for on in (False, True)
    ]
    assert norms == [4 + 2 + 4, 4 + 2 + 4 + 1]  # stem, ups, two residual blocks


def test_legacy_decoders_have_the_layers_of_their_programs():
    code = torch.empty(2, 4096, device='meta')
    november = meta(NovemberDecoder)
    assert november.fc1.weight.numel() == 4096 * 14 * 14 * 256  # 205.5 million
    assert november(code)[0].shape == (2, 3, 224, 224)
    assert isinstance(meta(NovemberDecoder, fc1_bn=True).fc1_norm, nn.BatchNorm1d)
    december = meta(DecemberDecoder, bridge=True, dropout=0.5)
    assert december(code)[0].shape == (2, 3, 224, 224)
    bridges = [layer.out_features for layer in december.bridges]
    assert bridges == [14**2 * 4, 28**2 * 4, 56**2 * 4, 112**2 * 2]
    assert sum(isinstance(m, nn.Dropout) for m in december.modules()) == 2
    assert not meta(DecemberDecoder).bridges
    with pytest.raises(ValueError, match='image_size is 112; it must be a multiple of 32'):
        meta(DecemberDecoder, image_size=112)


# ---- layers ----


def test_pixel_norm_gives_each_pixel_a_unit_mean_square_whatever_its_scale():
    x, norm = torch.randn(2, 5, 3, 3), PixelNorm()
    y = norm(x)
    assert torch.allclose(y.square().mean(1), torch.ones(2, 3, 3), atol=1e-5)
    assert torch.allclose(norm(7 * x), y, atol=1e-6)
    assert not list(norm.parameters())
    assert norm(torch.zeros(1, 5, 1, 1)).abs().max() == 0


@pytest.mark.parametrize('side, kernel, stride', [(7, 4, 2), (8, 4, 2), (5, 5, 2), (7, 4, 1)])
def test_same_convolution_pads_what_is_odd_at_the_end(side, kernel, stride):
    conv = SameConv2d(1, 1, kernel, stride=stride, bias=False)
    x = torch.randn(1, 1, side, side)
    out = -(-side // stride)
    total = max((out - 1) * stride + kernel - side, 0)
    before, after = total // 2, total - total // 2
    expected = torch.empty(1, 1, out, out)
    padded = nnf.pad(x, (before, after, before, after))[0, 0]
    for row in range(out):
        for col in range(out):
            part = padded[row * stride :, col * stride :][:kernel, :kernel]
            expected[0, 0, row, col] = (part * conv.weight[0, 0]).sum()
    assert torch.allclose(conv(x), expected, atol=1e-5)


@pytest.mark.parametrize('kernel, stride', [(4, 2), (5, 2), (5, 1)])
def test_same_deconvolution_is_the_transpose_of_the_same_convolution(kernel, stride):
    deconv = SameDeconv2d(2, 3, kernel, stride=stride, bias=False)
    conv = SameConv2d(3, 2, kernel, stride=stride, bias=False)
    conv.weight = nn.Parameter(deconv.weight.detach())
    x, y = torch.randn(1, 2, 5, 5), torch.randn(1, 3, 5 * stride, 5 * stride)
    assert deconv(x).shape == y.shape
    # <A x, y> = <x, A^T y>
    assert (deconv(x) * y).sum().item() == pytest.approx((x * conv(y)).sum().item(), rel=1e-4)


# ---- discriminators ----


def test_multi_scale_discriminators_have_the_maps_and_parameters_of_the_program():
    network = meta(MultiScaleFaceDiscriminator)
    assert [count(net) for net in network.nets] == [2_790_912, 1_742_336, 693_760]
    images = tuple(torch.empty(1, 3, s, s, device='meta') for s in (224, 112, 56))
    expected = [112, 56, 28, 14, 7, 4], [56, 28, 14, 7, 4], [28, 14, 7, 4]
    for net, img, maps in zip(network.nets, images, expected):
        assert sides(net, img) == [(side, side) for side in maps]
    assert [tuple(out.shape) for out in network(images)] == [(1, 1, 1, 1)] * 3
    patches = meta(MultiScaleFaceDiscriminator, patch=True)(images)
    assert [tuple(out.shape) for out in patches] == [(1, 1, 4, 4)] * 3
    assert [_count(side) for side in (224, 112, 56, 28, 14)] == [6, 5, 4, 3, 2]


def test_region_discriminators_have_the_boxes_maps_and_parameters_of_the_program():
    network, img = meta(RegionDiscriminator), torch.empty(1, 3, 224, 224, device='meta')
    assert [count(net) for net in network.nets.values()] == [
        1_750_784, 695_808, 693_504, 692_224, 706_048
    ]  # fmt: skip
    sizes = dict(all=(224, 224), eyes=(36, 124), nose=(65, 44), mouth=(30, 74), face=(116, 124))
    assert {name: tuple(network.crop(img, name).shape[2:]) for name in sizes} == sizes
    maps = dict(
        all=[(112, 112), (56, 56), (28, 28), (14, 14), (7, 7)],
        eyes=[(18, 62), (9, 31), (5, 16), (3, 8)],
        nose=[(33, 22), (17, 11), (9, 6), (5, 3)],
        mouth=[(15, 37), (8, 19), (4, 10), (2, 5)],
        face=[(58, 62), (29, 31), (15, 16), (8, 8)],
    )
    for name, net in network.nets.items():
        assert sides(net, network.crop(img, name)) == maps[name]
    assert [tuple(out.shape) for out in network(img)] == [(1, 1)] * 5


def test_boxes_scale_with_the_image_and_may_be_those_of_the_later_program():
    assert RegionDiscriminator(56, base_dim=2).boxes['face'] == (16, 45, 12, 44)
    assert meta(RegionDiscriminator, regions='fnm').boxes['mouth'] == (144, 180, 80, 144)
    own = meta(RegionDiscriminator, regions=dict(all=(0, 224, 0, 224)))
    assert list(own.nets) == ['all']
    with pytest.raises(ValueError, match=r'regions\.chin is \(200, 230, 0, 224\).*within an image'):
        meta(RegionDiscriminator, regions=dict(chin=(200, 230, 0, 224)))


def test_a_change_outside_the_small_boxes_reaches_the_whole_image_alone():
    torch.manual_seed(0)
    network, img = RegionDiscriminator(56, base_dim=2), torch.randn(1, 3, 56, 56)
    changed = img.clone()
    changed[..., 50:, :] += 1  # below the face
    before, after = network(img), network(changed)
    assert [not torch.equal(a, b) for a, b in zip(before, after)] == [True] + [False] * 4


@pytest.mark.parametrize('norm, kind', [('batch', nn.BatchNorm2d), ('layer', nn.GroupNorm)])
def test_all_but_the_first_and_last_layer_have_the_norm(norm, kind):
    network = meta(MultiScaleFaceDiscriminator, norm=norm)
    for net, layers in zip(network.nets, (6, 5, 4)):
        assert sum(isinstance(m, kind) for m in net.modules()) == layers - 1
        assert not isinstance(list(net[0])[1], kind)


def test_layer_norm_is_over_channels_and_places_with_a_scale_a_channel():
    norm = [m for m in RegionDiscriminator(56, base_dim=2).modules() if isinstance(m, nn.GroupNorm)]
    x = torch.randn(2, norm[0].num_channels, 3, 5) * 4 + 2
    y = norm[0](x)
    expected = (x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True, correction=0)
    assert torch.allclose(y, expected, atol=1e-4)
    assert norm[0].weight.shape == (x.shape[1],)


def test_the_december_discriminator_is_given_profile_and_face():
    pair = torch.empty(1, 6, 224, 224, device='meta')
    assert meta(DecemberDiscriminator)(pair).shape == (1, 1)
    assert meta(DecemberDiscriminator, patch=True)(pair).shape == (1, 1, 7, 7)
    maps = torch.empty(1, 128, 56, 56, device='meta')
    assert meta(DecemberDiscriminator, in_channels=128, size=56)(maps).shape == (1, 1)


def test_weights_start_within_two_deviations():
    weights = torch.cat([p.flatten() for p in SingleScaleDecoder(64, 56, 16).parameters()])
    assert weights.abs().max() <= 0.04
    assert 0.015 < weights.std() < 0.02
