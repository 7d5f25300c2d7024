import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as nnf
from torch import nn

from projects.spgan.spgan import LMPEncoder, SiameseContrast, SiaNet
from projects.spgan.spgan.contrast import Embedded
from projects.spgan.spgan.lmp import local_pooling
from projects.spgan.spgan.siamese import block_sizes
from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config, only_evaluate
from reidgen.engine.step import weigh
from reidgen.models.encoders import ContentEncoder

pytestmark = pytest.mark.slow

CONFIGS = Path(__file__).parents[1] / 'configs'
SMOKE = CONFIGS / 'spgan_smoke.py'


def drawn_figures(cfg) -> None:
    """Changes a config in place to small networks, drawn figures and one iteration."""
    small = load_config(SMOKE)
    cfg.model.networks, cfg.model.pool = small.model.networks, small.model.pool
    cfg.train_dataloader = small.train_dataloader
    for stage in cfg.train_cfg.stages:
        stage.iters = 1


def unit(*rows: tuple[float, ...]) -> torch.Tensor:
    return nnf.normalize(torch.tensor(rows, dtype=torch.float64))


# ---- the model ----


def test_the_stages_of_a_config_train_an_iteration_each_on_drawn_figures(build, tmp_path):
    build(CONFIGS / 'spgan_synth.py', change=drawn_figures).train()
    written = sorted(path.stem for path in (tmp_path / 'spgan_synth').glob('stage_*.pth'))
    assert written == ['stage_contrast', 'stage_siamese', 'stage_translation']


def test_the_full_size_config_builds_on_drawn_figures(check_builds):
    check_builds(CONFIGS / 'spgan_market2duke.py', drawn_figures)


def test_a_phase_moves_exactly_what_it_names(step_of):
    step = step_of(SMOKE)
    assert step.moves('G') == {'G', 'F'}
    assert step.moves('D') == {'D_s', 'D_t', 'pool_s', 'pool_t'}
    assert step.moves('M') == {'M'}


def test_the_siamese_step_gives_the_generators_no_gradient(step_of):
    step = step_of(SMOKE)
    losses = step.model.siamese_losses(step.batch, step.model.forward_translation(step.batch))
    assert step.gradients(losses['con']) == {'M'}
    assert not losses['stat.distance.others'].requires_grad


@pytest.mark.parametrize('mode, moved', [('mixed', {'G', 'F'}), ('pt', {'G', 'F'}), ('tf', set())])
def test_negatives_reach_the_generators_but_in_the_tensorflow_reading(mode, moved, step_of):
    step = step_of(SMOKE, {'model.contrast.mode': mode, 'model.networks.M.dropout': 0.0})
    step.model.contrast.positive = lambda a, b: a.new_zeros(())
    x = step.model.forward_translation(step.batch)
    con = step.model.generator_losses(step.batch, x)['con']
    assert con > 0
    assert step.gradients(con) - {'M'} == moved


def test_the_weights_are_ten_five_and_two(step_of):
    step = step_of(SMOKE, {'model.networks.M.dropout': 0.0})
    losses = step.model.generator_losses(step.batch, step.model.forward_translation(step.batch))
    expected = (
        losses['adv.Dt']
        + losses['adv.Ds']
        + 10 * (losses['cycle.s2t2s'] + losses['cycle.t2s2t'])
        + 5 * (losses['idt.s2s'] + losses['idt.t2t'])
        + 2 * losses['con']
    )
    torch.testing.assert_close(weigh(losses, step.model.loss_weights, 'G'), expected)
    siamese = step.model.siamese_losses(step.batch, step.model.forward_translation(step.batch))
    assert weigh(siamese, step.model.loss_weights, 'M') == siamese['con']


def test_without_the_contrastive_term_the_generators_minimise_cyclegans_loss(step_of):
    step = step_of(SMOKE, {'model.loss_weights.con': 0.0})
    losses = step.model.generator_losses(step.batch, step.model.forward_translation(step.batch))
    rest = {term: value for term, value in losses.items() if term != 'con'}
    weights = step.model.loss_weights
    assert torch.equal(weigh(losses, weights, 'G'), weigh(rest, weights, 'G'))


