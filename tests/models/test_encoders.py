import colorsys
import math
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torch.nn.functional as nnf
from mmengine.logging import MMLogger
from torch import nn
from torchvision.models import mobilenet_v2

from reidgen.models.encoders import (
    ColorHistogram,
    ContentEncoder,
    EmbeddingHead,
    IdentityClassifier,
    PoseEncoder,
)
from reidgen.models.encoders.colour import rgb_to_hsv
from reidgen.models.encoders.content import build_trunk
from reidgen.models.layers.batch_norm import batch_norms
from reidgen.registry import ENCODERS

SHARED = Path(__file__).resolve().parents[2] / '../shared/weights/mobilenet_v2_imagenet.safetensors'


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def logged(monkeypatch):
    messages = []
    monkeypatch.setattr(
        MMLogger.get_current_instance(),
        'handle',
        lambda record: messages.append(record.getMessage()),
    )
    return messages


@pytest.fixture(scope='module')
def mobilenet() -> dict:
    torch.manual_seed(1)
    return mobilenet_v2(weights=None).state_dict()


def small(**kwargs) -> ContentEncoder:
    return ContentEncoder(**{'trunk': 'mobilenet_v2', 'embed_dim': 8, **kwargs})


# ---- pose ----


def test_pose_encoder_has_the_published_size():
    with torch.device('meta'):
        encoder = PoseEncoder()
        code = encoder(torch.empty(2, 1, 256, 128))
    assert count(encoder) == 380_544
    assert code.shape == (2, 128, 64, 32)
    assert encoder.out_dim == 128


def test_pose_encoder_takes_joint_maps_of_small_images():
    encoder = PoseEncoder(
        in_channels=17, base_dim=4, num_res_blocks=1, aspp_dim=4, out_dim=6, dilations=(1, 2, 3)
    )
    assert encoder(torch.randn(2, 17, 32, 16)).shape == (2, 6, 8, 4)


def test_pose_encoder_refuses_maps_whose_size_would_not_come_back():
    encoder = PoseEncoder(base_dim=2, num_res_blocks=1, aspp_dim=2, out_dim=2)
    with pytest.raises(ValueError, match='66 x 32; both must be multiples of 4'):
        encoder(torch.randn(1, 1, 66, 32))


def test_pose_encoder_ends_normalised_and_without_activation():
    encoder = PoseEncoder(base_dim=2, num_res_blocks=1, aspp_dim=2, out_dim=3, dilations=(1,))
    code = encoder(torch.randn(2, 1, 32, 32))
    assert torch.allclose(code.mean((2, 3)), torch.zeros(2, 3), atol=1e-5)
    assert torch.allclose(code.var((2, 3), unbiased=False), torch.ones(2, 3), atol=1e-2)


# ---- content: shapes and layout ----


def test_content_encoder_returns_the_codes_of_gcl():
    with torch.device('meta'):
        encoder = ContentEncoder('resnet50', num_parts=4, embed_dim=512)
        code = encoder(torch.empty(2, 3, 256, 128))
        assert encoder.trunk(torch.empty(2, 3, 256, 128)).shape == (2, 2048, 16, 8)
    assert code.content.shape == (2, 8192)
    assert code.embedding.shape == code.pre_bn.shape == (2, 512)
    assert (encoder.content_dim, encoder.embed_dim) == (8192, 512)


@pytest.mark.parametrize(
    'trunk, channels', [('resnet50', 2048), ('resnet18', 512), ('mobilenet_v2', 1280)]
)
def test_last_stride_doubles_the_last_map_of_every_trunk(trunk, channels):
    with torch.device('meta'):
        img = torch.empty(1, 3, 64, 32)
        assert build_trunk(trunk, last_stride=1)(img).shape == (1, channels, 4, 2)
        assert build_trunk(trunk, last_stride=2)(img).shape == (1, channels, 2, 1)


