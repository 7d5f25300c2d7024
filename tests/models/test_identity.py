"""IdentityModel: IDE with and without a head, features, and errors."""

from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as nnf

from reidgen.engine import OptimizerPerGroup, run_phases
from reidgen.engine.config import load_config
from reidgen.engine.stages import Stage
from reidgen.evaluation.adabn import adapted_batch_norm
from reidgen.losses import BatchHardTriplet, TripletLoss
from reidgen.models import IdentityModel
from reidgen.models.layers.batch_norm import batch_norms
from reidgen.registry import MODELS
from reidgen.structures import ImageBatch

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/baselines'
EMBED_DIM, NUM_IDENTITIES = 8, 5
HEAD = dict(type='EmbeddingHead', in_dim=EMBED_DIM, out_dim=6)
Batch = namedtuple('Batch', ['identity'])


def networks(head: bool = False) -> dict:
    width = HEAD['out_dim'] if head else EMBED_DIM
    return dict(
        E_c=dict(type='ToyContentEncoder'),
        **(dict(H=HEAD) if head else {}),
        C=dict(type='IdentityClassifier', in_dim=width, num_identities=NUM_IDENTITIES),
    )


def ide(head: bool = False, triplet: float = 1.0, **changes) -> IdentityModel:
    torch.manual_seed(0)
    weights = dict(identity=1.0, triplet=triplet)
    return IdentityModel(**dict(networks=networks(head), loss_weights=weights) | changes).train()


@pytest.fixture
def batch() -> Batch:
    """Two images of each of three persons."""
    rng = torch.Generator().manual_seed(0)
    pid = torch.tensor([0, 0, 3, 3, 4, 4])
    rows = torch.arange(6)
    return Batch(ImageBatch(torch.randn(6, 3, 32, 16, generator=rng), pid, rows, rows))


def step(model, batch) -> set[str]:
    """Names of the networks that one iteration changes."""
    optim = OptimizerPerGroup(
        {name: dict(networks=[name], type='SGD', lr=0.1) for name in model.network_names}
    )(model)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    run_phases(model, batch, optim, iteration=0, done=0)
    return {
        name.partition('.')[0]
        for name, p in model.named_parameters()
        if not torch.equal(before[name], p)
    }


@pytest.mark.parametrize('head', [False, True])
def test_one_iteration_moves_every_network(head, batch):
    model = ide(head)
    assert step(model, batch) == set(model.network_names)


def test_losses_are_those_of_stage_1_of_cross_domain_gcl(batch, build_toy):
    gcl, model = build_toy(), ide()
    for name in ('E_c', 'C'):
        getattr(model, name).load_state_dict(getattr(gcl, name).state_dict())
    theirs, ours = gcl.identity_losses(batch, None), model.identity_losses(batch, None)
    assert {name: ours[name].item() for name in theirs} == {
        name: value.item() for name, value in theirs.items()
    }


def test_classification_starts_at_the_logarithm_of_the_number_of_identities(batch):
    model = ide()
    model.C.linear.weight.data.zero_()
    losses = model.identity_losses(batch, None)
    expected = torch.tensor(float(NUM_IDENTITIES)).log()
    torch.testing.assert_close(losses['identity.s'], expected)
    # all logits are equal, so the first identity is named: two of six are it
    assert losses['stat.accuracy'].item() == pytest.approx(2 / 6)


def test_with_a_head_classes_are_read_behind_it_and_triplets_before_it(batch):
    model = ide(head=True, triplet=2.0).eval()
    pooled = model.E_c(batch.identity.img).pre_bn
    losses = model.identity_losses(batch, None)
    logits = model.C(model.H(pooled))
    torch.testing.assert_close(
        losses['identity.s'],
        nnf.cross_entropy(logits, batch.identity.pid, label_smoothing=0.1),
    )
    torch.testing.assert_close(losses['triplet.s'], BatchHardTriplet()(pooled, batch.identity.pid))


def test_a_triplet_term_of_weight_0_is_not_computed(batch):
    assert 'triplet.s' not in ide(triplet=0).identity_losses(batch, None)


def test_features_are_what_they_are_called(batch):
    img = batch.identity.img
    for feature in ('embedding', 'pre_bn', 'head'):
        model = ide(head=True, feature=feature).eval()
        code = model.E_c(img)
        expected = model.H(code.pre_bn) if feature == 'head' else getattr(code, feature)
        torch.testing.assert_close(model.embed(img), nnf.normalize(expected))


