"""LSRO: losses of real and generated images, networks trained, rows of a run, and options."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as nnf

from projects.lsro.lsro import (
    LSRO,
    ExtraClassClassifier,
    ExtraClassLabel,
    PseudoLabel,
    UniformLabel,
)
from projects.lsro.lsro.model import part
from reidgen.engine.config import load_config
from reidgen.engine.step import run_phases
from reidgen.losses import LabelSmoothCrossEntropy

CONFIGS = Path(__file__).parents[1] / 'configs'
SMOKE = CONFIGS / 'lsro_smoke.py'


# ---- labels of generated images ----


def logits(*shape: int, scale: float = 3.0) -> torch.Tensor:
    drawn = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    return (scale * drawn).requires_grad_()


@pytest.mark.parametrize('num_identities', [2, 7, 751])
def test_equal_logits_cost_ln_k_and_are_the_cheapest(num_identities):
    equal = torch.full((4, num_identities), 5.0)
    assert UniformLabel()(equal).item() == pytest.approx(math.log(num_identities))
    assert UniformLabel()(logits(4, num_identities)) > math.log(num_identities)


def test_the_gradient_of_a_generated_image_is_its_probabilities_less_one_in_k():
    z = logits(3, 5)
    (gradient,) = torch.autograd.grad(UniformLabel()(z), z)
    expected = (z.detach().exp() / z.detach().exp().sum(1, keepdim=True) - 1 / 5) / 3
    torch.testing.assert_close(gradient, expected)
    torch.testing.assert_close(gradient.sum(1), torch.zeros(3))


def test_the_uniform_label_is_label_smoothing_of_one_whatever_the_label():
    z = logits(6, 5)
    for label in (0, 4):
        smoothed = nnf.cross_entropy(z, torch.full((6,), label), label_smoothing=1.0)
        torch.testing.assert_close(UniformLabel()(z), smoothed)


def test_a_shift_of_all_logits_changes_nothing_and_large_ones_stay_finite():
    z = logits(4, 5)
    torch.testing.assert_close(UniformLabel()(z), UniformLabel()(z + 100))
    large = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    for loss in (UniformLabel(), PseudoLabel(), ExtraClassLabel()):
        value = loss(large)
        (gradient,) = torch.autograd.grad(value, large)
        assert torch.isfinite(value)
        assert torch.isfinite(gradient).all()
    # log-probabilities 0, -2e4 and -1e4
    assert UniformLabel()(large).item() == pytest.approx(1e4)


def test_the_pseudo_label_is_the_largest_logit_of_this_forward():
    z = torch.tensor([[0.0, 1.0, 3.0], [2.0, 0.0, 0.0]])
    expected = [math.log(1 + math.exp(-2) + math.exp(-3)), math.log(1 + 2 * math.exp(-2))]
    assert PseudoLabel()(z).item() == pytest.approx(sum(expected) / 2)


def test_the_extra_class_is_the_last_of_k_plus_1_outputs_and_is_dropped_in_evaluation():
    classifier = ExtraClassClassifier(in_dim=4, num_identities=3, bias=True)
    x = logits(2, 4)
    trained, tested = classifier(x), classifier.eval()(x)
    assert (trained.shape, tested.shape) == ((2, 4), (2, 3))
    assert torch.equal(trained[:, :3], tested)
    z = torch.tensor([[0.0, 0.0, 0.0, 2.0]])
    expected = math.log(1 + 3 * math.exp(-2))
    assert ExtraClassLabel()(z).item() == pytest.approx(expected)


# ---- the loss of a batch ----


def lsro(z, pid, epsilon: float = 0.0) -> torch.Tensor:
    """Mean over the images of a batch, as LSRO's phase sums it."""
    real, known = z[pid >= 0], pid[pid >= 0]
    cross_entropy = LabelSmoothCrossEntropy(epsilon)
    return part(lambda some: cross_entropy(some, known), real, z) + part(
        UniformLabel(), z[pid < 0], z
    )


def test_without_evidence_any_image_costs_ln_k():
    for pid in ([0, 3], [-1, -1], [2, -1]):
        assert lsro(torch.zeros(2, 7), torch.tensor(pid)).item() == pytest.approx(math.log(7))


def test_a_batch_of_real_images_is_cross_entropy_with_label_smoothing():
    z, pid = logits(6, 5), torch.tensor([0, 4, 2, 2, 1, 3])
    assert torch.equal(lsro(z, pid), nnf.cross_entropy(z, pid))
    smoothed = nnf.cross_entropy(z, pid, label_smoothing=0.1)
    assert torch.equal(lsro(z, pid, 0.1), smoothed)


