"""CrossDomainGCL: errors of options and data sets that do not fit, with value and fix."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import ConfigDict

from reidgen.engine.stages import parse_stages
from reidgen.models import CrossDomainGCL
from reidgen.models.cross_domain_checks import check_options

STAGES = parse_stages(
    [
        dict(name='identity', iters=1, phases=['I'], loaders=['identity']),
        dict(name='generators', iters=1, phases=['D', 'G'], loss_weights=dict(memory=0)),
        dict(name='joint', iters=1, phases=['D', 'G']),
    ]
)


@dataclass
class Data:
    """Attributes of a data set that the checks read."""

    name: str
    size: int = 10
    num_identities: int = 5
    map_channels: int = 1
    num_views: int = 8
    image_size: tuple[int, int] = (64, 32)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, row: int) -> SimpleNamespace:
        return SimpleNamespace(img=torch.zeros(3, *self.image_size, dtype=torch.uint8))


def check(model, batch_sizes=(4, 4), stages=STAGES, **changes):
    """check_data with one data set (the keyword) changed."""
    datasets = dict(
        identity=Data('market'), source=Data('market'), target=Data('duke', num_identities=0)
    )
    for loader, values in changes.items():
        vars(datasets[loader]).update(values)
    model.check_data(datasets, dict(zip(('source', 'target'), batch_sizes)), stages)


# ---- options and networks ----


@pytest.mark.slow
@pytest.mark.parametrize(
    'changes, error',
    [
        (dict(cross_pose='nowel'), r"model.cross_pose .*'nowel'.*one of own, novel, other"),
        (
            ConfigDict(cross_pose=dict(joint='rotated')),
            r"model.cross_pose .*'rotated'.*one of own, novel, other",
        ),
        (
            dict(bn_mode='mix'),
            r"model.bn_mode .*'mix'.*one of mixed, real_only, frozen, target_re",
        ),
        (dict(adv_on=('cross', 'cyc')), r"model.adv_on .*'cyc'.*one of cross, recon, cycle"),
        (
            dict(loss_weights=dict(cyclic=5)),
            r"loss_weights: .*'cyclic'.*known: \['adv', 'cluster', 'content'",
        ),
        (dict(penalty=None), r'loss_weights.gp .*model.penalty is not set; set'),
        (dict(loss_weights=dict(memory_t=1)), r'memory_t is not 0, but model.bank_t'),
        (
            dict(loss_weights=dict(domain=1)),
            r'no domain_head; add a domain_head=.*DomainClassifier.*in_dim=8',
        ),
        (
            dict(bank=dict(num_samples=10, dim=512)),
            r'model.bank.dim is 512 but E_c embeds into 8; set model.bank.dim=8',
        ),
        (
            dict(bank_t=dict(num_samples=10, dim=7)),
            r'model.bank_t.dim is 7 but E_c embeds into 8; set model.bank_t.dim=8',
        ),
        (
            dict(networks=dict(C=dict(type='IdentityClassifier', in_dim=64, num_identities=5))),
            r'model.networks.C.in_dim is 64 but E_c embeds into 8; set model.networks.C.in_dim=8',
        ),
        (
            dict(networks=dict(F=dict(type='AdaINDecoder', content_dim=8192, base_dim=8))),
            r'model.networks.F.content_dim is 8192 but E_c gives 32; set it to 32',
        ),
        (
            dict(networks=dict(G=dict(type='AdaINDecoder', content_dim=32, base_dim=16))),
            r'model.networks.G takes .* 16 .*gives 8; set model.networks.E_p.out_dim=16',
        ),
        (
            dict(networks=dict(G=dict(type='AdaINDecoder', base_dim=8, own_heads=False))),
            r'model.networks.G.own_heads is False.*networks.mlp',
        ),
        (
            dict(networks=dict(mlp=dict(type='AdaINHeads', content_dim=32, base_dim=8))),
            r'model.networks.G.own_heads is True.*own_heads=False',
        ),
    ],
)
def test_an_option_that_does_not_fit_is_refused_with_value_and_fix(build_toy, changes, error):
    with pytest.raises(ValueError, match=error):
        build_toy(**changes)


def test_a_family_without_a_weight_and_a_missing_network_are_named(toy_config):
    config = toy_config()
    del config['loss_weights']['cycle']
    with pytest.raises(ValueError, match=r"no weight for \['cycle'\]; set each \(0 switches"):
        CrossDomainGCL(**config)
    config = toy_config()
    del config['networks']['D_t']
    with pytest.raises(ValueError, match=r"needs the networks \['D_t'\]; model.networks has"):
        CrossDomainGCL(**config).check_phases()


def test_a_weight_of_a_phase_that_there_is_not_is_named(build_toy):
    message = r"loss_weights: phases: .*'P'.*known: \['D', 'G', 'I', 'M', 'T'\]"
    with pytest.raises(ValueError, match=message):
        build_toy(loss_weights={'P/adv': 1}).check_phases()


def test_a_classifier_that_does_not_tell_what_it_takes_passes(build_toy):
    model = build_toy()
    del model.C.in_dim
    check_options(model)


def test_no_penalty_is_needed_where_it_weighs_nothing(build_toy):
    assert build_toy(penalty=None, loss_weights=dict(gp=0)).penalty is None


# ---- data ----


def test_data_that_fits_passes(build_toy):
    check(build_toy())
    check(build_toy(cross_pose='novel'))
    check(build_toy(cross_pose='other'))
    check(build_toy(cross_pose=ConfigDict(generators='own', joint='novel')))


@pytest.mark.parametrize(
    'loader, values, error',
    [
        (
            'identity',
            dict(num_identities=751),
            r'C.num_identities is 5 but market \(train_dataloader.identity\) has 751 .*'
            r'set model.networks.C.num_identities=751',
        ),
        (
            'source',
            dict(size=12936),
            r'bank.num_samples is 10 but market has 12936 .*set model.bank.num_samples=12936',
        ),
        (
            'target',
            dict(size=16522),
            r'bank_t.num_samples is 10 but duke has 16522 .*set model.bank_t.num_samples=16522',
        ),
        (
            'target',
            dict(map_channels=18),
            r'maps of duke have 18 channels but E_p takes 1; set model.networks.E_p.in_channels=18',
        ),
        (
            'source',
            dict(num_identities=0),
            r"stage joint: the memory .* market is unlabelled; set labels='cluster' .*memory=0",
        ),
    ],
)
def test_data_that_does_not_fit_is_refused_with_value_and_fix(build_toy, loader, values, error):
    with pytest.raises(ValueError, match=error):
        check(build_toy(bank_t=dict(num_samples=10, dim=8)), **{loader: values})


@pytest.mark.parametrize('family, needed', [('memory_t', 'bank_t'), ('domain', 'domain_head')])
def test_a_stage_that_weighs_a_loss_needs_its_parts(build_toy, family, needed):
    joint = dict(name='joint', iters=1, phases=['D', 'G'], loss_weights={f'G/{family}': 1})
    with pytest.raises(ValueError, match=rf'stage joint: loss_weights.{family} is .*{needed}'):
        check(build_toy(), stages=parse_stages([joint]))


def test_an_unlabelled_source_passes_where_the_memory_rests_or_is_clustered(build_toy):
    check(build_toy(), stages=STAGES[:2], source=dict(num_identities=0))
    check(build_toy(loss_weights=dict(memory=0)), source=dict(num_identities=0))
    clustered = parse_stages([dict(name='joint', iters=1, phases=['D', 'G'], labels='cluster')])
    check(build_toy(), stages=clustered, source=dict(num_identities=0))


@pytest.mark.parametrize('cross_pose', ['novel', dict(generators='own', joint='novel')])
def test_novel_views_of_a_source_with_one_view_are_refused(build_toy, cross_pose):
    model = build_toy(cross_pose=cross_pose)
    with pytest.raises(ValueError, match=r"'novel' needs .*duke has 1. Use RenderedMesh, or cross"):
        check(model, target=dict(num_views=1))
    check(model, stages=STAGES[:1], target=dict(num_views=1))  # no stage translates


def test_other_needs_batches_of_one_size(build_toy):
    message = r'source.batch_size is 4 and train_dataloader.target.batch_size is 6; make them equal'
    with pytest.raises(ValueError, match=message):
        check(build_toy(cross_pose='other'), batch_sizes=(4, 6))
    check(build_toy(cross_pose='own'), batch_sizes=(4, 6))


def test_loaders_are_checked_by_the_field_that_a_stage_draws_from_them(build_toy):
    loaders = dict(source='market', target='duke')
    stages = parse_stages([dict(name='joint', iters=1, phases=['D', 'G'], loaders=loaders)])

    def check_two(sizes=(4, 4), **changes):
        model = build_toy(cross_pose='other')
        datasets = dict(market=Data('market'), duke=Data('duke', num_identities=0))
        for loader, values in changes.items():
            vars(datasets[loader]).update(values)
        model.check_data(datasets, dict(zip(datasets, sizes)), stages)

    check_two()
    with pytest.raises(ValueError, match=r'market.batch_size is 4 .*duke.batch_size is 6; make'):
        check_two((4, 6))
    with pytest.raises(ValueError, match='maps of duke have 18 channels'):
        check_two(duke=dict(map_channels=18))
    with pytest.raises(ValueError, match=r'train_dataloader.market of 64 x 32.*duke of 128 x 64'):
        check_two(duke=dict(image_size=(128, 64)))
    with pytest.raises(ValueError, match='market is unlabelled'):
        check_two(market=dict(num_identities=0))


def test_images_too_small_for_a_discriminator_are_refused_before_training(build_toy):
    sizes = dict(source=dict(image_size=(64, 4)), target=dict(image_size=(64, 4)))
    with pytest.raises(ValueError, match=r'model.networks.D_s: an image of 64 x 4 is too small'):
        check(build_toy(), **sizes)
    check(build_toy(), stages=STAGES[:1], **sizes)  # no stage has a discriminator


def test_a_misspelt_stage_of_cross_pose_is_not_taken_for_own(build_toy):
    model = build_toy(cross_pose=dict(generators='own', jiont='novel'))
    with pytest.raises(
        ValueError, match=r"no choice for stage 'joint', only for \['generators', 'jiont'\]; set"
    ):
        check(model)


# ---- stages ----


def test_an_unknown_phase_network_or_family_of_a_stage_is_named(build_toy):
    model = build_toy()
    with pytest.raises(ValueError, match=r"stage joint: phases: .*\['E'\]; known: \['D', 'G', 'I'"):
        model.enter_stage('joint', phases=['E'])
    with pytest.raises(ValueError, match=r"stage joint: frozen: .*\['Ec'\]; known: \['C', 'D_s'"):
        model.enter_stage('joint', frozen=['Ec'])
    with pytest.raises(ValueError, match=r"loss_weights: .*\['mem'\]; known: "):
        model.enter_stage('joint', ['D', 'G'], loss_weights={'mem': 0})
