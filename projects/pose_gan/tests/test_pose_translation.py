"""PoseTranslation: what each phase moves and which way, pairs that D is given, checks."""

from collections import namedtuple
from pathlib import Path

import pytest
import torch
import torch.nn.functional as nnf

from projects.pose_gan.pose_gan import PoseTranslation
from reidgen.datasets import ShapesReID
from reidgen.engine.config import load_config
from reidgen.engine.optim import OptimizerPerGroup
from reidgen.engine.stages import Stage
from reidgen.engine.step import run_phases
from reidgen.models.data_checks import check_discriminated_size
from reidgen.structures import DomainBatch

CONFIGS = Path(__file__).parents[1] / 'configs'
DIRECTIONS = ('to_maps', 'to_picture')
WEIGHTS = {'adv': 1.0, 'D/adv': 0.5, 'l1': 100.0}
Batch = namedtuple('Batch', 'real')


def translation(direction: str = 'to_maps', weights=WEIGHTS, G=(), **options) -> PoseTranslation:
    torch.manual_seed(0)
    networks = dict(
        G=dict(type='UNetGenerator', base_dim=4, num_halvings=3, **dict(G)),
        D=dict(type='PatchGAN', base_dim=4, num_layers=1, norm=None),
    )
    options = dict(networks=networks, map_channels=5, direction=direction) | options
    return PoseTranslation(loss_weights=weights, **options).train()


@pytest.fixture
def batch() -> Batch:
    rng = torch.Generator().manual_seed(1)
    img, maps = (torch.rand(4, c, 16, 8, generator=rng) * 2 - 1 for c in (3, 5))
    return Batch(DomainBatch(img, maps, maps, *[torch.arange(4)] * 3))


def step(model, batch, phases=None, lr: float = 1e-3) -> dict[str, float]:
    groups = {name: dict(networks=[name], type='SGD', lr=lr) for name in 'GD'}
    optim = OptimizerPerGroup(groups)(model)
    model.enter_stage('gan', phases)
    return {k: v.item() for k, v in run_phases(model, batch, optim, 0, done=0).items()}


def gradients(model, term) -> set[str]:
    named = [(n, p) for n in 'GD' for p in getattr(model, n).parameters()]
    found = torch.autograd.grad(term, [p for _, p in named], retain_graph=True, allow_unused=True)
    return {name for (name, _), g in zip(named, found) if g is not None and g.any()}


@pytest.mark.parametrize('direction', DIRECTIONS)
@pytest.mark.parametrize('phases, moving', [(['D'], 'D'), (['G'], 'G'), (None, 'DG')])
def test_each_phase_moves_its_own_network(direction, phases, moving, batch):
    model = translation(direction)
    before = {name: [p.clone() for p in getattr(model, name).parameters()] for name in 'DG'}
    step(model, batch, phases)
    moved = [
        name
        for name in 'DG'
        if not all(map(torch.equal, before[name], getattr(model, name).parameters()))
    ]
    assert ''.join(moved) == moving
    assert all(parameter.grad is None for parameter in model.parameters())


def test_each_term_reaches_the_networks_that_it_should(batch):
    model = translation()
    x = model.forward_translation(batch)
    terms = model.discriminator_losses(batch, x) | model.generator_losses(batch, x)
    reached = {k: gradients(model, v) for k, v in terms.items() if not k.startswith('stat.')}
    assert reached == {
        'adv.D.real': {'D'}, 'adv.D.fake': {'D'}, 'adv.D': {'D', 'G'}, 'l1.y': {'G'}
    }  # fmt: skip


@pytest.mark.parametrize('direction', DIRECTIONS)
def test_terms_are_bce_on_pairs_with_the_condition_and_the_distance_to_its_own_image(
    direction, batch
):
    model = translation(direction)
    img, maps = batch.real.img, batch.real.pose_map
    x, y = (img, maps) if direction == 'to_maps' else (maps, img)
    with torch.no_grad():
        fake = model.G(x)
        real_logits, fake_logits = (model.D(torch.cat([x, each], 1)) for each in (y, fake))
    log = step(model, batch, lr=0.0)
    expected = dict(
        real=nnf.softplus(-real_logits).mean().item(),
        fake=nnf.softplus(fake_logits).mean().item(),
        adv=nnf.softplus(-fake_logits).mean().item(),
        l1=(y - fake).abs().mean().item(),
    )
    keys = ('D/loss_adv.D.real', 'D/loss_adv.D.fake', 'G/loss_adv.D', 'G/loss_l1.y')
    assert [log[key] for key in keys] == pytest.approx([*expected.values()], rel=1e-5)
    assert log['D/loss'] == pytest.approx((expected['real'] + expected['fake']) / 2, rel=1e-5)
    assert log['G/loss'] == pytest.approx(expected['adv'] + 100 * expected['l1'], rel=1e-5)