def test_a_mixed_batch_is_the_mean_of_its_images_one_by_one():
    z, pid = logits(5, 4), torch.tensor([1, -1, 3, -1, -1])
    total = 0.0
    for row, label in zip(z.tolist(), pid.tolist()):
        log_sum = math.log(sum(math.exp(value) for value in row))
        costs = [log_sum - value for value in row]
        total += costs[label] if label >= 0 else sum(costs) / 4
    assert lsro(z, pid).item() == pytest.approx(total / 5, rel=1e-5)


@pytest.fixture
def mixed_step(step_of):
    """Smoke model at a batch of five real and three generated images."""
    step = step_of(SMOKE, {'train_cfg.stages.0.loaders': ['real', 'identity']})
    identity = step.batch.identity
    is_real = torch.arange(8) < 5
    pid = torch.where(is_real, identity.pid, -1)
    step.batch = step.batch._replace(identity=identity._replace(pid=pid))
    step.model.C.linear.weight.data.normal_(std=0.05)
    return step


@pytest.mark.slow
def test_the_model_sums_both_parts_of_the_mean(mixed_step):
    model, identity = mixed_step.model.eval(), mixed_step.batch.identity
    z = model.C(model.E_c(identity.img).pre_bn)
    losses = model.identity_losses(mixed_step.batch, None)
    total = losses['identity.s'] + losses['generated.s']
    torch.testing.assert_close(total, lsro(z, identity.pid))
    right = (z[:5].argmax(1) == identity.pid[:5]).float().mean()
    assert losses['stat.accuracy'] == pytest.approx(right.item())


@pytest.mark.slow
def test_labels_of_generated_images_are_never_read(mixed_step):
    model, identity = mixed_step.model.eval(), mixed_step.batch.identity
    batches = []
    for labels in ([-1, -1, -1], [-7, -2, -(10**6)]):
        pid = torch.cat([identity.pid[:5], torch.tensor(labels)])
        batches.append(mixed_step.batch._replace(identity=identity._replace(pid=pid)))
    Batch = type(mixed_step.batch)
    real, generated = (
        type(identity)(*(field[rows] for field in identity)) for rows in (slice(5), slice(5, None))
    )

    class Apart:
        def __init__(self, pid):
            self.identity, self.generated = real, generated._replace(pid=torch.tensor(pid))

    assert Batch._fields == ('real', 'identity')
    batches += [Apart([0, 3, 2]), Apart([-1, 99, 1])]  # whatever the field `generated` says
    found = [model.identity_losses(batch, None) for batch in batches]
    for losses in found[1:]:
        assert all(torch.equal(losses[key], found[0][key]) for key in losses)


@pytest.mark.slow
def test_each_phase_trains_its_own_networks(mixed_step):
    model = mixed_step.model
    losses = model.identity_losses(mixed_step.batch, None)
    assert mixed_step.gradients(losses['identity.s']) == {'E_c', 'C'}
    assert mixed_step.gradients(losses['generated.s']) == {'E_c', 'C'}
    for phase, moving in (('I', {'E_c', 'C'}), ('D', {'D'}), ('G', {'G'})):
        before = {key: value.clone() for key, value in model.named_parameters()}
        model.enter_stage('test', [phase])
        run_phases(model, mixed_step.batch, mixed_step.optim, iteration=0, done=0)
        moved = {
            key.partition('.')[0]
            for key, value in model.named_parameters()
            if not torch.equal(value, before[key])
        }
        assert moved == moving


@pytest.mark.slow
def test_the_gan_has_its_images_from_minus_one_to_one_and_back(mixed_step):
    model, img = mixed_step.model.eval(), mixed_step.batch.real.img
    pixels = model.gan._symmetric(img)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    torch.testing.assert_close(pixels, 2 * (img * std + mean) - 1, atol=1e-5, rtol=1e-5)
    z = model.gan.latents(range(2))
    torch.testing.assert_close(model.gan._symmetric(model.generate(z)), model.G(z))


# ---- configs ----


def drawn_figures(cfg) -> None:
    """Changes a config in place to small networks, drawn figures and one iteration a stage."""
    small = load_config(SMOKE)
    for name in ('G', 'D', 'E_c'):
        cfg.model.networks[name] = small.model.networks[name]
    cfg.model.networks.C.update(in_dim=1280, num_identities=4)
    for name, loader in cfg.train_dataloader.items():
        if name != 'real':
            dataset = loader.dataset
            shown = small.train_dataloader.identity.dataset
            if dataset.type == 'GeneratedImages':
                dataset.transforms = shown.transforms
            elif dataset.type == 'RealAndGenerated':
                dataset.dataset = shown
            else:
                loader.dataset = shown
            if 'count' in dataset:
                dataset.count = 8
        loader.update(batch_size=8, num_workers=0)
    cfg.train_dataloader.real = small.train_dataloader.real
    cfg.val_dataloader = small.val_dataloader
    cfg.default_hooks.grid = None
    for stage in cfg.train_cfg.stages:
        stage.iters, stage.eval_every = 1, None
        for rule in stage.get('lr', {}).values():
            rule.milestones = []