def test_adabn_adapts_the_head_where_its_output_is_the_feature(batch):
    img = batch.identity.img
    model = ide(head=True, feature='head').eval()
    before = model.H.norm.running_mean.clone()
    with adapted_batch_norm(model.retrieval_encoder, [img]):
        mean = model.H.norm.running_mean.clone()
    assert torch.equal(model.H.norm.running_mean, before)
    for layer in batch_norms(model.E_c):
        layer.train()  # by the batch, as while it is estimated
    torch.testing.assert_close(mean, model.H.linear(model.E_c(img).pre_bn).mean(0))
    assert ide(head=True, feature='pre_bn').retrieval_encoder.__class__ is model.E_c.__class__


def test_pooled_feature_does_not_depend_on_the_head(batch):
    model = ide(head=True, feature='pre_bn').eval()
    before = model.embed(batch.identity.img)
    for parameter in [*model.H.parameters(), *model.C.parameters()]:
        parameter.data.normal_()
    assert torch.equal(model.embed(batch.identity.img), before)


def test_flip_test_makes_a_feature_of_an_image_and_its_mirror_image(batch):
    img, model = batch.identity.img, ide(flip_test=True).eval()
    torch.testing.assert_close(model.embed(img), model.embed(img.flip(3)))
    one_way = ide().eval()
    assert not torch.allclose(one_way.embed(img), one_way.embed(img.flip(3)))
    both = one_way.E_c(img).embedding + one_way.E_c(img.flip(3)).embedding
    torch.testing.assert_close(model.embed(img), nnf.normalize(both))


def test_without_a_classifier_the_model_evaluates_and_trains_nothing():
    model = IdentityModel(dict(E_c=dict(type='ColorHistogram')))
    assert model.phases() == ()
    features = model.eval().embed(torch.rand(2, 3, 12, 6))
    torch.testing.assert_close(features.norm(dim=1), torch.ones(2))


# ---- IDE at the published sizes ----


@pytest.mark.slow
@pytest.mark.parametrize('name, rate', [('ide_market2duke', 0.01), ('ide_plus_market2duke', 0.001)])
def test_ide_has_the_published_networks_and_ten_times_the_rate_for_what_is_new(name, rate):
    cfg = load_config(CONFIGS / f'{name}.py')
    cfg.model.networks.E_c.weights = None
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
        code = model.E_c(torch.empty(2, 3, 256, 128))
        logits = model.C(model.H(code.pre_bn))
    assert sum(p.numel() for p in model.E_c.parameters()) == 23_508_032
    assert code.pre_bn.shape == (2, 2048)
    assert logits.shape == (2, 751)
    groups = dict(cfg.optim_wrapper)
    groups.pop('constructor')
    owned = [network for group in groups.values() for network in group.networks]
    assert sorted(owned) == sorted(model.network_names)
    assert (groups['E'].lr, groups['H'].lr) == (rate, pytest.approx(10 * rate))
    held = [p for each in optimizer_parameters(model, groups) for p in each]
    assert sorted(map(id, held)) == sorted(map(id, model.parameters()))
    model.eval().train()
    assert {norm.training for norm in batch_norms(model.E_c.trunk)} == {'plus' not in name}
    assert model.H.norm.training
    assert model.E_c.frozen_bn == ('stats' if 'plus' in name else 'none')
    (stage,) = cfg.train_cfg.stages
    per_pass = 12936 // 32
    assert (stage.iters, *stage.lr.E.milestones) == (60 * per_pass, 40 * per_pass)


def optimizer_parameters(model, groups: dict) -> list[list]:
    """Parameters of each optimizer that the groups of a config make."""
    optim = OptimizerPerGroup(groups)(model)
    return [
        [p for group in wrapper.optimizer.param_groups for p in group['params']]
        for wrapper in optim.values()
    ]


def test_bnneck_has_the_published_tricks_and_schedule():
    cfg = load_config(CONFIGS / 'bnneck_market2duke.py')
    cfg.model.networks.E_c.weights = None
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
        code = model.E_c(torch.empty(2, 3, 256, 128))
    assert code.content.shape == (2, 4 * 2048)
    assert code.embedding.shape == (2, 2048)
    assert (model.feature, model.E_c.trunk.layer4[0].conv2.stride) == ('embedding', (1, 1))
    assert [p.shape for p in model.C.parameters()] == [(751, 2048)]  # no bias
    assert (model.cross_entropy.epsilon, model.triplet.margin) == (0.1, 0.3)
    (stage,), per_pass = cfg.train_cfg.stages, 12936 // 64
    epochs = [n / per_pass for n in (stage.lr.I.warmup, *stage.lr.I.milestones, stage.iters)]
    assert epochs == [10, 40, 70, 120]
    assert cfg.train_dataloader.identity.dataset.transforms[-1].type == 'RandomErase'


