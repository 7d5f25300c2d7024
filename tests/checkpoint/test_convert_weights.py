"""Published checkpoints: converted networks compute what the published ones compute."""

import pytest
import torch
import torch.nn.functional as nnf
from torch import nn

from reidgen.checkpoint.converting import REGISTRIES, convert
from reidgen.registry import build
from tests.checkpoint import published_files as published
from tests.checkpoint.published_files import SEQUENTIAL, TORCHVISION, below

pytestmark = pytest.mark.slow  # networks of the published sizes


def networks(state: dict, source: str = 'file.pt') -> dict[str, nn.Module]:
    """The networks of a file, each built by the sizes told and loaded with every tensor."""
    found = {}
    for conversion in convert(state, source):
        for name, config in conversion.configs.items():
            with torch.device('meta'):
                network = build(config, REGISTRIES[config['type']])
            network.load_state_dict(published.part(conversion.state, f'{name}.'), assign=True)
            found[name] = network.eval()
    return found


def left(state: dict) -> dict[str, list[str]]:
    """Keys without a place, by the reason."""
    (conversion,) = convert(state, 'file.pt')
    return conversion.left


def raises(state: dict, *texts: str) -> None:
    with pytest.raises(ValueError, match=r'file\.pt') as error:
        convert(state, 'file.pt')
    for text in texts:
        assert text in str(error.value)


@pytest.fixture(scope='module', autouse=True)
def seed():
    torch.manual_seed(0)


def renamed(trunk: dict, names: dict[str, str]) -> dict:
    """The trunk with its six parts under other names."""
    return {
        f'{names[part]}.{rest}': value
        for key, value in trunk.items()
        for part, _, rest in [key.partition('.')]
    }


# ---- the same numbers ----


JVTC = (TORCHVISION, lambda: published.head('feat', 'feat_bn'), 'feat', 'feat_bn')
ENCODERS = {
    'JVTC': (*JVTC, published.linear('classifier', 6, 5)),
    'SpCL': (
        SEQUENTIAL,
        lambda: published.batch_norm('feat_bn', 2048),
        None,
        'feat_bn',
        published.linear('classifier', 2048, 5, bias=False),
    ),
    'cluster-contrast --features': (
        SEQUENTIAL,
        lambda: published.head('feat', 'feat_bn'),
        'feat',
        'feat_bn',
        {},
    ),
    'fast-reid': (
        below('backbone'),
        lambda: published.batch_norm('heads.bottleneck.0', 2048),
        None,
        'heads.bottleneck.0',
        {'heads.weight': torch.ones(5, 2048), 'pixel_mean': torch.ones(1, 3, 1, 1)},
    ),
    'older fast-reid': (
        below('backbone'),
        lambda: published.batch_norm('heads.bnneck', 2048),
        None,
        'heads.bnneck',
        published.linear('heads.classifier', 2048, 5, bias=False),
    ),
    'torchreid fc512': (
        TORCHVISION,
        lambda: published.head('fc.0', 'fc.1'),
        'fc.0',
        'fc.1',
        published.linear('classifier', 6, 5),
    ),
}


@pytest.mark.parametrize('base', ENCODERS)
def test_a_converted_encoder_computes_what_the_published_one_computes(trunk, base):
    names, build_head, linear, neck, surplus = ENCODERS[base]
    state = renamed(trunk, names) | build_head()
    (encoder,) = networks(state | surplus).values()
    img = torch.randn(2, 3, 64, 32)
    last = published.feature_map(state, names, img)
    pooled = last.mean((2, 3))
    if linear:
        pooled = nnf.linear(pooled, state[f'{linear}.weight'], state[f'{linear}.bias'])
    code = encoder(img)
    close = dict(rtol=1e-3, atol=3e-4)  # sums of fifty layers differ by machine
    torch.testing.assert_close(code.content, published.part_features(last), **close)
    torch.testing.assert_close(code.pre_bn, pooled, **close)
    torch.testing.assert_close(code.embedding, published.normed(state, neck, pooled), **close)
    assert sorted(key for keys in left(state | surplus).values() for key in keys) == sorted(surplus)


