"""HHL: triplets and their domains, networks trained by each loss, and options."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as nnf

from reidgen.engine.config import load_config
from reidgen.engine.stage_lr import lr_factor
from reidgen.engine.step import run_phases
from reidgen.losses import BatchHardTriplet, ContrastiveLoss

pytestmark = pytest.mark.slow

CONFIGS = Path(__file__).parents[1] / 'configs'
SMOKE = CONFIGS / 'hhl_smoke.py'
NETWORKS = {'E_c', 'H', 'C', 'T'}


def drawn_figures(cfg) -> None:
    """Changes a config in place to small networks, drawn figures and one iteration."""
    small = load_config(SMOKE)
    cfg.model.networks = small.model.networks
    cfg.train_dataloader, cfg.val_dataloader = small.train_dataloader, small.val_dataloader
    cfg.train_cfg.stages[0].iters = 1


def test_the_smoke_config_trains_and_evaluates(build, tmp_path):
    build(SMOKE).train()
    assert (tmp_path / 'hhl_smoke/stage_hhl.pth').exists()
    assert 'AdaBN' in (tmp_path / 'hhl_smoke/report.md').read_text()


@pytest.mark.parametrize(
    'path', sorted(set(CONFIGS.glob('*.py')) - {SMOKE}), ids=lambda path: path.stem
)
def test_every_config_trains_one_iteration_on_drawn_figures(path, build, tmp_path):
    build(path, change=drawn_figures).train()
    assert (tmp_path / path.stem / 'stage_hhl.pth').exists()


# ---- losses ----


def spread(model) -> None:
    """Scales the triplet layer's distances by a thousand, so that some exceed the margin."""
    for parameter in model.T.parameters():
        parameter.data.mul_(1000)


def test_classes_train_the_classifier_and_triplets_their_layer_and_both_the_trunk(step_of):
    step = step_of(SMOKE)
    losses = step.model.losses(step.batch, None)
    assert step.gradients(losses['identity.s']) == {'E_c', 'H', 'C'}
    assert step.gradients(losses['triplet.cd']) == {'E_c', 'H', 'T'}
    assert step.moves('I') == NETWORKS


def test_a_loss_of_pairs_takes_the_place_of_triplets(step_of):
    step = step_of(SMOKE)
    step.model.triplet = ContrastiveLoss()
    assert 'triplet.cd' in step.model.losses(step.batch, None)


def test_a_target_image_and_its_copies_are_a_person_that_nobody_else_is(step_of):
    step = step_of(SMOKE)
    features, pid = step.model.triplet_batch(step.batch)
    # 2 x 2 source images, then 4 target images with two copies each
    source, target = pid[:4], pid[4:].view(4, 3)
    assert features.shape == (16, 16)
    assert torch.equal(source, step.batch.triplet.pid)
    assert source.min() >= 0
    assert (target == target[:, :1]).all()
    assert len(set(target[:, 0].tolist())) == 4
    assert target.max() < 0


@pytest.mark.parametrize('mode, num_source, num_target', [('CD', 4, 12), ('C', 0, 12), ('D', 4, 4)])
def test_triplets_are_of_the_images_that_the_mode_names(mode, num_source, num_target, step_of):
    step = step_of(SMOKE, {'model.mode': mode})
    _, pid = step.model.triplet_batch(step.batch)
    assert ((pid >= 0).sum(), (pid < 0).sum()) == (num_source, num_target)
    term = f'triplet.{mode.lower()}'
    spread(step.model)
    before = step.model.losses(step.batch, None)[term]
    step.batch.triplet.img.normal_()
    after = step.model.losses(step.batch, None)[term]
    assert torch.equal(before, after) is (mode == 'C')


def test_the_triplet_term_is_batch_hard_over_source_and_target_in_slow_loops(step_of):
    step = step_of(SMOKE)
    model = step.model
    spread(model)
    features, pid = model.triplet_batch(step.batch)
    distances = (features[:, None] - features[None]).square().sum(2).clamp(min=1e-12).sqrt()
    hinges = []
    for a in range(len(pid)):
        same = [distances[a, b] for b in range(len(pid)) if pid[b] == pid[a]]
        other = [distances[a, b] for b in range(len(pid)) if pid[b] != pid[a]]
        hinges.append((0.3 + max(same) - min(other)).clamp(min=0))
    found = model.losses(step.batch, None)['triplet.cd']
    torch.testing.assert_close(found, torch.stack(hinges).mean(), rtol=1e-4, atol=1e-5)


