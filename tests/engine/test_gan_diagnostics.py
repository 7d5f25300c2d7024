"""GANDiagnosticsHook in trainings that are made to collapse, diverge or starve a network."""

import itertools
import json
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from crashes import Killed, KillHook
from test_resume import same

from reidgen.checkpoint import read_checkpoint
from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config
from reidgen.engine.hooks import GANDiagnosticsHook
from reidgen.evaluation.diversity import average_hash, change, diversity, thumbnails
from reidgen.models.generators import DCGANGenerator
from reidgen.registry import GENERATORS
from reidgen.visualization.curves import read_scalars

ROOT = Path(__file__).resolve().parents[2]
CONFIG = Path(__file__).with_name('gan_tiny.py')
NUMBERS = itertools.count()


@GENERATORS.register_module(force=True)
class SilentGenerator(DCGANGenerator):
    """A generator that does not listen to its latent vector."""

    def forward(self, z):
        return super().forward(torch.zeros_like(z))


@GENERATORS.register_module(force=True)
class NoiseGenerator(DCGANGenerator):
    """A generator whose pixels are black or white, at random over latent vectors."""

    def forward(self, z):
        img = super().forward(z)
        pixels = torch.linspace(1e3, 2e3, img[0].numel()).view_as(img[0])
        return torch.sin(z[:, :1, None, None] * pixels).sign() + 0 * img


def gan_run(work_dir: Path, options=None, kill_at=None, config=CONFIG, **keys) -> ReIDRunner:
    cfg = load_config(config, options)
    cfg.work_dir, cfg.experiment_name = str(work_dir), f'gan_{next(NUMBERS)}'
    for key, value in keys.items():
        cfg[key] = value
    runner = ReIDRunner.from_cfg(cfg)
    if kill_at is not None:
        runner.register_hook(KillHook(kill_at))
    with suppress(Killed):
        runner.train()
    return runner


def report(work_dir: Path) -> dict:
    return json.loads((work_dir / 'diagnostics.json').read_text())


def codes(work_dir: Path) -> list[str]:
    return [each['code'] for each in report(work_dir)['fired']]


def log_of(work_dir: Path) -> str:
    return '\n'.join(path.read_text() for path in sorted(work_dir.glob('*/*.log')))


# ---- diversity ----


def test_diversity_is_the_mean_difference_of_all_pairs():
    images = torch.rand(5, 3, 4, 2, generator=torch.Generator().manual_seed(0))
    pairs = itertools.combinations(images, 2)
    expected = sum((a - b).abs().mean().item() for a, b in pairs) / 10
    assert diversity(images) == pytest.approx(expected, rel=1e-5)
    assert diversity(images[:1].expand(64, -1, -1, -1)) == 0


def test_a_change_is_that_of_the_thumbnails():
    images = torch.full((2, 3, 64, 40), 0.25)
    assert thumbnails(images).shape == (2, 3, 32, 32)
    assert change(thumbnails(images), thumbnails(images + 0.5)) == pytest.approx(0.5, abs=0.01)


def test_an_average_hash_is_shared_by_near_copies_alone():
    rng = torch.Generator().manual_seed(0)
    image, other = torch.rand(2, 3, 32, 16, generator=rng)
    near = image + 0.01 * torch.rand(3, 32, 16, generator=rng)
    assert (average_hash(image) ^ average_hash(near)).bit_count() <= 10
    assert (average_hash(image) ^ average_hash(other)).bit_count() > 10
    half = torch.cat([torch.zeros(3, 4, 8), torch.ones(3, 4, 8)], 1)
    assert average_hash(half) == (2**32 - 1) << 32  # the lower half is bright


@pytest.mark.parametrize(
    'options,match',
    [
        (dict(interval=0), r'GANDiagnosticsHook\.interval is 0'),
        (dict(patience=0), r'GANDiagnosticsHook\.patience is 0'),
        (dict(warmup=-1), r'GANDiagnosticsHook\.warmup is -1; it must be a whole number from 0'),
        (dict(decay=1.0), r'decay is 1\.0; it must be a number from 0 to below 1'),
        (dict(num_images=1), r'num_images is 1; two images'),
        (dict(stop_on=['COLAPSE']), r"stop_on is 'COLAPSE' \(did you mean 'COLLAPSE'\?\)"),
        (dict(thresholds=dict(colapse=1)), r"thresholds.*'colapse' \(did you mean 'collapse'\?\)"),
    ],
)
def test_options_that_cannot_be_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        GANDiagnosticsHook(**options)