def test_removing_the_stride_changes_no_parameter_and_only_the_named_block():
    with torch.device('meta'):
        strided = {
            name: layer.stride
            for name, layer in build_trunk('resnet50', 2).named_modules()
            if isinstance(layer, nn.Conv2d)
        }
        flat = {
            name: layer.stride
            for name, layer in build_trunk('resnet50', 1).named_modules()
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


def test_a_neck_without_bias_cannot_be_thawed():
    encoder = small(neck_bias=False).requires_grad_(True)
    assert 'neck.bias' not in dict(encoder.named_parameters())
    assert 'neck.bias' in encoder.state_dict()
    assert 'neck.bias' in dict(small(neck_bias=True).named_parameters())
    encoder.neck(torch.randn(4, 8)).square().sum().backward()
    assert not encoder.neck.bias.any()


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


# ---- content: weights ----


def test_a_torchvision_file_fills_the_trunk_and_its_classifier_is_listed(
    tmp_path, mobilenet, logged
):
    path = tmp_path / 'imagenet.pth'
    torch.save(mobilenet, path)
    encoder = small(weights=path)
    assert all(
        torch.equal(value, mobilenet[key]) for key, value in encoder.trunk.state_dict().items()
    )
    assert logged == [
        f'mobilenet_v2: trunk from {path}; head at random; not used: classifier (2 tensors)'
    ]
    img = torch.randn(2, 3, 32, 16)
    other = mobilenet_v2(weights=None)
    other.load_state_dict(mobilenet)
    same_stride = small(weights=path, last_stride=2)
    expected = nnf.adaptive_avg_pool2d(other.eval().features(img), 1).flatten(1)
    assert torch.allclose(same_stride.eval().trunk(img).mean((2, 3)), expected, atol=1e-5)


def test_a_file_of_old_torch_without_batch_counters_fits(tmp_path, mobilenet):
    path = tmp_path / 'old.pth'
    torch.save({key: value for key, value in mobilenet.items() if 'num_batches' not in key}, path)
    key = 'features.18.0.weight'
    assert torch.equal(small(weights=path).trunk.state_dict()[key], mobilenet[key])


@pytest.mark.parametrize(
    'wrap',
    [
        lambda state: state,
        lambda state: {
            'state_dict': {f'E_c.{key}': value for key, value in state.items()}
            | {'G.blocks.0.weight': torch.zeros(1)},
            'meta': {'iter': 3},
        },
        lambda state: {'state_dict': {f'module.{key}': value for key, value in state.items()}},
        lambda state: {f'E_c.module.{key}': value for key, value in state.items()},
    ],
)
def test_an_encoder_of_ours_comes_back_whole_from_any_kind_of_file(tmp_path, wrap):
    trained = small()
    nn.init.normal_(trained.neck.running_mean)
    torch.save(wrap(trained.state_dict()), tmp_path / 'encoder.pth')
    restored = small(weights=tmp_path / 'encoder.pth').state_dict()
    assert all(torch.equal(value, restored[key]) for key, value in trained.state_dict().items())


def test_a_head_of_another_size_is_left_out_and_listed(tmp_path, logged):
    trained = small(embed_dim=16)
    torch.save(trained.state_dict(), tmp_path / 'wide.pth')
    logged.clear()
    encoder = small(embed_dim=8, weights=tmp_path / 'wide.pth')
    assert torch.equal(encoder.trunk.features[0][0].weight, trained.trunk.features[0][0].weight)
    assert 'head at random; not used: linear (2 tensors), neck (5 tensors)' in logged[0]


def test_a_tensor_missing_from_the_trunk_is_named(tmp_path, mobilenet):
    state = {**mobilenet, 'features.18.1.bias': torch.zeros(3)}
    del state['features.3.conv.0.0.weight']
    torch.save(state, tmp_path / 'broken.pth')
    with pytest.raises(ValueError, match='does not fit the trunk mobilenet_v2') as error:
        small(weights=tmp_path / 'broken.pth')
    assert '1 are missing (features.3.conv.0.0.weight)' in str(error.value)
    assert 'features.18.1.bias (3,) instead of (1280,)' in str(error.value)
    assert 'Set trunk to the architecture of the file' in str(error.value)


def test_a_foreign_architecture_is_refused_instead_of_starting_at_random(tmp_path, mobilenet):
    torch.save(mobilenet, tmp_path / 'mobilenet.pth')
    with pytest.raises(
        ValueError, match=r'does not fit the trunk resnet18: .* \(conv1.weight, .* more\)'
    ):
        ContentEncoder('resnet18', weights=tmp_path / 'mobilenet.pth')


def test_the_first_obtainable_entry_of_a_list_is_used_and_logged(tmp_path, mobilenet, logged):
    torch.save(mobilenet, tmp_path / 'second.pth')
    small(weights=[tmp_path / 'first.pth', tmp_path / 'second.pth', tmp_path / 'third.pth'])
    assert 'passed over' in logged[0]
    assert 'first.pth does not exist' in logged[0]
    assert f'trunk from {tmp_path / "second.pth"}' in logged[1]


def test_a_damaged_file_is_not_passed_over(tmp_path, mobilenet):
    torch.save(mobilenet, tmp_path / 'second.pth')
    (tmp_path / 'first.pth').write_bytes((tmp_path / 'second.pth').read_bytes()[:100_000])
    with pytest.raises(ValueError, match=r'first.pth is cut short or damaged'):
        small(weights=[tmp_path / 'first.pth', tmp_path / 'second.pth'])


@pytest.fixture
def offline(tmp_path, monkeypatch):
    def download(url, *args, **kwargs):
        raise URLError('no route to host')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    return tmp_path / 'hub' / 'checkpoints'


def test_imagenet_offline_names_the_cache_and_the_fix(offline):
    with pytest.raises(FileNotFoundError) as error:
        small(weights='imagenet')
    assert str(offline) in str(error.value)
    assert 'no route to host' in str(error.value)
    assert 'give a local file through the key `weights`' in str(error.value)


def test_imagenet_from_the_cache_needs_no_network(offline, mobilenet):
    offline.mkdir(parents=True)
    torch.save(mobilenet, offline / 'mobilenet_v2-b0353104.pth')  # torchvision's name of the file
    key = 'features.0.0.weight'
    assert torch.equal(small(weights='imagenet').trunk.state_dict()[key], mobilenet[key])


def test_when_no_entry_can_be_obtained_each_is_named_with_its_reason(offline, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        small(weights=[str(tmp_path / 'mine.pth'), 'imagenet'])
    lines = str(error.value).splitlines()
    assert 'none of the 2 entries' in lines[0]
    assert 'mine.pth does not exist' in lines[1]
    assert 'imagenet: ' in lines[2]
    assert 'no route to host' in lines[2]


def test_a_random_start_is_logged(logged):
    small(weights=None)
    assert logged == ['mobilenet_v2: random start, no pretrained weights (weights=None)']


@pytest.mark.skipif(not SHARED.is_file(), reason='../shared/weights is not here')
def test_the_shared_imagenet_file_fits_the_mobilenet_trunk(logged):
    encoder = small(weights=SHARED)
    assert 'trunk from' in logged[0]
    assert encoder.eval()(torch.zeros(1, 3, 64, 32)).content.isfinite().all()


# ---- IDE: what stands still, heads, parts ----


def train_five_steps(encoder: nn.Module) -> dict[str, torch.Tensor]:
    """Five steps on noise; the state before them."""
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in encoder.parameters() if p.requires_grad], lr=0.1)
    for _ in range(5):
        encoder.train()  # as the loop does; frozen batch norm must survive it
        optimizer.zero_grad()
        encoder(torch.randn(4, 3, 32, 16)).embedding.square().sum().backward()
        optimizer.step()
    return before


