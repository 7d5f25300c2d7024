"""Content encoders over timm's models; timm's small test models."""

import builtins
import copy
from importlib.util import find_spec

import pytest
import torch
from mmengine.logging import MMLogger
from safetensors.torch import load_file, save_file
from torch import nn

from reidgen.models.encoders import ContentEncoder
from reidgen.models.layers.ghost_batch_norm import GhostBatchNorm, set_bn_group

pytestmark = [
    pytest.mark.usefixtures('seeded'),
    pytest.mark.skipif(find_spec('timm') is None, reason="needs pip install 'reidgen[timm]'"),
]

SIZE = (64, 32)
VIT = dict(trunk='timm/test_vit', img_size=SIZE)  # patches of 16 x 16, a class token
CNN = dict(trunk='timm/test_efficientnet')


def create_model(*args, **kwargs) -> nn.Module:
    from timm import create_model  # takes half a second

    return create_model(*args, **kwargs)


def encoder(**kwargs) -> ContentEncoder:
    return ContentEncoder(**{'embed_dim': 8, **kwargs})


@pytest.fixture
def logged(monkeypatch):
    messages = []
    logger = MMLogger.get_current_instance()
    monkeypatch.setattr(logger, 'handle', lambda record: messages.append(record.getMessage()))
    return messages


@pytest.fixture
def vit_file(tmp_path):
    """Weights of a model at timm's own size, 160 x 160, with its classifier."""
    model = create_model('test_vit')
    nn.init.normal_(model.pos_embed)
    save_file(model.state_dict(), tmp_path / 'vit.safetensors')
    return tmp_path / 'vit.safetensors'


@pytest.mark.slow
@pytest.mark.parametrize(
    'kwargs, shape',
    [
        (VIT, (64, 4, 2)),
        (dict(trunk='timm/test_vit3', img_size=SIZE), (96, 4, 2)),  # register tokens, average pool
        (CNN, (64, 4, 2)),
        (dict(CNN, last_stride=2), (64, 2, 1)),
        (dict(trunk='timm/test_resnet'), (96, 4, 2)),
        (dict(trunk='timm/test_convnext', last_stride=2), (64, 2, 1)),
        (dict(trunk='timm/mobilenetv3_small_050'), (288, 4, 2)),
    ],
)
def test_content_is_pooled_from_the_last_map_and_every_parameter_learns(kwargs, shape):
    made = encoder(num_parts=2, **kwargs).train()
    img = torch.randn(2, 3, *SIZE)
    found = made.feature_map(img)
    assert found.shape == (2, *shape)
    code = made.eval()(img)
    assert made.content_dim == 2 * shape[0]
    halves = made.feature_map(img).unflatten(2, (2, -1)).mean((3, 4))  # (B, C, 2)
    torch.testing.assert_close(code.content, halves.flatten(1), atol=1e-5, rtol=1e-5)
    pooled = made.feature_map(img).mean((2, 3))
    torch.testing.assert_close(code.pre_bn, made.linear(pooled), atol=1e-5, rtol=1e-5)
    code = made.train()(img)
    (code.content.square().sum() + (code.embedding * torch.randn(2, 8)).sum()).backward()
    # a network of which a part gets no gradient cannot train on several processes
    assert [name for name, each in made.named_parameters() if each.grad is None] == []


def test_tokens_are_those_of_timm_with_its_interpolated_positions(vit_file):
    made = encoder(**VIT, weights=vit_file).eval()
    overlay = dict(file=str(vit_file))
    theirs = create_model(
        'test_vit', img_size=SIZE, pretrained=True, pretrained_cfg_overlay=overlay
    )
    img = torch.randn(2, 3, *SIZE)
    tokens = theirs.eval().forward_features(img)[:, 1:]  # (B, 8, C) without the class token
    found = made.feature_map(img)
    for row in range(4):
        for column in range(2):
            assert torch.equal(found[:, :, row, column], tokens[:, 2 * row + column])


def test_a_convolutional_model_loads_by_timms_names_and_lists_what_is_cut_off(tmp_path, logged):
    theirs = create_model('test_efficientnet')
    torch.save(theirs.state_dict(), tmp_path / 'cnn.pth')
    made = encoder(**CNN, weights=tmp_path / 'cnn.pth').trunk.state_dict()
    assert all(torch.equal(value, theirs.state_dict()[key]) for key, value in made.items())
    assert f'trunk from {tmp_path / "cnn.pth"}; head at random; not used: ' in logged[-1]
    assert 'classifier (2 tensors)' in logged[-1]
    assert not [line for line in logged if 'normalised' in line]  # by ImageNet's, as here


def test_an_encoder_of_ours_comes_back_bit_for_bit(tmp_path):
    trained = encoder(**VIT)
    nn.init.normal_(trained.trunk.pos_embed)
    torch.save({f'E_c.{k}': v for k, v in trained.state_dict().items()}, tmp_path / 'E_c.pth')
    restored = encoder(**VIT, weights=tmp_path / 'E_c.pth').state_dict()
    assert all(torch.equal(value, restored[key]) for key, value in trained.state_dict().items())


def test_a_file_of_another_model_is_refused(tmp_path):
    torch.save(create_model('test_efficientnet').state_dict(), tmp_path / 'cnn.pth')
    message = r"does not fit the trunk timm/test_vit: .* missing .* a file of timm's timm/test_vit"
    with pytest.raises(ValueError, match=message):
        encoder(**VIT, weights=tmp_path / 'cnn.pth')