# ---- trainings ----


@pytest.fixture(scope='module')
def straight(tmp_path_factory) -> Path:
    """Work dir of a finished training; not to be changed."""
    work_dir = tmp_path_factory.mktemp('gan')
    gan_run(work_dir)
    return work_dir


@pytest.mark.slow
def test_a_generator_without_noise_has_collapsed(tmp_path):
    gan_run(tmp_path, {'model.networks.G.type': 'SilentGenerator'})
    assert {'COLLAPSE', 'BATCH_SMALL'} <= set(codes(tmp_path))
    assert (report(tmp_path)['verdict'], report(tmp_path)['latest']['rho.G']) == ('collapsed', 0)
    assert log_of(tmp_path).count('COLLAPSE (G') == 1
    assert 'diagnosis: collapsed; see diagnostics.json' in log_of(tmp_path)


@pytest.mark.slow
def test_a_huge_rate_has_diverged_and_the_report_is_written_though_the_training_ends(tmp_path):
    with pytest.raises(FloatingPointError):
        gan_run(tmp_path, {'optim_wrapper.D.lr': 1e38})
    assert report(tmp_path)['verdict'] == 'diverged'
    assert codes(tmp_path)[-1] == 'DIVERGED'
    assert 'phase' in report(tmp_path)['error']


@pytest.mark.slow
def test_a_generator_of_noise_has_diverged(tmp_path):
    gan_run(tmp_path, {'model.networks.G.type': 'NoiseGenerator'})
    assert 'DIVERGED' in codes(tmp_path)
    assert report(tmp_path)['verdict'] == 'diverged'
    assert report(tmp_path)['latest']['rho.G'] > 2


@pytest.mark.slow
def test_a_discriminator_that_does_not_learn_is_too_weak(tmp_path):
    gan_run(tmp_path, {'optim_wrapper.D.lr': 0.0})
    assert 'D_TOO_WEAK' in codes(tmp_path)
    assert 'D_TOO_STRONG' not in codes(tmp_path)


@pytest.mark.slow
def test_a_generator_that_does_not_learn_meets_a_discriminator_too_strong(tmp_path):
    gan_run(tmp_path, {'optim_wrapper.G.lr': 0.0, 'optim_wrapper.D.lr': 0.02})
    assert 'D_TOO_STRONG' in codes(tmp_path)
    assert 'D_TOO_WEAK' not in codes(tmp_path)


