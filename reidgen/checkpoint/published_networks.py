"""Networks in published checkpoints: where files have the tensors of reidgen's networks.

Names, shapes and the order of layers, nothing else. Sizes are read off the shapes.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

TRUNK = ('conv1', 'bn1', 'layer1', 'layer2', 'layer3', 'layer4')
# trunk as nn.Sequential: conv1, bn1, ReLU, max pooling, layer1 to layer4
SEQUENTIAL = {f'trunk.{name}': f'base.{n}' for name, n in zip(TRUNK, (0, 1, 4, 5, 6, 7))}
ENCODER = dict(type='ContentEncoder', trunk='resnet50')


class Network(NamedTuple):
    """A network of reidgen in a published file."""

    config: dict  # its type and sizes
    modules: dict[str, str]  # its modules -> the file's; '' is the file's top


class Sizes:
    """Sizes of the networks in a file.

    Args:
        state: tensors by the layout's own names.
        source: of the file, for errors.
        top: what was before the names.
    """

    def __init__(self, state: Mapping[str, Tensor], source: str, top: str = ''):
        self.state, self.source, self.top = state, source, top

    def of(self, key: str, axis: int) -> int:
        """Size of a tensor along an axis.

        Raises:
            ValueError: the file lacks the tensor, or it has fewer axes.
        """
        if key not in self.state:
            raise ValueError(f'{self.source} lacks {self.top}{key}: it was cut, or is another file')
        shape = tuple(self.state[key].shape)
        if len(shape) <= axis:
            raise ValueError(f'{self.source}: {self.top}{key} is {shape}, of too few axes')
        return shape[axis]

    def count(self, pattern: str) -> int:
        """One more than the largest number in the pattern's group; 0 where no key matches."""
        found = (re.match(pattern, key) for key in self.state)
        return 1 + max((int(match[1]) for match in found if match), default=-1)

    def has(self, key: str) -> bool:
        return key in self.state


# ---- encoders: ResNet-50 ----


def _encoder(
    sizes: Sizes,
    trunk: dict[str, str],
    linear: str | None = None,
    neck: str | None = None,
    **config,
) -> dict[str, Network]:
    """E_c with the trunk's modules, the linear layer and the batch norm of the embedding."""
    modules = dict(trunk)
    if linear:
        modules['linear'] = linear
    if neck:
        modules['neck'] = neck
    config = dict(embed_dim=sizes.of(f'{linear}.weight', 0) if linear else None) | config
    return {'E_c': Network(ENCODER | config | ({} if neck else {'neck': False}), modules)}


def _top_level(before: str = '') -> dict[str, str]:
    return {f'trunk.{name}': f'{before}{name}' for name in TRUNK}


def jvtc(sizes: Sizes) -> dict[str, Network]:
    return _encoder(sizes, _top_level(), 'feat', 'feat_bn')


def torchreid(sizes: Sizes) -> dict[str, Network]:
    return _encoder(sizes, _top_level(), last_stride=2)


def torchreid_fc(sizes: Sizes) -> dict[str, Network]:
    return _encoder(sizes, _top_level(), 'fc.0', 'fc.1')


def dgnet(sizes: Sizes) -> dict[str, Network]:
    return _encoder(sizes, _top_level('model.'))


def fastreid(sizes: Sizes) -> dict[str, Network]:
    older = sizes.has('heads.bnneck.weight')
    neck = 'heads.bnneck' if older else 'heads.bottleneck.0'
    return _encoder(sizes, _top_level('backbone.'), neck=neck)


def fastreid_trunk(sizes: Sizes) -> dict[str, Network]:
    return _encoder(sizes, _top_level('backbone.'))


def sequential(sizes: Sizes) -> dict[str, Network]:
    linear = 'feat' if sizes.has('feat.weight') else None
    return _encoder(sizes, SEQUENTIAL, linear, 'feat_bn')


def sequential_trunk(sizes: Sizes) -> dict[str, Network]:
    return _encoder(sizes, SEQUENTIAL)


# ---- GCL and DG-Net: E_p, G, D ----


def generator(sizes: Sizes) -> dict[str, Network]:
    return {'E_p': _pose_encoder(sizes), 'G': _decoder(sizes)}