def test_generators_that_change_nothing_have_no_positive_loss(step_of):
    step = step_of(SMOKE, {'model.networks.M.dropout': 0.0, 'model.contrast.margin': 0.0})
    step.model.G, step.model.F = nn.Identity(), nn.Identity()
    losses = step.model.generator_losses(step.batch, step.model.forward_translation(step.batch))
    assert losses['con'] == 0


def test_the_generators_step_in_every_second_iteration_where_told(step_of):
    step = step_of(SMOKE, {'model.g_every': 2})
    assert [phase.every for phase in step.model.phases()] == [2, 1, 1]
    assert [phase.name for phase in step.model.phases()] == ['G', 'D', 'M']


def test_unequal_batches_are_refused_before_training(build):
    with pytest.raises(ValueError, match=r"'source': 2, 'target': 3.*make them equal"):
        build(SMOKE, {'train_dataloader.target.batch_size': 3}).train()


# ---- SiaNet ----


def test_the_siamese_network_of_the_paper_has_four_blocks_down_to_one_pixel():
    with torch.device('meta'):
        network = SiaNet(image_size=(256, 256))
    assert sum(p.numel() for p in network.parameters()) == 2_830_464
    assert block_sizes((256, 256)) == [(64, 64), (16, 16), (4, 4), (1, 1)]
    assert block_sizes((256, 128)) == [(64, 32), (16, 8), (4, 2)]
    with torch.device('meta'):
        assert SiaNet(image_size=(256, 128)).hidden.in_features == 2048


@pytest.mark.parametrize('size', [(64, 32), (64, 64), (18, 22)])
def test_embeddings_are_unit_vectors_at_any_size_and_blocks_are_as_large_as_said(size):
    network = SiaNet(image_size=size, base_dim=4).eval()
    x = torch.rand(3, 3, *size)
    for block, expected in zip(network.blocks, block_sizes(size)):
        x = block(x)
        assert tuple(x.shape[2:]) == expected
    embedding = network(torch.rand(3, 3, *size))
    assert embedding.shape == (3, 64)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(3))


def test_another_image_size_and_an_image_without_room_are_refused():
    with pytest.raises(ValueError, match=r'built for images of \(64, 32\).*M.image_size=\(32, 32'):
        SiaNet(image_size=(64, 32), base_dim=2)(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match='both sides to be 4 or more'):
        SiaNet(image_size=(64, 3))


# ---- the contrastive loss ----


def test_closed_forms_of_pairs():
    contrast = SiameseContrast(margin=2.0)
    a, across = unit((1, 0), (0, 1)), unit((0, 1), (1, 0))
    assert contrast.positive(a, a) == 0
    assert contrast.positive(a, across).item() == pytest.approx(2)
    assert contrast.negative(a, -a) == 0
    assert contrast.negative(a, a).item() == pytest.approx(4, rel=2e-3)  # margin^2
    assert contrast.negative(a, across).item() == pytest.approx((2 - math.sqrt(2)) ** 2, rel=1e-5)


def test_the_cosine_distance_is_half_the_squared_one():
    cosine = SiameseContrast(distance='cosine', margin=1.0)
    a, b = unit((1, 0)), unit((0.6, 0.8))
    assert cosine.positive(a, b).item() == pytest.approx(0.4**2)
    assert cosine.negative(a, b).item() == pytest.approx((1 - 0.4) ** 2)
    assert SiameseContrast().positive(a, b).item() == pytest.approx(2 * 0.4)


def test_the_negative_has_a_finite_gradient_where_embeddings_coincide():
    a = unit((1, 0)).requires_grad_()
    SiameseContrast().negative(a, a.detach()).backward()
    assert torch.isfinite(a.grad).all()