def norm_tensors(encoder: ContentEncoder, *kinds: str) -> list[str]:
    """Keys of the trunk's batch norms that end in one of these."""
    return [
        f'trunk.{name}.{kind}'
        for name, module in encoder.trunk.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        for kind in kinds
    ]


@pytest.mark.parametrize('frozen_bn', ['none', 'stats', 'stats+affine'])
def test_frozen_batch_norm_keeps_statistics_and_on_request_its_weights(frozen_bn):
    encoder = ContentEncoder('resnet18', embed_dim=8, frozen_bn=frozen_bn)
    before, after = train_five_steps(encoder), encoder.state_dict()

    def still(*kinds):
        return [torch.equal(before[key], after[key]) for key in norm_tensors(encoder, *kinds)]

    statistics = still('running_mean', 'running_var', 'num_batches_tracked')
    assert all(statistics) if frozen_bn != 'none' else not any(statistics)
    affine = still('weight', 'bias')
    assert all(affine) if frozen_bn == 'stats+affine' else not any(affine)
    # the neck is no part of the trunk
    assert not torch.equal(before['neck.running_mean'], after['neck.running_mean'])
    encoder.eval()
    assert not any(layer.training for layer in batch_norms(encoder))


@pytest.mark.parametrize('trunk, early', [('resnet18', 'conv1 bn1 layer1'), ('mobilenet_v2', '')])
def test_freeze_at_1_leaves_the_trunk_up_to_a_quarter_of_the_size_alone(trunk, early):
    encoder = ContentEncoder(trunk, embed_dim=8, freeze_at=1)
    early = early.split() or [f'features.{number}' for number in range(4)]
    before, after = train_five_steps(encoder), encoder.state_dict()
    frozen = [key for key in before if key.startswith(tuple(f'trunk.{part}.' for part in early))]
    assert frozen
    for key in before:
        if 'num_batches' not in key:
            assert torch.equal(before[key], after[key]) is (key in frozen), key
    for name, parameter in encoder.named_parameters():
        assert (parameter.grad is None) is (name in frozen)


