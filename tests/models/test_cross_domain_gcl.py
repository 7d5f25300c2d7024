"""CrossDomainGCL: translations, and the networks that each loss trains."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as nnf
from mmengine.config import Config
from perfect_generator import LinearCode, Oracle

from reidgen.engine import run_phases, weigh
from reidgen.registry import MODELS
from reidgen.structures import Code, DomainBatch

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'gcl_market2duke.py'
STAGE_2 = dict(name='generators', phases=['D', 'G'], frozen=['E_c'], loss_weights={'memory': 0})
STAGE_3 = dict(name='joint', phases=['D', 'G'])


# ---- shapes and sizes ----


@pytest.fixture(scope='module')
def full_size(toy_batch):
    """The model of the main config, without memory for its numbers, and a batch of two."""
    cfg = Config.fromfile(CONFIG).model
    cfg.networks.E_c.weights = None
    with torch.device('meta'):
        model = MODELS.build(cfg)
        maps, rows = torch.empty(2, 1, 256, 128), torch.zeros(2, dtype=torch.int64)
        domain = DomainBatch(torch.empty(2, 3, 256, 128), maps, maps, rows, rows, rows)
    return model, toy_batch()._replace(source=domain, target=domain)


@pytest.mark.slow
def test_every_translation_of_the_main_config_has_the_published_shape(full_size):
    model, batch = full_size
    for name, value in model.forward_translation(batch)._asdict().items():
        if isinstance(value, Code):
            assert value.content.shape == (2, 8192), name
            assert value.embedding.shape == value.pre_bn.shape == (2, 512), name
        else:
            assert value.shape == (2, 3, 256, 128), name
    assert model.E_p(batch.source.pose_map).shape == (2, 128, 64, 32)
    for discriminator in (model.D_s, model.D_t):
        shapes = [tuple(logits.shape) for logits in discriminator(batch.source.img)]
        assert shapes == [(2, 1, 64, 32), (2, 1, 32, 16), (2, 1, 16, 8)]


def test_the_networks_of_the_main_config_have_the_published_number_of_parameters(full_size):
    model, _ = full_size
    count = {
        name: sum(parameter.numel() for parameter in getattr(model, name).parameters())
        for name in model.network_names
    }
    decoder = 1_455_555 + 11_544_576  # with its eight heads
    # torchvision's ResNet-50 without its classifier, Linear 2048 -> 512, BatchNorm1d
    encoder = 25_557_032 - 2_049_000 + 2048 * 512 + 512 + 2 * 512
    assert count == dict(
        D_s=1_025_571,
        D_t=1_025_571,
        G=decoder,
        F=decoder,
        E_p=380_544,
        E_c=encoder,
        C=512 * 751,
    )


# ---- the gradient table ----

# term -> networks beside E_c that it moves; E_c too, in the joint stage
GENERATOR_TABLE = {
    'adv.Dt': {'G', 'E_p'},
    'recon.t2t': {'G', 'E_p'},
    'cycle.t2s2t': {'G', 'F', 'E_p'},
    'content.s2t': {'G', 'E_p'},
    'content.t2s2t': {'G', 'F', 'E_p'},
    'memory.s2t': {'G', 'E_p'},
    'adv.Ds': {'F', 'E_p'},
    'recon.s2s': {'F', 'E_p'},
    'cycle.s2t2s': {'G', 'F', 'E_p'},
    'content.t2s': {'F', 'E_p'},
    'content.s2t2s': {'G', 'F', 'E_p'},
}
DISCRIMINATOR_TABLE = {
    'adv.Ds.real': {'D_s'},
    'adv.Ds.fake': {'D_s'},
    'gp.Ds': {'D_s'},
    'adv.Dt.real': {'D_t'},
    'adv.Dt.fake': {'D_t'},
    'gp.Dt': {'D_t'},
}


def reached_by_term(model, batch, phase_name, gradients) -> dict[str, set[str]]:
    """Term -> networks with a gradient, as the phase's backward would leave it."""
    phase = next(phase for phase in model.phases() if phase.name == phase_name)
    model.train_only(model.network_names)
    x = model.forward_translation(batch)
    model.train_only(phase.trains)
    terms = phase.losses(batch, x)
    return {
        name: gradients(model, term) for name, term in terms.items() if not name.startswith('stat.')
    }