def test_torchreids_resnet50_keeps_its_last_stride_and_has_no_head(trunk):
    state = trunk | published.linear('classifier', 2048, 5)
    (encoder,) = networks(state).values()
    img = torch.randn(2, 3, 64, 64)
    expected = published.feature_map(state, TORCHVISION, img, last_stride=2).mean((2, 3))
    torch.testing.assert_close(encoder(img).embedding, expected, rtol=1e-4, atol=1e-4)


def test_of_two_domains_batch_norms_the_targets_are_taken(trunk):
    single = renamed(trunk, SEQUENTIAL) | published.batch_norm('feat_bn', 2048)
    norms = {key.rpartition('.')[0] for key in single if key.endswith('running_var')}
    state = {}
    for key, value in single.items():
        module, _, name = key.rpartition('.')
        if module in norms:
            state |= {f'{module}.BN_T.{name}': value, f'{module}.BN_S.{name}': value + 1}
        else:
            state[key] = value
    (encoder,) = networks(state).values()
    assert torch.equal(encoder.trunk.layer1[0].bn1.weight, single['base.4.0.bn1.weight'])
    assert torch.equal(encoder.neck.running_var, single['feat_bn.running_var'])
    ((reason, keys),) = left(state).items()
    assert 'source' in reason
    assert len(keys) == 5 * len(norms)


@pytest.mark.parametrize('base', ['fast-reid', 'cluster-contrast'])
def test_a_neck_after_generalised_mean_pooling_is_left(trunk, base):
    state = {
        'fast-reid': renamed(trunk, below('backbone'))
        | published.batch_norm('heads.bottleneck.0', 2048)
        | {'heads.pool_layer.p': torch.tensor([3.0]), 'heads.weight': torch.ones(5, 2048)},
        'cluster-contrast': renamed(trunk, SEQUENTIAL)
        | published.batch_norm('feat_bn', 2048)
        | {'gap.p': torch.tensor([3.0])},
    }[base]
    (conversion,) = convert(state, 'file.pt')
    assert all(key.startswith('E_c.trunk.') for key in conversion.state)
    assert conversion.configs['E_c']['neck'] is False
    assert any('pools by mean' in reason for reason in conversion.left)