def test_without_copies_a_target_image_is_an_anchor_whose_positive_is_itself(step_of):
    step = step_of(SMOKE, {'model.mode': 'D'})
    assert step.model.triplet.include_self
    points = torch.tensor([[0.0], [3.0], [4.0]])
    persons = torch.tensor([0, -1, -2])
    #  positives are 1e-6 away, negatives 3, 1, 1
    expected = BatchHardTriplet(margin=2.0, include_self=True)(points, persons)
    assert expected.item() == pytest.approx((0 + 1 + 1) / 3, abs=1e-5)


def test_the_triplet_feature_sees_no_dropout_and_retrieval_is_by_the_pooled_map(step_of):
    step = step_of(SMOKE)
    img = step.batch.identity.img
    embedding = step.model.H(step.model.E_c(img).embedding)
    assert torch.equal(step.model.T(embedding), step.model.T(embedding))
    assert not torch.equal(step.model.C(embedding), step.model.C(embedding))
    step.model.eval()
    feature = step.model.embed(img)
    pooled = step.model.E_c.trunk(img).mean((2, 3))
    torch.testing.assert_close(feature, nnf.normalize(pooled))


# ---- switches ----


def trained_state(step, iterations: int = 3) -> dict[str, torch.Tensor]:
    for iteration in range(iterations):
        torch.manual_seed(iteration)  # dropout
        run_phases(step.model, step.batch, step.optim, iteration, done=iteration)
    return step.model.state_dict()


def test_with_beta_0_training_is_that_of_the_baseline(step_of):
    off = {'model.loss_weights.triplet': 0.0}
    states = [trained_state(step_of(SMOKE, off | {'model.mode': mode})) for mode in ('CD', 'none')]
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key


def test_the_authors_code_leaves_head_and_triplet_layer_as_they_start(step_of):
    step = step_of(SMOKE, {'model.train_embed': False})
    before = {key: value.clone() for key, value in step.model.state_dict().items()}
    after = trained_state(step)
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert {key.partition('.')[0] for key in moved} == {'E_c', 'C', 'H'}
    # its batch norm still counts
    assert {key for key in moved if key.startswith('H.')} == {
        'H.norm.running_mean',
        'H.norm.running_var',
        'H.norm.num_batches_tracked',
    }


def test_every_parameter_is_in_one_group_and_new_layers_have_ten_times_the_rate():
    for name in ('hhl_smoke', 'hhl_market2duke'):
        groups = dict(load_config(CONFIGS / f'{name}.py').optim_wrapper)
        groups.pop('constructor')
        owned = [network for group in groups.values() for network in group.networks]
        assert sorted(owned) == sorted(NETWORKS)
        assert groups['H'].lr == pytest.approx(10 * groups['E'].lr)


def test_the_rate_falls_once_after_forty_of_sixty_passes():
    (stage,) = load_config(CONFIGS / 'hhl_market2duke.py').train_cfg.stages
    per_pass = 12936 // 128
    assert stage.iters == 60 * per_pass
    rates = [lr_factor(done, stage.iters, **stage.lr.E) for done in (0, 40 * per_pass - 1)]
    assert rates == [1.0, 1.0]
    assert lr_factor(40 * per_pass, stage.iters, **stage.lr.E) == pytest.approx(0.1)


def test_what_does_not_fit_is_named(build):
    with pytest.raises(ValueError, match='choose one of CD, C, D, none'):
        build(SMOKE, {'model.mode': 'cd'})
    with pytest.raises(ValueError, match=r'set loss_weights\.triplet=0'):
        build(SMOKE, {'model.mode': 'none'})
    with pytest.raises(ValueError, match=r'set model\.networks\.C\.num_identities=4'):
        _ = build(SMOKE, {'model.networks.C.num_identities': 751}).train_loop