def test_each_reading_combines_its_pairs_as_the_table_says():
    torch.manual_seed(0)
    e = Embedded(*nnf.normalize(torch.randn(4, 3, 5, dtype=torch.float64), dim=2))
    loss = SiameseContrast(margin=1.5)

    def pairs(a, b, positive):  # row by row
        total = 0.0
        for u, v in zip(a.tolist(), b.tolist()):
            d = math.sqrt(sum((p - q) ** 2 for p, q in zip(u, v)))
            total += d**2 if positive else max(0.0, 1.5 - d) ** 2
        return total / len(a)

    positives = pairs(e.s, e.s2t, True) + pairs(e.t, e.t2s, True)
    real = pairs(e.s, e.t, False)
    translated = pairs(e.s2t, e.t, False) + pairs(e.t2s, e.s, False)
    assert translated > 0.01
    code = (positives + 2 * real) / 3
    expected = {
        'mixed': (code, (positives + translated) / 4),
        'tf': (code, code),
        'pt': (code, (positives + translated / 2) / 4),
        'paper': (positives + translated, positives + translated),
    }
    for mode, (siamese, generators) in expected.items():
        loss.mode = mode
        assert loss.siamese(e).item() == pytest.approx(siamese, rel=1e-4)
        assert loss.generators(e).item() == pytest.approx(generators, rel=1e-4)


def test_a_misspelt_mode_is_named():
    with pytest.raises(ValueError, match="'tensorflow'; choose one of mixed, tf, pt, paper"):
        SiameseContrast(mode='tensorflow')


# ---- local max pooling ----


def test_one_stripe_is_global_max_pooling_and_a_stripe_a_row_the_maximum_of_each():
    feature_map = torch.randn(2, 5, 7, 3)
    assert torch.equal(local_pooling(feature_map, 1), feature_map.amax((2, 3)))
    rows = local_pooling(feature_map, 7).view(2, 5, 7)
    assert torch.equal(rows, feature_map.amax(3))
    halves = local_pooling(feature_map[:, :, :6], 2, 'avg').view(2, 5, 2)
    torch.testing.assert_close(halves[..., 1], feature_map[:, :, 3:6].mean((2, 3)))
    with pytest.raises(ValueError, match=r'8 stripes of a map with 7 rows; set num_stripes'):
        local_pooling(feature_map, 8)
    with pytest.raises(ValueError, match="pool is 'sum'"):
        local_pooling(feature_map, 2, 'sum')


def test_the_pooled_encoder_takes_a_checkpoint_as_it_is_and_pools_in_eval_mode_alone():
    plain = ContentEncoder(trunk='resnet18', embed_dim=16)
    pooled = LMPEncoder(num_stripes=2, trunk='resnet18', embed_dim=16)
    pooled.load_state_dict(plain.state_dict())
    img = torch.randn(2, 3, 64, 32)
    plain.train(), pooled.train()
    assert torch.equal(pooled(img).embedding, plain(img).embedding)
    plain.eval(), pooled.eval()
    feature_map = plain.trunk(img)
    expected = torch.stack([feature_map[:, :, :2].amax((2, 3)), feature_map[:, :, 2:].amax((2, 3))])
    embedding = pooled(img).embedding
    assert embedding.shape == (2, 2 * 512)
    torch.testing.assert_close(embedding.view(2, 512, 2).permute(2, 0, 1), expected)


@pytest.mark.parametrize('name', ['lmp_synth', 'lmp_market2duke'])
def test_the_configs_evaluate_with_seven_stripes_or_as_many_as_asked(name, tmp_path):
    cfg = load_config(CONFIGS / f'{name}.py', {'model.networks.E_c.weights': None})
    cfg.model.networks.E_c.trunk = 'resnet18'
    cfg.model.networks.get('H', cfg.model.networks.C).in_dim = 512
    cfg.val_dataloader.target.dataset = dict(
        type='ShapesReID',
        num_identities=1,
        images_per_identity=2,
        size=(256, 128),
        split='query+gallery',
    )
    cfg.val_dataloader.target.num_workers = 0
    cfg.val_cfg = dict(type='RetrievalValLoop')
    cfg.work_dir = str(tmp_path)
    only_evaluate(cfg)
    runner = ReIDRunner.from_cfg(cfg)
    assert 0 < runner.val()['mAP'] <= 100
    runner.model.eval()
    assert runner.model.embed(torch.randn(1, 3, 256, 128)).shape == (1, 7 * 512)
    runner.model.E_c.num_stripes = 2
    assert runner.model.embed(torch.randn(1, 3, 256, 128)).shape == (1, 2 * 512)


def test_the_smoke_config_trains_draws_its_grid_and_translates_the_source(trains_and_translates):
    trains_and_translates(SMOKE)