def _pose_encoder(sizes: Sizes) -> Network:
    blocks, aspp = 'enc_content.model.4.model', 'enc_content.model.5'
    num_blocks = sizes.count(rf'{re.escape(blocks)}\.(\d+)\.')
    modules = {f'down.{n}.conv': f'enc_content.model.{n}.conv' for n in range(4)}
    modules |= _residual_blocks('blocks', blocks, num_blocks)
    modules |= {'aspp.point.conv': f'{aspp}.conv1.conv', 'aspp.mix.conv': f'{aspp}.fuse.conv'}
    for n, name in enumerate(('conv6', 'conv12', 'conv18')):  # with dilation 3, 6 and 9
        for layer in range(2):
            modules[f'aspp.dilated.{n}.{layer}.conv'] = f'{aspp}.{name}.{layer}.conv'
    config = dict(
        type='PoseEncoder',
        in_channels=sizes.of('enc_content.model.0.conv.weight', 1),
        base_dim=sizes.of('enc_content.model.0.conv.weight', 0),
        num_res_blocks=num_blocks,
        aspp_dim=sizes.of(f'{aspp}.conv1.conv.weight', 0),
        out_dim=sizes.of(f'{aspp}.fuse.conv.weight', 0),
    )
    return Network(config, modules)


def _decoder(sizes: Sizes) -> Network:
    num_blocks = sizes.count(r'dec\.model\.1\.model\.(\d+)\.')
    modules = _residual_blocks('blocks', 'dec.model.1.model', num_blocks)
    for ours, theirs in ((1, 3), (3, 5)):  # 0 and 2 upsample here, 2 and 4 there
        modules[f'up.{ours}.conv'] = f'dec.model.{theirs}.conv'
        modules[f'up.{ours}.layer_norm'] = f'dec.model.{theirs}.norm'
    modules |= {f'image.{n}.conv': f'dec.model.{n + 6}.conv' for n in range(3)}
    for ours, theirs in (('weights', 'w'), ('biases', 'b')):
        for k in range(num_blocks):
            for layer in range(3):  # activations between them have numbers here
                name = f'heads.{ours}.{k}.{2 * layer}'
                modules[name] = f'mlp_{theirs}{k + 1}.model.{layer}.fc'
    config = dict(
        type='AdaINDecoder',
        content_dim=num_blocks * sizes.of('mlp_w1.model.0.fc.weight', 1),
        base_dim=sizes.of('dec.model.3.conv.weight', 1),
        num_res_blocks=num_blocks,
        head_dim=sizes.of('mlp_w1.model.0.fc.weight', 0),
    )
    return Network(config, modules)


def discriminator(sizes: Sizes) -> dict[str, Network]:
    """D: per scale convolutions, residual blocks, and a last convolution outside a block."""
    num_scales = sizes.count(r'cnns\.(\d+)\.')
    num_convs = sizes.count(r'cnns\.\d+\.(\d+)\.conv\.')  # 3, and 2 for each further halving
    num_blocks = max(0, sizes.count(r'cnns\.\d+\.(\d+)\.model\.') - num_convs)
    modules = {}
    for scale in range(num_scales):
        ours, theirs = f'critics.{scale}', f'cnns.{scale}'
        modules |= {f'{ours}.{n}.conv': f'{theirs}.{n}.conv' for n in range(num_convs)}
        modules |= _residual_blocks(ours, theirs, num_blocks, num_convs)
        last = num_convs + num_blocks
        modules[f'{ours}.{last}.conv'] = f'{theirs}.{last}'
    config = dict(
        type='MultiScaleDiscriminator',
        num_scales=num_scales,
        base_dim=sizes.of('cnns.0.0.conv.weight', 0),
        num_res_blocks=num_blocks,
        num_downsample=(num_convs - 1) // 2,
    )
    return {'D': Network(config, modules)}


def _residual_blocks(ours: str, theirs: str, num_blocks: int, first: int = 0) -> dict[str, str]:
    return {
        f'{ours}.{n}.conv{layer + 1}.conv': f'{theirs}.{n}.model.{layer}.conv'
        for n in range(first, first + num_blocks)
        for layer in range(2)
    }
