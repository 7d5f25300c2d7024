"""StarGAN: published network sizes, networks trained by each loss, and options."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from projects.stargan_camstyle.stargan_camstyle import (
    CameraDiscriminator,
    CameraGenerator,
    DiscriminatorOutput,
)
from reidgen.datasets.transforms import Sample, build_transforms, without_chance
from reidgen.engine.config import load_config
from reidgen.engine.stage_lr import lr_factor
from reidgen.engine.step import run_phases, weigh

pytestmark = pytest.mark.slow

CONFIGS = Path(__file__).parents[1] / 'configs'
SMOKE = CONFIGS / 'stargan_smoke.py'


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


class Identity(nn.Module):
    """Identity generator."""

    def forward(self, img, camid):
        return img


class SampledPixels(nn.Module):
    """Discriminator whose patch scores are three times single pixels, so its gradient is known."""

    def forward(self, img):
        return DiscriminatorOutput(3 * img[:, :1, ::16, ::16], img.new_zeros(len(img), 2))


def drawn_figures(cfg) -> None:
    """Changes a config in place to small networks, drawn figures and one step of G."""
    small = load_config(SMOKE)
    cfg.model.networks, cfg.train_dataloader = small.model.networks, small.train_dataloader
    stage = cfg.train_cfg.stages[0]
    stage.iters = cfg.model.discriminator_steps
    for rule in stage.lr.values():
        rule.update(linear_from=0, unit=1)


# ---- networks ----


@pytest.mark.parametrize(
    'num_cameras, generator, discriminator',
    [(6, 8_433_664, 44_819_392), (8, 8_439_936, 44_852_160)],
)
def test_networks_have_the_published_shapes_and_sizes(num_cameras, generator, discriminator):
    with torch.device('meta'):
        G, D = CameraGenerator(num_cameras), CameraDiscriminator(num_cameras)
        img = torch.empty(2, 3, 256, 128)
        out = D(img)
    assert (count(G), count(D)) == (generator, discriminator)
    assert out.realness.shape == (2, 1, 4, 2)
    assert out.cameras.shape == (2, num_cameras)


def test_small_pictures_take_five_halvings():
    D = CameraDiscriminator(6, (128, 64), base_dim=4, num_layers=5)
    assert D(torch.randn(2, 3, 128, 64)).realness.shape == (2, 1, 4, 2)
    with pytest.raises(ValueError, match=r'num_layers lower \(5 for 128 x 64\)'):
        CameraDiscriminator(6, (96, 64), num_layers=6)
    with pytest.raises(ValueError, match='multiples of 4'):
        CameraGenerator(2, base_dim=4)(torch.randn(1, 3, 30, 16), torch.tensor([0]))


def test_the_translation_depends_on_the_camera_in_training_as_in_test():
    torch.manual_seed(0)
    G, img = CameraGenerator(3, base_dim=4, num_blocks=1), torch.randn(1, 3, 16, 8)
    translated = [G(img, torch.tensor([camera])) for camera in (0, 1, 1)]
    assert translated[0].shape == img.shape
    assert max(one.abs().max() for one in translated) <= 1
    assert not torch.allclose(translated[0], translated[1])
    assert torch.equal(translated[1], translated[2])
    assert torch.equal(translated[0], G.eval()(img, torch.tensor([0])))


def test_doubling_by_nearest_neighbours_changes_no_shape_and_keeps_flat_areas_flat():
    torch.manual_seed(0)
    G = CameraGenerator(2, base_dim=4, num_blocks=1, upsample='nearest')
    translated = G(torch.full((1, 3, 64, 64), 0.3), torch.tensor([1]))
    assert translated.shape == (1, 3, 64, 64)
    # far from the border a flat picture stays flat: the layers have no pattern of their own
    assert translated[..., 28:36, 28:36].std(dim=(2, 3)).max() < 1e-5
    with pytest.raises(ValueError, match="upsample is 'bilinear'; choose one of transposed, near"):
        CameraGenerator(2, upsample='bilinear')


# ---- training ----


def test_the_smoke_config_trains_and_draws_its_grid(build, tmp_path):
    build(SMOKE).train()
    assert (tmp_path / 'stargan_smoke/stage_cameras.pth').exists()
    assert len(list((tmp_path / 'stargan_smoke/grids').glob('*.png'))) == 1


@pytest.mark.parametrize(
    'path', sorted(set(CONFIGS.glob('*.py')) - {SMOKE}), ids=lambda path: path.stem
)
def test_every_config_trains_until_the_generator_has_stepped(path, build, tmp_path):
    runner = build(path, change=drawn_figures)
    runner.train()
    assert any(key.startswith('train/G/') for key in runner.message_hub.log_scalars)


@pytest.mark.parametrize('phase', ['D', 'G'])
def test_a_phase_moves_exactly_what_it_names(phase, step_of):
    assert step_of(SMOKE, {'model.discriminator_steps': 1}).moves(phase) == {phase}


@pytest.mark.parametrize('discriminator_steps', [1, 5])
def test_the_generator_steps_in_the_last_of_every_n_iterations(discriminator_steps, step_of):
    step = step_of(SMOKE, {'model.discriminator_steps': discriminator_steps})
    step.model.enter_stage('cameras')
    stepped = []
    for iteration in range(11):
        before = step.model.G.layers[0].weight.clone()
        run_phases(step.model, step.batch, step.optim, iteration, done=iteration)
        if not torch.equal(before, step.model.G.layers[0].weight):
            stepped.append(iteration + 1)
    assert stepped == list(range(discriminator_steps, 12, discriminator_steps))


def test_the_camera_loss_of_real_images_trains_d_and_of_translated_ones_g(step_of):
    step = step_of(SMOKE)
    model, batch = step.model, step.batch
    x = model.forward_translation(batch)
    discriminators, generators = (
        model.discriminator_losses(batch, x),
        model.generator_losses(batch, x),
    )
    for term in ('adv.D.real', 'adv.D.fake', 'camera.real', 'gp.D'):
        assert step.gradients(discriminators[term]) == {'D'}, term
    model.train_only(['G'])
    for term in ('adv.D', 'camera.fake', 'recon.back'):
        assert step.gradients(generators[term]) == {'G'}, term


def test_objectives_are_the_papers(step_of):
    step = step_of(SMOKE)
    model, x = step.model, step.batch.target
    G, D = model.G, model.D
    new = model.forward_translation(step.batch)
    torch.testing.assert_close(new.x_new, G(x.img, new.camid))
    cross_entropy = nn.CrossEntropyLoss()
    discriminators = model.discriminator_losses(step.batch, new)
    expected = (
        -D(x.img).realness.mean()
        + D(new.x_new).realness.mean()
        + cross_entropy(D(x.img).cameras, x.camid)
        + 10 * discriminators['gp.D']
    )
    torch.testing.assert_close(weigh(discriminators, model.loss_weights, 'D'), expected)
    expected = (
        -D(new.x_new).realness.mean()
        + cross_entropy(D(new.x_new).cameras, new.camid)
        + 10 * (G(new.x_new, x.camid) - x.img).abs().mean()
    )
    losses = model.generator_losses(step.batch, new)
    torch.testing.assert_close(weigh(losses, model.loss_weights, 'G'), expected)


def test_the_slope_is_that_of_the_sum_over_patches(step_of):
    step = step_of(SMOKE)
    step.model.D = SampledPixels()
    losses = step.model.discriminator_losses(step.batch, step.model.forward_translation(step.batch))
    # 64 x 32 pixels, one of 16 x 16: eight of slope 3
    assert losses['gp.D'].item() == pytest.approx((3 * 8**0.5 - 1) ** 2, rel=1e-5)


def test_a_generator_that_changes_nothing_reconstructs_without_loss(step_of):
    step = step_of(SMOKE)
    step.model.G = Identity()
    losses = step.model.generator_losses(step.batch, step.model.forward_translation(step.batch))
    assert losses['recon.back'] == 0


def test_the_identity_term_leaves_images_of_the_wanted_camera_alone(step_of):
    off, on = step_of(SMOKE), step_of(SMOKE, {'model.loss_weights.idt': 10.0})
    losses = off.model.generator_losses(off.batch, off.model.forward_translation(off.batch))
    assert 'idt.own' not in losses
    model, x = on.model, on.batch.target
    losses = model.generator_losses(on.batch, model.forward_translation(on.batch))
    expected = (model.G(x.img, x.camid) - x.img).abs().mean()
    torch.testing.assert_close(losses['idt.own'], expected)
    model.train_only(['G'])
    assert on.gradients(losses['idt.own']) == {'G'}


def test_wanted_cameras_are_those_of_the_batch_in_another_order(step_of):
    step = step_of(SMOKE)
    step.batch.target.camid[:] = torch.tensor([0, 0, 1, 1])
    orders = set()
    for iteration in range(8):
        step.model.rng.begin(iteration)
        wanted = step.model.forward_translation(step.batch).camid.tolist()
        assert sorted(wanted) == [0, 0, 1, 1]
        orders.add(tuple(wanted))
    assert len(orders) > 1


def test_the_published_rate_falls_from_half_of_the_training_on_to_zero():
    (stage,) = load_config(CONFIGS / 'stargan_duke.py').train_cfg.stages
    rates = {done: lr_factor(done, stage.iters, **stage.lr.G) for done in (109_999, 110_000)}
    assert set(rates.values()) == {1.0}
    assert lr_factor(165_000, stage.iters, **stage.lr.G) == pytest.approx(0.5)
    # the last thousand iterations of 110 steps of 1/110
    assert lr_factor(219_999, stage.iters, **stage.lr.G) == pytest.approx(1 / 110)
    assert lr_factor(220_000, stage.iters, **stage.lr.G) == 0


def test_the_rate_of_the_code_behind_the_copies_ends_at_its_999th_part():
    (stage,) = load_config(CONFIGS / 'stargan_duke_literal.py').train_cfg.stages
    rate, at = 1.0, {}
    for done in range(220_001):
        if done > 110_000 and done % 1000 == 0:
            rate -= 1 / 110_000
        at[done] = rate
    assert at[220_000] == pytest.approx(0.999)
    for rule in stage.lr.values():
        for done in (0, 110_999, 111_000, 165_500, 219_999, 220_000):
            assert lr_factor(done, stage.iters, **rule) == pytest.approx(at[done], abs=2e-7)


def test_duke_is_resized_bilinearly_in_training_and_for_the_copies():
    configs = [load_config(CONFIGS / f'stargan_duke{end}.py') for end in ('', '_literal')]
    listed = [cfg.train_dataloader.target.dataset.transforms for cfg in configs]
    assert listed[0] == listed[1]
    resize, _ = build_transforms(listed[0])
    (rest,) = without_chance([resize])
    rng = torch.Generator().manual_seed(0)
    for height, width in ((150, 60), (400, 200)):
        picture = torch.randint(256, (3, height, width), generator=rng, dtype=torch.uint8)
        for layer, size in ((resize.enlarge, (288, 144)), (rest, (256, 128))):
            pillow = Image.fromarray(picture.permute(1, 2, 0).numpy())
            pillow = pillow.resize(size[::-1], Image.Resampling.BILINEAR)
            expected = torch.from_numpy(np.array(pillow)).permute(2, 0, 1)
            assert (layer(Sample(picture)).img.int() - expected.int()).abs().max() <= 1
    assert resize(Sample(picture)).img.shape == (3, 256, 128)


def test_what_does_not_fit_is_named(build, step_of):
    for options, message in (
        ({'model.networks.G.num_cameras': 3}, 'that of D 2; make them equal'),
        ({'model.discriminator_steps': 0}, r'model\.discriminator_steps is 0'),
    ):
        with pytest.raises(ValueError, match=message):
            build(SMOKE, options)
    three = {f'model.networks.{name}.num_cameras': 3 for name in ('G', 'D')}
    with pytest.raises(ValueError, match='set it to 2 in G and D'):
        _ = build(SMOKE, three).train_loop
    with pytest.raises(ValueError, match=r'images of shapes_b are \(64, 32\)'):
        _ = build(SMOKE, {'model.networks.D.image_size': (32, 32)}).train_loop

    def renamed(cfg):
        cfg.train_dataloader = dict(duke=cfg.train_dataloader.target)
        cfg.train_cfg.stages[0].loaders = dict(target='duke')

    _ = build(SMOKE, change=renamed).train_loop
    with pytest.raises(ValueError, match='set it to 2 in G and D'):
        _ = build(SMOKE, three, change=renamed).train_loop
    step = step_of(SMOKE)
    with pytest.raises(ValueError, match="the cameras are 'c1' to 'c2'"):
        step.model.translate(step.batch.target, 'c3')


def test_the_tool_translates_the_target_to_one_of_its_cameras(translated):
    out = translated(SMOKE, '--domain', 'c2', '--loader', 'target')
    assert len(list((out / 'bounding_box_train').glob('*.png'))) == 8