@pytest.mark.slow
@pytest.mark.parametrize(
    'path', sorted(set(CONFIGS.glob('*.py')) - {SMOKE}), ids=lambda path: path.stem
)
def test_every_config_trains_one_iteration_a_stage_on_drawn_figures(path, build, tmp_path):
    build(path, change=drawn_figures).train()
    for stage in load_config(path).train_cfg.stages:
        assert (tmp_path / path.stem / f'stage_{stage.name}.pth').exists()


@pytest.mark.slow
@pytest.mark.parametrize('name', ['pseudo', 'extra_class'])
def test_a_comparison_takes_the_dcgan_of_another_run(name, build, tmp_path):
    build(SMOKE).train()
    path, dcgan = CONFIGS / f'lsro_synth_a_{name}.py', tmp_path / 'lsro_smoke/stage_dcgan.pth'
    options = {'train_cfg.first_stage': name, 'load_from': str(dcgan)}
    (runner := build(path, options, change=drawn_figures)).train()
    before = torch.load(dcgan, weights_only=True)['state_dict']
    after = runner.model.G.state_dict()
    assert all(torch.equal(value, before[f'G.{key}']) for key, value in after.items())


@pytest.mark.parametrize('name, images', [('market', 12936), ('duke', 16522)])
def test_the_schedules_are_thirty_and_fifty_passes_over_their_lists(name, images):
    cfg = load_config(CONFIGS / f'lsro_{name}.py')
    assert cfg.train_dataloader.mixed.dataset.count == 24000
    dcgan, baseline, mixed = cfg.train_cfg.stages
    assert dcgan.iters == 30 * (images // 64)
    for stage, listed in ((baseline, images), (mixed, images + 24000)):
        per_pass = listed // 64
        assert (stage.iters, stage.lr.E.milestones) == (50 * per_pass, [40 * per_pass])
    assert (cfg.optim_wrapper.E.lr, cfg.optim_wrapper.C.lr) == (0.01, 0.1)
    assert cfg.model.networks.C.dropout == 0.75


def test_the_rows_on_rendered_people_have_zero_to_two_times_the_images():
    cfg = load_config(CONFIGS / 'lsro_synth_a.py')
    rows = {stage.name: stage for stage in cfg.train_cfg.stages[1:]}
    counts = dict(baseline=0, half=617, once=1234, twice=2468)
    for name, count in counts.items():
        assert rows[name].iters == 6 * ((1234 + count) // 32)
        assert not count or cfg.train_dataloader[rows[name].loaders.identity].dataset.count == count
    assert (rows['long'].iters, rows['long'].loaders) == (rows['twice'].iters, ['identity'])
    starts = {name: row.start for name, row in rows.items()}
    assert starts == dict.fromkeys([*counts, 'long'], 'dcgan')


def test_the_published_comparisons_are_configs():
    for data in ('market', 'synth_a'):
        pseudo = load_config(CONFIGS / f'lsro_{data}_pseudo.py').model
        assert (pseudo.generated_loss.type, pseudo.loss_weights.generated) == ('PseudoLabel', 0.1)
        extra = load_config(CONFIGS / f'lsro_{data}_extra_class.py').model
        assert extra.generated_loss.type == 'ExtraClassLabel'
        assert extra.networks.C.type == 'ExtraClassClassifier'


def test_what_does_not_fit_is_named():
    networks = dict(
        E_c=dict(type='ContentEncoder', trunk='mobilenet_v2', embed_dim=None, neck=False),
        C=dict(type='IdentityClassifier', in_dim=1280, num_identities=4),
    )
    weights = dict(identity=1.0)
    with pytest.raises(ValueError, match=r'LSRO classifies identities; set model\.networks\.C'):
        LSRO(dict(E_c=networks['E_c']), weights)
    with pytest.raises(ValueError, match=r'goes with an ExtraClassClassifier'):
        LSRO(networks, weights, generated_loss=dict(type='ExtraClassLabel'))
    extra = dict(networks, C=dict(networks['C'], type='ExtraClassClassifier'))
    with pytest.raises(ValueError, match=r'is UniformLabel and model\.networks\.C ExtraClassClass'):
        LSRO(extra, weights)
    with pytest.raises(ValueError, match=r'by the networks G and D; set model\.networks\.D'):
        LSRO(networks, weights, gan=dict(g_steps=2))
    model = LSRO(networks, weights)
    assert [phase.name for phase in model.phases()] == ['I']
    with pytest.raises(ValueError, match='this LSRO has no generator'):
        model.generate(torch.zeros(1, 8))