def test_the_square_of_the_distance_is_a_term_where_it_is_weighed(batch):
    model = translation(weights=dict(WEIGHTS, l1=0.0, l2=50.0))
    with torch.no_grad():
        square = (batch.real.pose_map - model.G(batch.real.img)).square().mean().item()
    log = step(model, batch, lr=0.0)
    assert log['G/loss_l2.y'] == pytest.approx(square, rel=1e-5)
    assert log['G/loss'] == pytest.approx(log['G/loss_adv.D'] + 50 * square, rel=1e-5)
    assert 'G/loss_l2.y' not in step(translation(), batch)


@pytest.mark.parametrize(
    'phase, weights, falling',
    [
        ('D', WEIGHTS, ('D/loss_adv.D.real', 'D/loss_adv.D.fake')),
        ('G', dict(adv=1.0, l1=0.0), ('G/loss_adv.D',)),
        ('G', dict(adv=0.0, l1=1.0), ('G/loss_l1.y',)),
        ('G', dict(adv=0.0, l1=0.0, l2=1.0), ('G/loss_l2.y',)),
    ],
)
def test_a_step_lowers_the_loss_of_its_own_phase(phase, weights, falling, batch):
    model = translation(weights=weights)
    before = step(model, batch, [phase], lr=0.02)
    after = step(model, batch, [phase], lr=0.0)
    assert sum(after[key] for key in falling) < sum(before[key] for key in falling)


def test_the_pictures_are_the_condition_what_is_made_of_it_and_its_own_image(batch):
    model = translation('to_picture').eval()
    (_, x), (_, made), (_, y) = model.visuals(batch)
    assert torch.equal(x, batch.real.pose_map.amax(1, keepdim=True))
    assert torch.equal(y, batch.real.img)
    assert torch.equal(made, model.translate(batch.real, 'picture'))
    pairs = model.diversity_pairs(batch)
    assert [*pairs] == ['picture']
    assert torch.equal(pairs['picture'][0], made)


def figures(**options) -> ShapesReID:
    return ShapesReID(num_identities=2, labelled=False, **options)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"model\.direction is 'maps'.*to_maps, to_picture"):
        translation('maps')
    with pytest.raises(ValueError, match=r'set model\.networks\.D'):
        translation(networks=dict(G=dict(type='UNetGenerator')))
    with pytest.raises(ValueError, match=r'networks\.G\.in_channels is 5, but .* make it 3'):
        translation(G=dict(in_channels=5))
    stages = [Stage('gan', 1, loaders=('real',))]
    grey = dict(type='ShapesMap', views=[])
    with pytest.raises(ValueError, match=r'map_channels is 5 but .*real\) have 1 channels'):
        translation().check_data(dict(real=figures(pose_map=grey)), {}, stages)
    with pytest.raises(ValueError, match=r'map_channels is 5 but .*real\) have 0 channels'):
        translation().check_data(dict(real=figures()), {}, stages)
    data = dict(real=figures(pose_map=grey, size=(20, 16)))
    with pytest.raises(ValueError, match=r'networks\.G: an image of 20 x 16 cannot be halved'):
        translation(map_channels=1).check_data(data, {}, stages)
    with pytest.raises(ValueError, match=r"domain to translate to is 'picture'.*one of maps"):
        translation().check_translation(figures(), 'real', 'picture')


@pytest.mark.parametrize('name', ['pose_cond', 'pose_cond_picture', 'pose_cond_synth',
                                  'pose_cond_synth_picture'])  # fmt: skip
def test_the_networks_of_a_config_take_its_images_and_maps(name):
    cfg = load_config(CONFIGS / f'{name}.py')
    pose_map = cfg.train_dataloader.real.dataset.pose_map
    options = cfg.model.to_dict()
    options.pop('type')
    with torch.device('meta'):
        model = PoseTranslation(**options)
        check_discriminated_size(model, *pose_map['size'])
    assert model.map_channels == len(pose_map.get('joints', range(16)))
    assert model.made == ('picture' if name.endswith('picture') else 'maps')
    rate = 2e-3 if 'synth' in name else 2e-4
    assert cfg.optim_wrapper.G.lr == cfg.optim_wrapper.D.lr == rate
    assert cfg.train_dataloader.real.batch_size == 16
