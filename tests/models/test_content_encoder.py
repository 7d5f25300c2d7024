import math

import pytest
import torch
from small_content_encoder import small
from torch import nn

from reidgen.models.encoders import ContentEncoder, IdentityClassifier, PoseEncoder
from reidgen.models.encoders.trunks import TorchvisionTrunk
from reidgen.registry import ENCODERS

pytestmark = pytest.mark.usefixtures('seeded')


def test_content_encoder_returns_the_codes_of_gcl():
    with torch.device('meta'):
        encoder = ContentEncoder('resnet50', num_parts=4, embed_dim=512)
        code = encoder(torch.empty(2, 3, 256, 128))
        assert encoder.trunk(torch.empty(2, 3, 256, 128)).shape == (2, 2048, 16, 8)
    assert code.content.shape == (2, 8192)
    assert code.embedding.shape == code.pre_bn.shape == (2, 512)
    assert (encoder.content_dim, encoder.embed_dim) == (8192, 512)


@pytest.mark.slow
@pytest.mark.parametrize(
    'trunk, channels', [('resnet50', 2048), ('resnet18', 512), ('mobilenet_v2', 1280)]
)
def test_last_stride_doubles_the_last_map_of_every_trunk(trunk, channels):
    with torch.device('meta'):
        img = torch.empty(1, 3, 64, 32)
        assert TorchvisionTrunk(trunk, 1).build()(img).shape == (1, channels, 4, 2)
        assert TorchvisionTrunk(trunk, 2).build()(img).shape == (1, channels, 2, 1)


def test_removing_the_stride_changes_no_parameter_and_only_the_named_block():
    with torch.device('meta'):
        strided = {
            name: layer.stride
            for name, layer in TorchvisionTrunk('resnet50', 2).build().named_modules()
            if isinstance(layer, nn.Conv2d)
        }
        flat = {
            name: layer.stride
            for name, layer in TorchvisionTrunk('resnet50', 1).build().named_modules()
            if isinstance(layer, nn.Conv2d)
        }
    changed = {name for name in strided if strided[name] != flat[name]}
    assert changed == {'layer4.0.conv2', 'layer4.0.downsample.0'}


@pytest.mark.parametrize('layout', ['channel_major', 'part_major'])
def test_content_lists_channels_and_stripes_in_the_order_of_the_layout(layout):
    with torch.device('meta'):
        encoder = ContentEncoder('resnet18', num_parts=4, embed_dim=None, part_layout=layout)
    encoder.trunk, encoder.neck = nn.Identity(), nn.Identity()
    feature_map = torch.randn(2, 512, 8, 3)
    content = encoder(feature_map).content
    for channel in (0, 1, 77, 511):
        for part in range(4):
            stripe = feature_map[:, channel, 2 * part : 2 * part + 2].mean((1, 2))
            place = channel * 4 + part if layout == 'channel_major' else part * 512 + channel
            assert torch.allclose(content[:, place], stripe, atol=1e-6)


def test_without_a_linear_layer_the_pooled_trunk_is_batch_normalised():
    encoder = ContentEncoder('resnet18', embed_dim=None)
    img = torch.randn(3, 3, 32, 16)
    code = encoder.train()(img)
    pooled = encoder.trunk(img).mean((2, 3))
    expected = (pooled - pooled.mean(0)) / (pooled.var(0, unbiased=False) + 1e-5).sqrt()
    assert encoder.embed_dim == 512
    assert torch.allclose(code.pre_bn, pooled, atol=1e-5)
    assert torch.allclose(code.embedding, expected, atol=1e-3)


def test_the_linear_layer_starts_kaiming_by_fan_out():
    linear = small(embed_dim=64).linear
    assert linear.weight.std().item() == pytest.approx(math.sqrt(2 / 64), rel=0.05)
    assert not linear.bias.any()


@pytest.mark.parametrize(
    'wrong, message',
    [
        ({'trunk': 'vgg'}, "trunk is 'vgg'; choose one of resnet50, resnet18, mobilenet_v2"),
        (
            {'part_layout': 'stripes'},
            "part_layout is 'stripes'; choose one of channel_major, part_major",
        ),
        ({'last_stride': 3}, 'last_stride is 3; choose one of 1, 2'),
        ({'weights': []}, 'weights is an empty list'),
    ],
)
def test_content_encoder_names_a_wrong_value_and_the_known_ones(wrong, message):
    with pytest.raises(ValueError, match=message):
        small(**wrong)


def test_a_config_builds_the_encoders_by_name():
    assert isinstance(
        ENCODERS.build({'type': 'PoseEncoder', 'base_dim': 2, 'out_dim': 4}), PoseEncoder
    )
    classifier = ENCODERS.build({'type': 'IdentityClassifier', 'in_dim': 512, 'num_identities': 30})
    assert isinstance(classifier, IdentityClassifier)
    assert [name for name, _ in classifier.named_parameters()] == ['linear.weight']  # no bias
    assert classifier.linear.weight.std().item() == pytest.approx(0.001, rel=0.05)
    assert classifier(torch.randn(2, 512)).shape == (2, 30)