@pytest.mark.slow
@pytest.mark.parametrize('cross_pose', ['own', 'novel', 'other'])
def test_each_generator_term_of_the_joint_stage_reaches_its_networks_alone(
    build_toy, toy_batch, gradients, cross_pose
):
    model = build_toy(cross_pose=cross_pose)
    model.enter_stage(**STAGE_3)
    reached = reached_by_term(model, toy_batch(), 'G', gradients)
    assert reached == {term: names | {'E_c'} for term, names in GENERATOR_TABLE.items()}


@pytest.mark.slow
def test_each_generator_term_passes_a_frozen_encoder_without_moving_it(
    build_toy, toy_batch, gradients
):
    model = build_toy()
    model.enter_stage(**STAGE_2)
    reached = reached_by_term(model, toy_batch(), 'G', gradients)
    assert reached == {
        term: names for term, names in GENERATOR_TABLE.items() if term != 'memory.s2t'
    }


@pytest.mark.slow
@pytest.mark.parametrize('stage', [STAGE_2, STAGE_3], ids=lambda stage: stage['name'])
def test_each_discriminator_term_and_penalty_reaches_its_discriminator_alone(
    build_toy, toy_batch, gradients, stage
):
    model = build_toy()
    model.enter_stage(**stage)
    assert reached_by_term(model, toy_batch(), 'D', gradients) == DISCRIMINATOR_TABLE


@pytest.mark.slow
def test_warming_up_the_generators_leaves_the_encoder_bit_identical(
    build_toy, toy_batch, toy_optim
):
    model = build_toy()
    model.enter_stage(**STAGE_2)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    optim = toy_optim(model)
    for iteration in range(3):
        model.train()  # as a loop does after each evaluation
        run_phases(model, toy_batch(seed=iteration), optim, iteration, iteration)
    moved = {
        key.partition('.')[0]
        for key, value in model.state_dict().items()
        if not torch.equal(value, before[key])
    }
    assert moved == {'D_s', 'D_t', 'G', 'F', 'E_p'}
    assert all(parameter.grad is None for parameter in model.parameters())


# ---- poses ----


def maps_behind(image, maps):
    """Which of these maps the image depends on, from its Jacobian in a random direction."""
    torch.manual_seed(1)
    slopes = torch.autograd.grad(
        (image * torch.randn_like(image)).sum(),
        list(maps.values()),
        retain_graph=True,
        allow_unused=True,
    )
    return {
        name for name, slope in zip(maps, slopes) if slope is not None and slope.count_nonzero()
    }


@pytest.mark.parametrize(
    'cross_pose, of_s2t, of_t2s',
    [('own', 'm_s', 'm_t'), ('novel', 'nv_s', 'nv_t'), ('other', 'm_t', 'm_s')],
)
def test_cross_pose_chooses_whose_map_a_translation_shows(
    build_toy, toy_batch, cross_pose, of_s2t, of_t2s
):
    model, batch = build_toy(cross_pose=cross_pose), toy_batch()
    model.enter_stage(**STAGE_2)
    s, t = batch
    maps = dict(m_s=s.pose_map, nv_s=s.novel_map, m_t=t.pose_map, nv_t=t.novel_map)
    maps = {name: value.clone().requires_grad_() for name, value in maps.items()}
    x = model.forward_translation(
        batch._replace(
            source=s._replace(pose_map=maps['m_s'], novel_map=maps['nv_s']),
            target=t._replace(pose_map=maps['m_t'], novel_map=maps['nv_t']),
        )
    )
    assert maps_behind(x.x_s2s, maps) == {'m_s'}
    assert maps_behind(x.x_t2t, maps) == {'m_t'}
    assert maps_behind(x.x_s2t, maps) == {of_s2t}
    assert maps_behind(x.x_t2s, maps) == {of_t2s}
    assert maps_behind(x.x_s2t2s, maps) == {'m_s', of_s2t}  # translated in its own pose again
    assert maps_behind(x.x_t2s2t, maps) == {'m_t', of_t2s}