def test_wrong_options_and_data_are_named():
    with pytest.raises(ValueError, match=r'known: embedding, pre_bn \(and head with'):
        ide(feature='head')
    with pytest.raises(ValueError, match=r"no weight for \['triplet'\]"):
        ide(loss_weights=dict(identity=1.0))
    wide = dict(type='IdentityClassifier', in_dim=64, num_identities=NUM_IDENTITIES)
    with pytest.raises(ValueError, match=r'C\.in_dim is 64 but E_c gives 8; set .*C\.in_dim=8'):
        ide(networks=networks() | dict(C=wide))
    with pytest.raises(ValueError, match=r'C\.in_dim is 64 but H gives 6; set .*C\.in_dim=6'):
        ide(networks=networks(head=True) | dict(C=wide))
    with pytest.raises(ValueError, match=r'H\.in_dim is 64 but E_c gives 8; set .*H\.in_dim=8'):
        ide(networks=networks(head=True) | dict(H=dict(HEAD, in_dim=64)))
    data = SimpleNamespace(name='market1501', num_identities=751)
    for loader, loaders in (('identity', None), ('source', dict(identity='source'))):
        stages = [Stage('a', 1, loaders=loaders)]
        with pytest.raises(ValueError, match=rf'\.{loader}\) has 751 .*C\.num_identities=751'):
            ide().check_data({loader: data}, {}, stages)


# ---- triplets alone ----


def by_triplets(**changes) -> IdentityModel:
    options = dict(networks=dict(E_c=networks()['E_c']), loss_weights=dict(triplet=1.0))
    torch.manual_seed(0)
    return IdentityModel(**options | changes).train()


def test_without_a_classifier_triplets_train_the_encoder_if_they_are_weighed(batch):
    model = by_triplets(triplet=dict(type='TripletLoss', kind='batch_all', margin=5.0))
    losses = model.triplet_losses(batch, None)
    pre_bn = model.E_c(batch.identity.img).pre_bn
    assert losses['triplet.s'] == TripletLoss('batch_all', 5.0)(pre_bn, batch.identity.pid)
    hardest = model.triplet.statistics(pre_bn, batch.identity.pid)
    assert {name: losses[f'stat.triplet_{name}'] for name in hardest} == hardest
    assert step(model, batch) == {'E_c'}
    unlike = SimpleNamespace(name='market1501', num_identities=751)
    model.check_data({'identity': unlike}, {}, [Stage('a', 1)])  # no classifier to fit


def test_pairs_train_the_encoder_by_the_same_config(batch):
    model = by_triplets(triplet=dict(type='ContrastiveLoss'))
    assert set(model.triplet_losses(batch, None)) == {'triplet.s'}
    assert step(model, batch) == {'E_c'}


def test_without_a_classifier_there_is_nothing_to_classify_or_to_train_a_head():
    with pytest.raises(ValueError, match=r"no \['identity'\]; known: \['triplet'\]"):
        by_triplets(loss_weights=dict(identity=1.0, triplet=1.0))
    with pytest.raises(ValueError, match=r'H but no C: .* leave H out, or add C'):
        by_triplets(networks=dict(E_c=networks()['E_c'], H=HEAD))


@pytest.mark.slow
@pytest.mark.parametrize(
    'options, built',
    [
        ({}, dict(kind='batch_hard', margin=0.3, distance='euclidean')),
        (dict(margin=None), dict(kind='batch_hard', margin=None)),
        (dict(kind='semi_hard'), dict(kind='semi_hard', margin=0.3)),
        (dict(distance='cosine'), dict(distance='cosine')),
        (dict(type='ContrastiveLoss', normalize=True), dict(margin=1.0, normalize=True)),
    ],
)
def test_the_config_of_triplets_alone_takes_the_losses_of_its_header(options, built):
    path = CONFIGS / 'triplet_synth_a.py'
    cfg = load_config(path, {f'model.triplet.{key}': value for key, value in options.items()})
    cfg.model.networks.E_c.weights = None
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    assert {key: getattr(model.triplet, key) for key in built} == built
    assert [phase.trains for phase in model.phases()] == [('E_c',)]
