"""GCL: errors of options and data sets that do not fit, with value and fix."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch

from reidgen.engine.stages import parse_stages
from reidgen.models import GCL

GENERATORS, JOINT = (
    dict(name='generators', iters=1, phases=['D', 'G'], loss_weights=dict(memory=0)),
    dict(name='joint', iters=1, phases=['D', 'G'], labels='cluster'),
)
CONTROL = dict(
    name='control', iters=1, phases=['M'], loaders=dict(target='pairs'), labels='cluster'
)
STAGES = parse_stages([GENERATORS, JOINT])


@dataclass
class Data:
    """Attributes of a data set that the checks read."""

    name: str = 'market'
    size: int = 10
    num_identities: int = 0
    map_channels: int = 1
    num_views: int = 8
    image_size: tuple[int, int] = (64, 32)
    second_size: tuple[int, int] | None = None

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, row: int) -> SimpleNamespace:
        item = SimpleNamespace(img=torch.zeros(3, *self.image_size, dtype=torch.uint8))
        if self.second_size:
            item.second = torch.zeros(3, *self.second_size, dtype=torch.uint8)
        return item


def check(model, stages=STAGES, loader='target', **values):
    model.check_data({loader: Data(**values)}, {loader: 4}, stages)


@pytest.mark.parametrize(
    'changes, error',
    [
        (dict(content_on=('recon', 'cycle')), r"model.content_on .*'cycle'.*one of recon, cyc, nv"),
        (dict(content_on=()), r'content is not 0 but model.content_on is empty; name some of'),
        (dict(bn_mode='mix'), r"model.bn_mode .*'mix'.*one of mixed, real_only"),
        (dict(penalty=None), r'loss_weights.gp .*model.penalty is not set; set'),
        (
            dict(penalty=dict(type='GradientPenalty', kind='wgan_gp')),
            r"model.penalty.kind is 'wgan_gp'; choose one of r1_dgnet, r1",
        ),
        (
            dict(bank=dict(num_samples=10, dim=512)),
            r'model.bank.dim is 512 but E_c embeds into 8; set model.bank.dim=8',
        ),
        (
            dict(networks=dict(G=dict(type='AdaINDecoder', content_dim=64, base_dim=8))),
            r'model.networks.G.content_dim is 64 but E_c gives 32; set it to 32',
        ),
        (
            dict(networks=dict(G=dict(type='AdaINDecoder', content_dim=32, base_dim=16))),
            r'model.networks.G takes .* 16 .*gives 8; set model.networks.E_p.out_dim=16',
        ),
        (
            dict(networks=dict(mlp=dict(type='AdaINHeads', content_dim=32, base_dim=8))),
            r'model.networks.G.own_heads is True: G needs own_heads=False with networks.mlp',
        ),
        (dict(loss_weights=dict(cyclic=5)), r"loss_weights: .*'cyclic'.*known: \['adv', 'content'"),
    ],
)
def test_an_option_that_does_not_fit_is_refused_with_value_and_fix(build_gcl, changes, error):
    with pytest.raises(ValueError, match=error):
        build_gcl(**changes)


def test_a_network_that_is_not_there_is_named(gcl_config):
    config = gcl_config()
    del config['networks']['D']
    with pytest.raises(ValueError, match=r"GCL needs the networks \['D'\]; model.networks has"):
        GCL(**config)


@pytest.mark.parametrize(
    'values, error',
    [
        (
            dict(size=12936),
            r'bank.num_samples is 10 but market has 12936 .*set model.bank.num_samples=12936',
        ),
        (
            dict(num_views=1),
            r'novel views, but the target data set market has pose maps of 1 view\(s\); use .*Syn',
        ),
        (
            dict(map_channels=0, num_views=0),
            r'data set market has pose maps of 0 view\(s\); use a pose map with turned meshes',
        ),
        (
            dict(map_channels=18),
            r'maps of market have 18 channels but E_p takes 1; .* give the target data set a pose',
        ),
        (
            dict(image_size=(66, 32)),
            r'target gives images of 66 x 32; the decoders restore multiples of 4: .* 68 x 32',
        ),
        (dict(image_size=(64, 4)), r'model.networks.D: an image of 64 x 4 is too small'),
    ],
)
def test_data_that_does_not_fit_is_refused_with_value_and_fix(build_gcl, values, error):
    check(build_gcl())
    with pytest.raises(ValueError, match=error):
        check(build_gcl(), **values)


def test_a_memory_without_labels_is_refused_and_one_that_rests_or_is_clustered_passes(build_gcl):
    unlabelled = parse_stages([dict(JOINT, labels='identity')])
    with pytest.raises(ValueError, match=r"stage joint: the memory .* unlabelled; set labels='clu"):
        check(build_gcl(), unlabelled)
    check(build_gcl(), unlabelled, num_identities=5)
    check(build_gcl(), STAGES[:1])


@pytest.mark.parametrize(
    'changes, weights, told',
    [
        (
            dict(penalty=None, loss_weights=dict(gp=0)),
            dict(gp=10.0),
            'gp is not 0 but model.penalty',
        ),
        (
            dict(content_on=(), loss_weights=dict(content=0)),
            {'G/content': 5.0},
            'content is not 0 but model.content_on is empty',
        ),
    ],
)
def test_what_a_stage_weighs_and_the_model_lacks_is_told_before_training(
    build_gcl, changes, weights, told
):
    model = build_gcl(**changes)
    check(model)
    with pytest.raises(ValueError, match=rf'^stage joint: loss_weights.{told}'):
        check(model, parse_stages([GENERATORS, dict(JOINT, loss_weights=weights)]))


def test_the_control_needs_no_maps_and_two_views_of_one_size(build_gcl):
    stages = parse_stages([CONTROL])
    plain = dict(loader='pairs', map_channels=0, num_views=0)
    check(build_gcl(), stages, **plain)
    check(build_gcl(), stages, **plain, second_size=(64, 32))
    with pytest.raises(
        ValueError, match=r'pairs gives images of 64 x 32 and second views of 32 x 32; set Resize'
    ):
        check(build_gcl(), stages, **plain, second_size=(32, 32))
    with pytest.raises(ValueError, match=r'bank.num_samples is 10 but market has 11'):
        check(build_gcl(), stages, **plain, size=11)


def test_a_translation_needs_the_maps_of_its_view(build_gcl):
    model = build_gcl()
    model.check_translation(Data(num_views=1), 'target', 'recon')
    with pytest.raises(ValueError, match=r'maps of 1 view'):
        model.check_translation(Data(num_views=1), 'target', 'nv')
    with pytest.raises(ValueError, match=r"is 'target'; choose one of recon, nv"):
        model.check_translation(Data(), 'target', 'target')