def test_other_pairs_each_image_with_the_batch_mate_of_its_row(build_toy, toy_batch):
    model, batch = build_toy(cross_pose='other'), toy_batch()
    m_t = batch.target.pose_map.clone().requires_grad_()
    x = model.forward_translation(batch._replace(target=batch.target._replace(pose_map=m_t)))
    (slope,) = torch.autograd.grad(x.x_s2t[1].square().sum(), m_t)
    assert slope.flatten(1).any(dim=1).tolist() == [False, True, False]


@pytest.mark.slow
def test_cross_pose_may_differ_by_stage(build_toy, toy_batch):
    model, batch = build_toy(cross_pose=dict(generators='own', joint='novel')), toy_batch()
    model.eval()
    images = {}
    for stage in (STAGE_2, STAGE_3):
        model.enter_stage(**stage)
        x = model.forward_translation(batch)
        images[stage['name']] = x.x_s2t
        pose = batch.source.pose_map if stage is STAGE_2 else batch.source.novel_map
        assert torch.equal(x.x_s2t, model.G(model.E_p(pose), x.c_s.content))
    assert not torch.equal(images['generators'], images['joint'])


# ---- losses of a perfect generator ----


def test_a_perfect_generator_pays_nothing_but_the_discriminators(build_toy, toy_batch):
    model, batch = build_toy(), toy_batch()
    model.E_c, model.G, model.F = LinearCode(), Oracle(), Oracle()
    model.enter_stage(**STAGE_2)
    terms = model.generator_losses(batch, model.forward_translation(batch))
    others = {name: term.item() for name, term in terms.items() if not name.startswith('adv.')}
    assert len(others) == 8
    assert set(others.values()) == {0.0}
    # the translation of x_s is x_s itself: sum over scales of -log sigmoid(D_t(x_s)), and back
    expected = sum(
        -nnf.logsigmoid(logits).mean()
        for discriminator, img in ((model.D_t, batch.source.img), (model.D_s, batch.target.img))
        for logits in discriminator(img)
    )
    torch.testing.assert_close(weigh(terms, model.loss_weights, 'G'), expected)


def test_recon_and_cycle_are_mean_absolute_differences_from_the_own_image(build_toy, toy_batch):
    model, batch = build_toy(), toy_batch()
    x = model.forward_translation(batch)
    terms = model.generator_losses(batch, x)
    for term, translated, real in (
        ('recon.t2t', x.x_t2t, batch.target.img),
        ('recon.s2s', x.x_s2s, batch.source.img),
        ('cycle.t2s2t', x.x_t2s2t, batch.target.img),
        ('cycle.s2t2s', x.x_s2t2s, batch.source.img),
        ('content.s2t', x.c_s2t.content, x.c_s.content),
        ('content.t2s', x.c_t2s.content, x.c_t.content),
        ('content.t2s2t', x.c_t2s2t.content, x.c_t.content),
        ('content.s2t2s', x.c_s2t2s.content, x.c_s.content),
    ):
        expected = (translated - real).abs().sum() / real.numel()
        torch.testing.assert_close(terms[term], expected)


def test_translate_gives_the_translations_of_the_forward_and_features_have_unit_length(
    build_toy, toy_batch
):
    model, batch = build_toy(), toy_batch()
    model.eval()
    x = model.forward_translation(batch)
    assert torch.equal(model.translate(batch.source, 'target'), x.x_s2t)
    assert torch.equal(model.translate(batch.source, 'source'), x.x_s2s)
    features = model(batch.source)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(features, x.c_s.embedding / x.c_s.embedding.norm(dim=1)[:, None])
    with pytest.raises(ValueError, match="is 'duke'; choose one of source, target"):
        model.translate(batch.source, 'duke')