@pytest.mark.slow
def test_a_killed_and_resumed_training_has_the_same_report_and_curves(straight, tmp_path):
    gan_run(tmp_path, kill_at=33)  # after the checkpoint of iteration 20
    at_20 = (tmp_path / 'diagnostics.json').read_bytes()
    (tmp_path / 'diagnostics.json').write_text('of later iterations')
    gan_run(tmp_path, kill_at=22, resume=True)
    assert (tmp_path / 'diagnostics.json').read_bytes() == at_20
    assert not (tmp_path / 'diagnostics.png').exists()
    gan_run(tmp_path, resume=True)
    for name in ('diagnostics.json', 'diagnostics.png'):
        assert (tmp_path / name).read_bytes() == (straight / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize(
    'config,last', [('gan_tiny.py', 'iter_60.pth'), ('gcl_tiny.py', 'iter_13.pth')]
)
def test_a_training_is_the_same_to_the_last_bit_without_the_diagnosis(config, last, tmp_path):
    config, found = CONFIG.with_name(config), {}
    runs = dict(
        on={
            'default_hooks.diagnostics': dict(_delete_=True, type='GANDiagnosticsHook', interval=2)
        },
        off={'default_hooks.diagnostics': None},
    )
    short = {f'train_cfg.stages.{n}.iters': 3 for n in (1, 2)} if last == 'iter_13.pth' else {}
    for name, options in runs.items():
        gan_run(tmp_path / name, options | short, config=config)
        found[name] = read_checkpoint(tmp_path / name / last)
    one, other = found['on'], found['off']
    assert 'rho' in str(report(tmp_path / 'on')['latest'])
    assert not (tmp_path / 'off/diagnostics.json').exists()
    assert ('diagnostics' in one, 'diagnostics' in other) == (True, False)
    for key, value in one['state_dict'].items():
        assert torch.equal(value, other['state_dict'][key]), key
    same(one['random_state'], other['random_state'])
    scalars = (each['message_hub']['log_scalars'] for each in (one, other))
    kept = [{k: v['log'].tolist() for k, v in s.items() if 'time' not in k} for s in scalars]
    assert kept[0] == kept[1]


@pytest.mark.slow
def test_scalars_and_curves_are_written(straight):
    curves = read_scalars(next(straight.glob('*/vis_data/scalars.json')))
    steps, rho = curves['diagnostics/rho.G']
    assert steps.tolist() == list(range(5, 61, 5))
    assert rho[-1] == report(straight)['latest']['rho.G']
    assert {'diagnostics/motion.G', 'diagnostics/D/D.gap'} <= set(curves)
    assert (straight / 'diagnostics.png').read_bytes()[:4] == b'\x89PNG'


@pytest.mark.slow
def test_a_code_to_stop_on_ends_the_training_after_a_checkpoint(tmp_path):
    options = {
        'model.networks.G.type': 'SilentGenerator',
        'default_hooks.diagnostics.stop_on': ['COLLAPSE'],
    }
    runner = gan_run(tmp_path, options)
    assert runner.iter == 30  # warm-up to 10, then evaluations at 15, 20, 25, 30
    assert (tmp_path / 'iter_30.pth').exists()
    assert 'the training ends at COLLAPSE, see stop_on' in log_of(tmp_path)


@pytest.mark.slow
def test_near_copies_are_found_where_the_data_are_read(tmp_path):
    options = {'default_hooks.diagnostics.data_diversity': True}
    options |= {'default_hooks.diagnostics.thresholds.distinct': 1.0}
    options |= {'train_cfg.stages.0.iters': 5}
    gan_run(tmp_path, options)
    share = report(tmp_path)['distinct']['real']
    assert 1 / 16 <= share < 1
    assert 'DATA_LOW_DIVERSITY' in codes(tmp_path)


@pytest.mark.slow
def test_a_model_whose_images_cannot_be_had_trains_on_and_says_so_once(tmp_path, monkeypatch):
    def fail(self, batch):
        raise RuntimeError('no images today')

    monkeypatch.setattr('reidgen.models.UnconditionalGAN.diversity_pairs', fail)
    runner = gan_run(tmp_path)
    assert runner.iter == 60
    assert log_of(tmp_path).count('is not measured: no images today') == 1
    assert report(tmp_path)['verdict'] == 'undecided'


# config and names of the generators whose images are measured
SYSTEMS = {
    'configs/gcl_smoke.py': {'s2t', 't2s'},
    'configs/gcl_single_smoke.py': {'nv'},
    'projects/cyclegan/configs/cyclegan_smoke.py': {'s2t', 't2s'},
    'projects/spgan/configs/spgan_smoke.py': {'s2t', 't2s'},
    'projects/ptgan/configs/ptgan_smoke.py': {'s2t', 't2s'},
    'projects/stargan_camstyle/configs/stargan_smoke.py': {'c1'},
    'projects/cagan/configs/cagan_smoke.py': {'swap'},
    'projects/lsro/configs/lsro_smoke.py': {'G'},
    'projects/pose_gan/configs/pose_cond_smoke.py': {'maps'},
}


@pytest.mark.slow
@pytest.mark.parametrize('config', SYSTEMS)
def test_every_gan_is_measured_and_its_objective_known(config, tmp_path):
    cfg = load_config(ROOT / config)
    cfg.work_dir, cfg.experiment_name = str(tmp_path), f'gan_{next(NUMBERS)}'
    runner = ReIDRunner.from_cfg(cfg)
    loop, model = runner.train_loop, runner.model
    gan_phases = [name for name in ('D', 'G') if name in {p.name for p in model.phases()}]
    stage = next(s for s in loop.stages if s.phases is None or 'D' in s.phases)
    model.enter_stage(stage.name, stage.phases, stage.frozen, stage.loss_weights)
    assert gan_phases == ['D', 'G']
    hook = GANDiagnosticsHook(num_images=3)
    fields = tuple(dict.fromkeys(name for p in model.stage_phases for name in p.reads))
    loop._iter = sum(s.iters for s in loop.stages[: loop.stages.index(stage)])
    measured = hook._measure(runner, model, fields)
    assert measured['rho'].keys() == SYSTEMS[config]
    assert all(value >= 0 for value in measured['rho'].values())
    assert model.gan_loss.mode in ('bce', 'lsgan', 'bce_prob', 'wgan')