def test_another_patch_size_is_refused_though_timm_could_resample_it(vit_file, tmp_path):
    state = dict(load_file(vit_file))
    state['patch_embed.proj.weight'] = state['patch_embed.proj.weight'][:, :, :8, :8].contiguous()
    torch.save(state, tmp_path / 'patch8.pth')
    with pytest.raises(ValueError, match=r'patch_embed.proj.weight \(64, 3, 8, 8\) instead of'):
        encoder(**VIT, weights=tmp_path / 'patch8.pth')


def test_positions_that_are_no_grid_are_refused(vit_file, tmp_path):
    state = dict(load_file(vit_file))
    torch.save(state | {'pos_embed': torch.zeros(1, 8, 64)}, tmp_path / 'odd.pth')
    with pytest.raises(ValueError, match=r'pos_embed \(1, 8, 64\) instead of \(1, 9, 64\)'):
        encoder(**VIT, weights=tmp_path / 'odd.pth')


def test_other_means_than_imagenets_and_interpolation_are_told(vit_file, logged):
    encoder(**VIT, weights=vit_file)
    note, resized, _ = logged
    assert note.startswith('timm/test_vit: its weights were trained on images normalised by mean=(')
    assert resized == 'timm/test_vit: pos_embed (1, 101, 64) interpolated to (1, 9, 64)'


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(trunk='timm/test_vitt'), "has no model 'test_vitt'; near: timm/test_vit"),
        (dict(trunk='timm/resnet18.foo'), r"the tag 'foo'; known: a1_in1k, a2_in1k"),
        (dict(CNN, img_size=SIZE), r'takes images of any size; leave it out'),
        (dict(trunk='resnet18', img_size=SIZE), 'the trunk resnet18 takes images of any size'),
        (
            dict(VIT, early_stats=True, part_layout='part_major'),
            'early_stats needs a map at a quar',
        ),
        (dict(VIT, frozen_bn='stats'), "frozen_bn is 'stats', but the trunk timm/test_vit has no"),
        (dict(CNN, freeze_at=1), 'freeze_at is of torchvision trunks; set freeze_at=0 for timm/t'),
        (dict(trunk='timm/test_convnext'), 'last stride of the trunk .* set last_stride=2'),
        (dict(CNN, weights='imagenet'), "is a file of torchvision; set weights='hub' for the publ"),
    ],
)
def test_what_a_trunk_does_not_have_is_refused_with_the_fix(kwargs, message):
    with pytest.raises(ValueError, match=message):
        encoder(**kwargs)


def test_images_of_another_size_are_refused():
    message = r'timm/test_vit is built for images of 64 x 32, but is given 32 x 64; set img_size'
    with pytest.raises(ValueError, match=message):
        encoder(**VIT)(torch.zeros(1, 3, 32, 64))


def test_early_stats_add_the_map_at_a_quarter_of_the_size():
    made = encoder(
        trunk='timm/test_efficientnet', num_parts=2, early_stats=True, part_layout='part_major'
    ).eval()
    img = torch.randn(2, 3, *SIZE)
    early, _ = made.architecture.maps(made.trunk, img)
    assert early.shape == (2, 24, 16, 8)
    content = made(img).content.unflatten(1, (2, -1))  # (B, parts, last, mean, deviation)
    assert made.content_dim == 2 * (64 + 2 * 24)
    top = early[:, :, :8].flatten(2)
    torch.testing.assert_close(content[:, 0, 64:88], top.mean(2), atol=1e-5, rtol=1e-5)
    deviation = top.var(2, unbiased=False).clamp_min(1e-4).sqrt()
    torch.testing.assert_close(content[:, 0, 88:], deviation, atol=1e-4, rtol=1e-4)


def test_batch_norms_with_activations_are_frozen_and_grouped():
    made = encoder(**CNN, frozen_bn='stats').train()
    norms = [m for m in made.trunk.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert not any(layer.training for layer in norms)
    plain = encoder(**CNN).train()
    grouped = copy.deepcopy(plain)
    set_bn_group(grouped, 4)
    assert any(isinstance(m, GhostBatchNorm) for m in grouped.trunk.modules())
    img = torch.randn(4, 3, *SIZE)
    torch.testing.assert_close(grouped(img).content, plain(img).content)


# ---- the hub, and timm itself ----


@pytest.fixture
def hub(monkeypatch):
    """Requests to the hub, answered by `hub.file`, or as without a network."""
    import huggingface_hub

    def download(repository, file, revision=None):
        download.asked.append((repository, file))
        if download.file is None:
            raise huggingface_hub.errors.LocalEntryNotFoundError('cannot find it in the cache')
        return str(download.file)

    download.asked, download.file = [], None
    monkeypatch.setattr(huggingface_hub, 'hf_hub_download', download)
    return download


def test_without_a_network_hub_weights_are_an_error_with_the_fix(hub):
    with pytest.raises(FileNotFoundError) as error:
        encoder(trunk='timm/vit_tiny_patch16_224.augreg_in21k', img_size=SIZE, weights='hub')
    assert 'timm/vit_tiny_patch16_224.augreg_in21k is not in the cache of the hub' in str(
        error.value
    )
    assert 'Point the key `weights` at a local file' in str(error.value)


def test_hub_weights_are_those_of_the_tag(hub, vit_file):
    hub.file = vit_file
    made = encoder(**VIT, weights=['absent.pth', 'hub'])
    assert made.pretrained
    assert hub.asked == [('timm/test_vit.r160_in1k', 'model.safetensors')]


def test_a_random_start_is_only_what_is_asked_for(hub):
    assert not encoder(**VIT, weights=['hub', None]).pretrained
    assert not encoder(**VIT).pretrained
    assert len(hub.asked) == 1


def test_a_missing_timm_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == 'timm':
            raise ImportError('No module named timm')
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without)
    with pytest.raises(ImportError, match=r"pip install 'reidgen\[timm\]'"):
        encoder(**VIT)
