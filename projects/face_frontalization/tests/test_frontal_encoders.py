"""Frozen face encoders: layout, preprocessing, weights by path."""

import pytest
import torch
from face_pictures import E, TinyFaceNet
from torch import nn

from projects.face_frontalization.face_frontalization import FaceResNet50, FaceVGG16, FrozenTrunk
from projects.face_frontalization.face_frontalization.encoders import load_frozen
from reidgen.registry import build_network


def meta(kind, **options):
    with torch.device('meta'):
        return kind(**options)


def test_the_resnet_has_caffes_strides():
    encoder = meta(FaceResNet50)
    network = encoder.network
    maps = network.maxpool(
        network.relu(network.bn1(network.conv1(torch.empty(1, 3, 224, 224, device='meta'))))
    )
    assert maps.shape[2:] == (56, 56)
    assert network.maxpool.padding == 0
    strides = [(layer[0].conv1.stride[0], layer[0].conv2.stride[0]) for layer in (
        network.layer1, network.layer2, network.layer3, network.layer4)]  # fmt: skip
    assert strides == [(1, 1), (2, 1), (2, 1), (2, 1)]
    for layer in (network.layer1, network.layer2, network.layer3, network.layer4):
        maps = layer(maps)
    assert maps.shape == (1, 2048, 7, 7)
    assert network.fc(network.avgpool(maps)).flatten(1).shape[1] == encoder.feat_dim


def test_vgg_gives_its_second_linear_layer_before_or_after_the_relu():
    img = torch.empty(1, 3, 224, 224, device='meta')
    relu7, fc7 = (meta(FaceVGG16, feature=name).network.classifier for name in ('relu7', 'fc7'))
    assert isinstance(relu7[-1], nn.ReLU)
    assert isinstance(fc7[-1], nn.Linear)
    encoder = meta(FaceVGG16)
    encoder.mean, encoder.std = encoder.mean.to('meta'), encoder.std.to('meta')
    assert encoder(img).shape == (1, encoder.feat_dim) == (1, 4096)
    assert encoder.pool2(img).shape == (1, 128, 56, 56)
    with pytest.raises(ValueError, match=r"feature is 'fc6'.*choose one of relu7, fc7"):
        FaceVGG16('fc6')


def test_images_reach_the_network_in_its_order_of_channels_less_the_mean():
    encoder = FrozenTrunk(dict(type='TinyFaceNet'), mean=(10, 20, 30), std=(1, 2, 5), bgr=True)
    white = encoder.prepared(torch.ones(1, 3, 2, 2))[0, :, 0, 0]
    assert white.tolist() == pytest.approx([(255 - 30) / 5, (255 - 20) / 2, 255 - 10])
    assert meta(FaceResNet50).bgr
    assert meta(FaceResNet50).mean.flatten().tolist() == pytest.approx(
        [131.0912, 103.8827, 91.4953]
    )


def test_a_trunk_of_reidgen_is_an_encoder_of_its_embedding():
    content = dict(type='ContentEncoder', trunk='resnet18', embed_dim=None, weights=None)
    encoder = meta(FrozenTrunk, network=content)
    assert encoder.feat_dim == encoder.network.embed_dim == 512
    with pytest.raises(ValueError, match='Conv2d has no embed_dim'):
        FrozenTrunk(dict(type=nn.Conv2d, in_channels=3, out_channels=4, kernel_size=1))


def test_an_encoder_is_frozen_in_training_and_passes_gradients_to_the_image():
    torch.manual_seed(0)
    encoder = build_network(E).train()
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    img = torch.randn(2, 3, 16, 16, requires_grad=True)
    encoder(img).sum().backward()
    assert not any(module.training for module in encoder.modules())
    assert all(p.grad is None and not p.requires_grad for p in encoder.parameters())
    assert img.grad.abs().sum() > 0
    assert all(torch.equal(before[key], value) for key, value in encoder.state_dict().items())


def test_weights_come_from_a_path_or_are_refused(tmp_path):
    source, network = TinyFaceNet(), TinyFaceNet()
    path = tmp_path / 'face.pth'
    state = source.state_dict()
    torch.save(
        {f'module.{key}': state[key] for key in state} | {'module.fc.weight': torch.ones(3)}, path
    )
    load_frozen(network, str(path), 'TinyFaceNet')
    assert torch.equal(network.conv.weight, source.conv.weight)
    torch.save({key: state[key] for key in state if 'norm' in key}, path)
    with pytest.raises(ValueError, match=r'does not fit TinyFaceNet: 2 of 7 .*conv\.weight'):
        load_frozen(network, str(path), 'TinyFaceNet')
    with pytest.raises(FileNotFoundError, match=r'no weights at .*none\.pth.*They are not shipped'):
        load_frozen(network, str(tmp_path / 'none.pth'), 'TinyFaceNet')


class WeighedNet(nn.Linear):
    def __init__(self, weights: str | None = 'own'):
        super().__init__(1, 1)
        self.weights, self.embed_dim = weights, 1


def test_a_frozen_trunk_hands_its_weights_to_the_network():
    network = dict(type=WeighedNet)
    given = [FrozenTrunk(network, weights=path).network.weights for path in ('a.pth', None)]
    assert given == ['a.pth', 'own']
    assert network == dict(type=WeighedNet)