def test_without_neck_and_linear_layer_the_embedding_is_the_pooled_map():
    encoder = ContentEncoder('resnet18', embed_dim=None, neck=False, num_parts=1).eval()
    img = torch.randn(2, 3, 32, 16)
    code = encoder(img)
    assert torch.equal(code.embedding, code.pre_bn)
    torch.testing.assert_close(code.embedding, encoder.trunk(img).mean((2, 3)))
    assert all(key.startswith('trunk.') for key in encoder.state_dict())


def test_a_head_is_random_in_training_alone_and_starts_as_published():
    head = EmbeddingHead(2048, 512, slope=0.1, dropout=0.5)
    pooled = torch.randn(4, 2048)
    assert not torch.equal(head(pooled), head(pooled))
    head.eval()
    assert torch.equal(head(pooled), head(pooled))
    assert head(pooled).min() < 0
    assert head.linear.weight.std().item() == pytest.approx((2 / 512) ** 0.5, rel=0.02)
    assert head.norm.weight.mean().item() == pytest.approx(1, abs=0.01)
    assert head.norm.weight.std().item() == pytest.approx(0.02, rel=0.2)
    assert not head.linear.bias.any()


def test_the_classifier_drops_what_it_reads_and_may_have_a_bias():
    classifier = IdentityClassifier(1000, 3, bias=True, dropout=0.5)
    nn.init.ones_(classifier.linear.weight)
    assert not classifier.linear.bias.any()
    kept = classifier(torch.ones(1, 1000))[0, 0].item() / 2  # the rest counts twice
    assert 400 < kept < 600
    assert classifier.eval()(torch.ones(1, 1000))[0, 0] == 1000


# ---- colours ----


def test_hue_saturation_and_value_are_those_of_colorsys():
    img = torch.rand(1, 3, 5, 7)
    img[0, :, 0, :3] = torch.tensor([[0, 0.5, 1], [0, 0.5, 0], [0, 0.5, 0]])  # black, grey, red
    ours = torch.stack(rgb_to_hsv(img), dim=1)
    for y in range(5):
        for x in range(7):
            theirs = colorsys.rgb_to_hsv(*img[0, :, y, x].tolist())
            assert ours[0, :, y, x].tolist() == pytest.approx(theirs, abs=1e-5)


def test_a_histogram_counts_each_stripe_without_the_rim():
    img = torch.zeros(1, 3, 12, 12)
    img[:, 0, :2, 2:6] = 1  # half of the first stripe's inner eight columns is red
    img[:, :, :, :2] = torch.rand(1, 3, 12, 2)  # rim, not seen
    found = ColorHistogram()(img).embedding.view(6, 8, 4, 4).square()
    red, black = (0, 3, 3), (0, 0, 0)  # hue, saturation, value
    assert found[0][red].item() == pytest.approx(8)
    assert found[0][black].item() == pytest.approx(8)
    assert found[1][black].item() == pytest.approx(16)
    assert found.sum().item() == pytest.approx(6 * 16)


def test_a_histogram_of_normalised_images_is_an_error():
    with pytest.raises(ValueError, match=r'reads images in \[0, 1\]'):
        ColorHistogram()(torch.randn(1, 3, 12, 6))
    with pytest.raises(ValueError, match=r'margin is 0\.5'):
        ColorHistogram(margin=0.5)
