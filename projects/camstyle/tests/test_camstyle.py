"""CamStyle: losses of real images and copies, batches, networks trained, and options."""

import math
from pathlib import Path

import pytest
import torch

from projects.camstyle.camstyle import CamStyle
from reidgen.datasets import ShapesReID
from reidgen.engine.config import load_config
from reidgen.engine.step import run_phases

pytestmark = pytest.mark.slow

CONFIGS = Path(__file__).parents[1] / 'configs'
SMOKE = CONFIGS / 'camstyle_smoke.py'
NETWORKS = {'E_c', 'H', 'C'}
BASELINE = {'model.loss_weights.copies': 0.0, 'train_cfg.stages.0.loaders': ['identity']}


def drawn_figures(cfg) -> None:
    """Changes a config in place to small networks, drawn figures and one iteration."""
    small = load_config(SMOKE)
    cfg.model.networks = small.model.networks
    cfg.train_dataloader, cfg.val_dataloader = small.train_dataloader, small.val_dataloader
    cfg.train_cfg.stages[0].iters = 1


def test_the_smoke_config_trains_and_evaluates(build, tmp_path):
    build(SMOKE).train()
    assert (tmp_path / 'camstyle_smoke/stage_camstyle.pth').exists()
    assert 'mAP' in (tmp_path / 'camstyle_smoke/report.md').read_text()


@pytest.mark.parametrize(
    'path', sorted(set(CONFIGS.glob('*.py')) - {SMOKE}), ids=lambda path: path.stem
)
def test_every_config_trains_one_iteration_on_drawn_figures(path, build, tmp_path):
    build(path, change=drawn_figures).train()
    assert (tmp_path / path.stem / 'stage_camstyle.pth').exists()


# ---- losses ----


def cross_entropy(logits, pid, epsilon: float) -> float:
    """The smoothed cross-entropy in loops over plain numbers."""
    total = 0.0
    for row, label in zip(logits.tolist(), pid.tolist()):
        log_sum = math.log(sum(math.exp(z) for z in row))
        for k, z in enumerate(row):
            target = (1 - epsilon) * (k == label) + epsilon / len(row)
            total += target * (log_sum - z) / len(pid)
    return total


@pytest.mark.parametrize('epsilon', [0.1, 0.0])
def test_labels_of_copies_alone_are_smoothed(epsilon, step_of):
    step = step_of(SMOKE, {'model.copies_cross_entropy.epsilon': epsilon})
    model, batch = step.model.eval(), step.batch  # without dropout
    model.C.linear.weight.data.normal_()
    losses = model.losses(batch, None)
    for term, images, smoothing in (
        ('identity.s', batch.identity, 0.0),
        ('copies.s', batch.copies, epsilon),
    ):
        logits = model.C(model.H(model.E_c(images.img).pre_bn))
        expected = cross_entropy(logits, images.pid, smoothing)
        assert losses[term].item() == pytest.approx(expected, rel=1e-5)


def test_without_evidence_both_terms_are_the_logarithm_of_the_number_of_identities(step_of):
    step = step_of(SMOKE)
    step.model.C.linear.weight.data.zero_()
    losses = step.model.losses(step.batch, None)
    assert losses['identity.s'].item() == pytest.approx(math.log(4))
    assert losses['copies.s'].item() == pytest.approx(math.log(4))


def test_each_term_trains_all_networks(step_of):
    step = step_of(SMOKE)
    losses = step.model.losses(step.batch, None)
    assert step.gradients(losses['identity.s']) == NETWORKS
    assert step.gradients(losses['copies.s']) == NETWORKS
    assert step.moves('I') == NETWORKS


def test_batch_norm_keeps_real_images_and_copies_apart(step_of):
    step = step_of(SMOKE)
    for network in (step.model.H, step.model.E_c):  # dropout differs from call to call
        for module in network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    before = step.model.losses(step.batch, None)
    step.batch.copies.img.normal_()
    after = step.model.losses(step.batch, None)
    assert torch.equal(before['identity.s'], after['identity.s'])
    assert not torch.equal(before['copies.s'], after['copies.s'])


def test_the_triplets_of_real_images_have_no_copies_among_them(step_of):
    step = step_of(SMOKE, {'model.loss_weights.triplet': 1.0})
    model = step.model.eval()
    features = model.E_c(step.batch.identity.img).pre_bn
    expected = model.triplet(features, step.batch.identity.pid)
    assert torch.equal(model.losses(step.batch, None)['triplet.s'], expected)


# ---- batches ----