@pytest.mark.parametrize('top', ['', 'gen', 'a'])
def test_a_converted_generator_computes_what_the_published_one_computes(generator, top):
    state = published.nested(top, generator) if top else generator
    found = networks(state)
    mesh, content = torch.randn(2, 1, 64, 48), torch.randn(2, 48)
    pose = found['E_p'](mesh)
    close = dict(rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(pose, published.pose_code(generator, mesh), **close)
    img = found['G'](pose, content)
    torch.testing.assert_close(img, published.decoded(generator, pose, content), **close)
    assert img.shape == (2, 3, 64, 48)
    ((reason, keys),) = left(state).items()
    assert (reason, len(keys)) == ('buffers that AdaIN does not read', 16)


def test_a_converted_discriminator_computes_what_the_published_one_computes():
    state = published.discriminator()
    (critic,) = networks(published.nested('dis', state)).values()
    img = torch.randn(2, 3, 64, 32)
    for logits, expected in zip(critic(img), published.judged(state, img), strict=True):
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


def test_published_sizes_are_those_of_the_configs_defaults():
    state = published.nested('gen', published.generator(16, 2048, 512))
    state |= published.nested('dis', published.discriminator(32))
    for name, network in networks(state).items():
        with torch.device('meta'):
            default = build({'type': type(network).__name__}, REGISTRIES[type(network).__name__])
        assert {key: value.shape for key, value in network.state_dict().items()} == {
            key: value.shape for key, value in default.state_dict().items()
        }, name


def test_of_dg_net_the_trunk_is_converted_and_both_heads_are_left(trunk):
    heads = {}
    for name in ('classifier1', 'classifier2'):
        heads |= published.head(f'{name}.add_block.0', f'{name}.add_block.1')
        heads |= published.linear(f'{name}.classifier.0', 6, 5)
    imagenet = published.linear('model.fc', 2048, 5)
    (conversion,) = convert(
        published.nested('a', renamed(trunk, below('model')) | heads | imagenet), 'id.pt'
    )
    assert {key.removeprefix('E_c.trunk.') for key in conversion.state} == set(trunk)
    assert torch.equal(conversion.state['E_c.trunk.conv1.weight'], trunk['conv1.weight'])
    assert sum(map(len, conversion.left.values())) == len(heads) + len(imagenet)
    assert 'maximum' in conversion.note


# ---- refused ----


@pytest.mark.parametrize(
    'key',
    [
        'gen.enc_content.model.5.conv12.1.conv.bias',
        'gen.dec.model.3.norm.gamma',
        'gen.dec.model.1.model.2.model.1.conv.weight',
        'gen.mlp_b4.model.2.fc.weight',
        'gen.mlp_w1.model.0.fc.weight',
        'dis.cnns.1.9.weight',
        'dis.cnns.2.0.conv.weight',
    ],
)
def test_a_missing_tensor_is_named(generator, key):
    state = published.nested('gen', generator) | published.nested('dis', published.discriminator())
    del state[key]
    raises(state, key)


@pytest.mark.parametrize('key', ['layer3.5.bn2.running_mean', 'feat.weight', 'feat_bn.running_var'])
def test_a_missing_tensor_of_an_encoder_is_named(trunk, key):
    state = trunk | published.head('feat', 'feat_bn')
    del state[key]
    raises(state, key)


def test_counters_that_old_torch_does_not_write_are_zero(trunk):
    state = trunk | published.head('feat', 'feat_bn')
    old = {key: value for key, value in state.items() if 'num_batches' not in key}
    (conversion,) = convert(old, 'file.pt')
    assert conversion.counters == 54  # 53 batch norms of a ResNet-50, and the neck
    assert conversion.state['E_c.neck.num_batches_tracked'] == 0
    assert len(networks(old)) == 1


def test_damaged_and_foreign_tensors_are_named(generator):
    raises(generator | {'dec.model.6.conv.bias': torch.ones(9)}, 'dec.model.6.conv.bias (9,)')
    raises(
        generator | {'mlp_w1.model.0.fc.weight': torch.ones(6)}, 'mlp_w1.model.0.fc.weight is (6,)'
    )
    nan = torch.full_like(generator['dec.model.6.conv.bias'], torch.nan)
    raises(generator | {'dec.model.6.conv.bias': nan}, 'dec.model.6.conv.bias', 'NaN')
    raises(generator | {'dec.model.9.conv.bias': torch.ones(3)}, 'dec.model.9.conv.bias', 'in part')
    raises(generator | {'memory.features': torch.ones(3)}, 'memory.features')
    raises(
        published.nested('gen', generator) | {'memory.features': torch.ones(3)}, 'memory.features'
    )


def test_networks_that_compute_something_else_are_refused_by_name(trunk, generator):
    neck = published.batch_norm('feat_bn', 2048)
    no_relu = dict(zip(TORCHVISION, ('base.0', 'base.1', *(f'base.{n}' for n in range(3, 7)))))
    raises(renamed(trunk, no_relu) | neck, 'MMT', 'no ReLU')
    fast = renamed(trunk, below('backbone')) | published.batch_norm('heads.bottleneck.0', 2048)
    ibn = {'backbone.layer1.0.bn1.IN.weight': torch.ones(32)}
    raises(fast | ibn, 'backbone.layer1.0.bn1.IN.weight', 'IBN-Net')
    raises(fast | {'backbone.NL_2.0.g.weight': torch.ones(1)}, 'NL_2.0.g.weight', 'non-local')
    raises(fast | {'heads.bottleneck.1.weight': torch.ones(6)}, 'convolution before its batch norm')
    deeper = {'backbone.layer3.6.conv1.weight': torch.ones(256, 1024, 1, 1)}
    raises(fast | deeper, 'backbone.layer3.6.conv1.weight', 'another network')
    critic = published.discriminator() | {'cnns.0.9.query_conv.weight': torch.ones(1)}
    raises(critic, 'cnns.0.9.query_conv.weight', 'non-local')
    raises(trunk | published.linear('fc', 2048, 5), 'torchvision', '`weights`')
    raises({'state.0.exp_avg': torch.ones(1)}, 'no known code base', 'state.0.exp_avg')


def test_two_networks_of_a_name_are_refused_unless_they_are_one(generator):
    both = published.nested('a', generator) | published.nested('b', generator)
    found = convert(both, 'file.pt')
    assert [list(conversion.configs) for conversion in found] == [['E_p', 'G']]
    assert ['b.*'] in found[0].left.values()
    raises(both | {'b.dec.model.6.conv.bias': torch.ones(8)}, "below 'a.' and below 'b.'")
