from pathlib import Path

import pytest
import torch
from torch import nn

from reidgen.engine.config import load_config
from reidgen.engine.stage_lr import lr_factor
from reidgen.engine.step import run_phases, weigh

pytestmark = pytest.mark.slow

CONFIGS = Path(__file__).parents[1] / 'configs'
SMOKE = CONFIGS / 'cyclegan_smoke.py'


class Constant(nn.Module):
    """Discriminator with a constant output."""

    def __init__(self, value: float):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, img):
        return self.value.expand(len(img), 1, 2, 2)


def drawn_figures(cfg) -> None:
    """Changes a config in place to small networks, drawn figures and one iteration."""
    small = load_config(SMOKE)
    cfg.model.networks, cfg.model.pool = small.model.networks, small.model.pool
    cfg.train_dataloader = small.train_dataloader
    cfg.train_cfg.stages[0].iters = 1
    for rule in cfg.train_cfg.stages[0].lr.values():
        rule.update(linear_from=0, unit=1)


@pytest.mark.parametrize(
    'path', sorted(set(CONFIGS.glob('*.py')) - {SMOKE}), ids=lambda path: path.stem
)
def test_every_config_builds_on_drawn_figures(path, check_builds):
    check_builds(path, drawn_figures)


def test_a_phase_moves_exactly_what_it_names(step_of):
    step = step_of(SMOKE)
    assert step.moves('G') == {'G', 'F'}
    assert step.moves('D') == {'D_s', 'D_t', 'pool_s', 'pool_t'}


def test_every_term_reaches_the_generators_it_is_about(step_of):
    step = step_of(SMOKE)
    x = step.model.forward_translation(step.batch)
    step.model.train_only(['G', 'F'])
    losses = step.model.generator_losses(step.batch, x)
    assert step.gradients(losses['adv.Dt']) == {'G'}
    assert step.gradients(losses['adv.Ds']) == {'F'}
    assert step.gradients(losses['cycle.s2t2s']) == {'G', 'F'}
    assert step.gradients(losses['idt.t2t']) == {'G'}
    step.model.train_only(step.model.network_names)
    discriminators = step.model.discriminator_losses(step.batch, x)
    assert step.gradients(discriminators['adv.Dt.fake']) == {'D_t'}
    assert step.gradients(discriminators['adv.Ds.real']) == {'D_s'}


def test_a_discriminator_that_says_c_everywhere_loses_half_of_c_squared_and_its_distance_to_one(
    step_of,
):
    step = step_of(SMOKE)
    step.model.D_t, step.model.D_s = Constant(0.3), Constant(-2.0)
    x = step.model.forward_translation(step.batch)
    losses = step.model.discriminator_losses(step.batch, x)
    total = weigh(losses, step.model.loss_weights, 'D')
    expected = 0.5 * (0.3**2 + 0.7**2) + 0.5 * (2.0**2 + 3.0**2)
    assert total.item() == pytest.approx(expected, rel=1e-6)


def test_the_objective_of_the_generators_is_the_papers(step_of):
    step = step_of(SMOKE)
    G, F, D_s, D_t = (getattr(step.model, name) for name in ('G', 'F', 'D_s', 'D_t'))
    x_s, x_t = step.batch.source.img, step.batch.target.img
    assert x_s.min() >= -1
    assert x_s.max() <= 1
    expected = (
        (D_t(G(x_s)) - 1).square().mean()
        + (D_s(F(x_t)) - 1).square().mean()
        + 10 * ((F(G(x_s)) - x_s).abs().mean() + (G(F(x_t)) - x_t).abs().mean())
        + 5 * ((G(x_t) - x_t).abs().mean() + (F(x_s) - x_s).abs().mean())
    )
    losses = step.model.generator_losses(step.batch, step.model.forward_translation(step.batch))
    torch.testing.assert_close(weigh(losses, step.model.loss_weights, 'G'), expected)


def test_discriminators_are_shown_what_the_pool_held_before(step_of):
    step = step_of(SMOKE)
    with torch.no_grad():
        old = step.model.forward_translation(step.batch).x_s2t
    for iteration in range(4):
        run_phases(step.model, step.batch, step.optim, iteration, done=iteration)
    held = step.model.pool_t.images
    assert step.model.pool_t.count == 2
    assert not torch.equal(held, old)  # the generators have moved, and old images made room


def test_without_the_identity_term_the_generators_translate_nothing_twice(step_of):
    step = step_of(SMOKE, {'model.loss_weights.idt': 0.0})
    x = step.model.forward_translation(step.batch)
    assert x.x_s2s is None
    assert not any(term.startswith('idt') for term in step.model.generator_losses(step.batch, x))


def test_a_resumed_training_is_bit_exact(build, tmp_path):
    longer = {'train_cfg.stages.0.iters': 4, 'default_hooks.checkpoint.interval': 2}
    straight = build(SMOKE, longer)
    straight.train()
    path = str(tmp_path / 'cyclegan_smoke/iter_2.pth')
    half = build(SMOKE, longer, change=lambda cfg: cfg.update(resume=True, load_from=path))
    half.train()
    for (key, value), other in zip(
        straight.model.state_dict().items(), half.model.state_dict().values()
    ):
        assert torch.equal(value, other), key
    assert straight.model.pool_t.count == 2


@pytest.mark.parametrize(
    'name, last', [('cyclegan_synth', 1 / 2), ('cyclegan_market2duke', 1 / 21)]
)
def test_the_rate_falls_linearly_by_passes_and_not_to_zero(name, last):
    stage = load_config(CONFIGS / f'{name}.py').train_cfg.stages[0]
    rule = dict(stage.lr.G)
    num_passes = stage.iters // rule['unit']
    factors = [lr_factor(k * rule['unit'], stage.iters, **rule) for k in range(num_passes)]
    falling = [factor for factor in factors if factor < 1]
    # 1 - (E - n) / (n_decay + 1) in pass E of n + n_decay
    expected = [1 - (k + 1) / (len(falling) + 1) for k in range(len(falling))]
    assert factors[0] == 1
    assert falling == pytest.approx(expected)
    assert factors[-1] == pytest.approx(last)
    assert lr_factor(stage.iters - 1, stage.iters, **rule) == factors[-1]


def test_the_bce_objective_takes_the_sigmoid_once(step_of):
    step = step_of(SMOKE, {'model.gan_loss': dict(type='GANLoss', mode='bce')})
    step.model.D_t = Constant(1.5)
    x = step.model.forward_translation(step.batch)
    loss = step.model.generator_losses(step.batch, x)['adv.Dt']
    assert loss.item() == pytest.approx(torch.tensor(1 + 2.718281828**-1.5).log().item(), rel=1e-6)


def test_translate_gives_the_images_of_the_forward(step_of):
    step = step_of(SMOKE)
    x = step.model.forward_translation(step.batch)
    assert torch.equal(step.model.translate(step.batch.source, 'target'), x.x_s2t)
    assert torch.equal(step.model.translate(step.batch.target, 'source'), x.x_t2s)


def test_a_pool_of_another_size_is_refused_before_training(build):
    with pytest.raises(ValueError, match=r'image_size is \(32, 32\) but the images .* \(64, 32\)'):
        build(SMOKE, {'model.pool.image_size': (32, 32)}).train()


def test_the_smoke_config_trains_draws_its_grid_and_translates_the_source(trains_and_translates):
    trains_and_translates(SMOKE)