def test_a_batch_is_m_real_images_and_n_copies_with_the_identities_of_their_images(step_of):
    step = step_of(SMOKE)
    real, copies = step.batch.identity, step.batch.copies
    assert (len(real.img), len(copies.img)) == (6, 2)
    images = ShapesReID(num_identities=4, images_per_identity=4)
    # one copy an image, in the other of the two cameras
    assert copies.pid.tolist() == images.pids[copies.index].tolist()
    assert copies.camid.tolist() == (1 - images.camids[copies.index]).tolist()


@pytest.mark.parametrize('name, num_cameras', [('market', 6), ('duke', 8), ('synth_a', 6)])
def test_three_real_images_come_for_each_copy_in_another_camera(name, num_cameras):
    cfg = load_config(CONFIGS / f'camstyle_{name}.py').train_dataloader
    real, copies = cfg.identity.batch_size, cfg.copies.batch_size
    # the authors' command has 46 for the paper's 3 : 1 of 128
    assert (real, copies) == ((33, 11) if name == 'synth_a' else (128, 46))
    assert copies == pytest.approx(real / 3, rel=0.1)
    assert copies_of(cfg) == (num_cameras, False)
    assert cfg.copies.dataset.dataset == cfg.identity.dataset


def copies_of(cfg) -> tuple[int, bool]:
    return cfg.copies.dataset.num_cameras, cfg.copies.dataset.own_camera


@pytest.mark.parametrize('name, images', [('market', 12936), ('duke', 16522)])
def test_the_schedule_is_fifty_passes_with_a_tenth_of_the_rate_after_forty(name, images):
    cfg = load_config(CONFIGS / f'camstyle_{name}.py')
    (stage,), per_pass = cfg.train_cfg.stages, images // 128
    assert (stage.iters, *stage.lr.E.milestones) == (50 * per_pass, 40 * per_pass)
    groups = cfg.optim_wrapper
    assert sorted([*groups.E.networks, *groups.H.networks]) == sorted(NETWORKS)
    assert (groups.E.lr, groups.H.lr) == (0.01, 0.1)


def test_the_erasing_of_the_third_row_is_of_real_images_and_copies():
    place = 'dataset.transforms.2.prob'
    cfg = load_config(
        CONFIGS / 'camstyle_market.py',
        {
            f'train_dataloader.identity.{place}': 0.5,
            f'train_dataloader.copies.dataset.{place}': 0.5,
        },
    ).train_dataloader
    for dataset in (cfg.identity.dataset, cfg.copies.dataset.dataset):
        assert dataset.transforms[2] == dict(type='RandomErase', prob=0.5)


# ---- switches ----


def trained_state(step, iterations: int = 2) -> dict[str, torch.Tensor]:
    for iteration in range(iterations):
        torch.manual_seed(iteration)  # dropout
        run_phases(step.model, step.batch, step.optim, iteration, done=iteration)
    return step.model.state_dict()


def plain_ide(cfg) -> None:
    """Changes the smoke config in place to IdentityModel's IDE."""
    del cfg.model['copies_cross_entropy']
    cfg.model.type = 'IdentityModel'
    cfg.model.cross_entropy = dict(epsilon=0.0)
    cfg.model.loss_weights.pop('copies')
    cfg.model.loss_weights.triplet = 0.0
    cfg.train_cfg.stages[0].loaders = ['identity']


def test_without_copies_training_is_that_of_ide(step_of):
    ours, ide = (
        trained_state(step) for step in (step_of(SMOKE, BASELINE), step_of(SMOKE, change=plain_ide))
    )
    assert ours.keys() == ide.keys()
    for key, value in ours.items():
        assert torch.equal(value, ide[key]), key


def test_what_does_not_fit_is_named(build):
    with pytest.raises(ValueError, match=r'CamStyle classifies identities; set model\.networks\.C'):
        CamStyle(dict(E_c=dict(type='ContentEncoder')), dict(identity=1.0, copies=1.0))
    with pytest.raises(ValueError, match=r"reads the fields .*; add \['copies'\]"):
        build(SMOKE, {'train_cfg.stages.0.loaders': ['identity']}).train()
    with pytest.raises(ValueError, match=r'\(train_dataloader\.identity\) has 4 training identiti'):
        _ = build(SMOKE, {'model.networks.C.num_identities': 751}).train_loop


def test_copies_of_other_persons_are_refused(build, monkeypatch):
    read_split = ShapesReID.read_split

    def renumbered(self, split):
        add = 100 if self.seed == 1 else 0
        return [record._replace(pid=record.pid + add) for record in read_split(self, split)]

    monkeypatch.setattr(ShapesReID, 'read_split', renumbered)
    with pytest.raises(ValueError, match=r'copies of shapes_a .* of other persons than shapes_a'):
        _ = build(SMOKE, {'train_dataloader.copies.dataset.dataset.seed': 1}).train_loop
