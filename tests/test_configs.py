"""Configs on small networks and stick figures: all are built, one of each family is trained."""

import itertools
import json
from pathlib import Path

import pytest
import torch

from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config, only_evaluate
from reidgen.engine.optim import check_groups
from reidgen.models.adversarial import unwrap_model
from reidgen.registry import build_network

FOLDER = Path(__file__).parents[1] / 'configs'
CONFIGS = sorted(FOLDER.glob('*.py'))
BASELINES = sorted(FOLDER.glob('baselines/*.py'))
NUMBERS = itertools.count()
RESIZE = dict(type='Resize', size=(64, 32))
FIRST = dict.fromkeys((path.stem for path in CONFIGS), ('identity', 'generators'))  # stages
SYNTH = ('gcl_synth', 'gcl_synth_n', 'gcl_synth_gan_losses', 'gcl_synth_domain_head')
FIRST |= dict.fromkeys(SYNTH, ('identity', 'control'))
SINGLE = ('gcl_market', 'gcl_duke', 'gcl_single_smoke')  # in one domain
FIRST |= dict.fromkeys(SINGLE, ('generators', 'joint'))
FIRST['gcl_synth_b'] = ('decoder', 'generators')
FIRST |= dict.fromkeys(('warmup_market', 'warmup_duke', 'warmup_synth_b'), ('warm_up',))
FIRST |= dict.fromkeys(
    ('warmup_synth_b_cameras', 'warmup_synth_b_camera_bn', 'warmup_synth_n_camera_bn'),
    ('intra', 'warm_up'),
)
FAMILIES = ('gcl_market2duke', 'gcl_synth', 'gcl_synth_b', 'warmup_synth_b_cameras')
WIDTHS = {
    'MultiScaleDiscriminator': dict(num_scales=2, base_dim=4, num_res_blocks=1),
    'StridedDiscriminator': dict(base_dim=4, num_downsample=2),
    'AdaINDecoder': dict(base_dim=8, head_dim=8),
    'StripeAdaINDecoder': dict(base_dim=8, hidden_dim=8),
    'PoseEncoder': dict(
        in_channels=1, base_dim=4, num_res_blocks=1, aspp_dim=4, out_dim=8, dilations=(1, 2, 3)
    ),
    'StructureEncoder': dict(in_channels=1, out_dim=8),
    'ContentEncoder': dict(trunk='mobilenet_v2', embed_dim=16, weights=None, img_size=None),
    'IdentityClassifier': dict(in_dim=16, num_identities=4),
    'DomainClassifier': dict(in_dim=16),
    'ColorHistogram': {},
    'EmbeddingHead': dict(in_dim=16, out_dim=16),
}


def shrink(cfg, work_dir: Path) -> None:
    """Small networks, four persons a domain, one iteration a stage; in place."""
    for network in cfg.model.networks.values():
        network.update(WIDTHS[network.type])
    early = cfg.model.networks.E_c.get('early_stats', False)
    for name in {'G', 'F'} & set(cfg.model.networks):
        cfg.model.networks[name].content_dim = 4 * (1280 + 2 * 24 * early)
    if 'bank' in cfg.model:
        cfg.model.bank.update(num_samples=16, dim=16)
    if cfg.model.get('bank_t'):
        cfg.model.bank_t.update(num_samples=16, dim=16)
    residual = any(network.get('residual') for network in cfg.model.networks.values())
    if residual:
        cfg.model.networks.E_p.in_channels = 4
    loaders = [*cfg.get('train_dataloader', {}).items(), *cfg.val_dataloader.items()]
    for name, loader in loaders:
        domain = 'b' if name in ('target', 'clusters') or cfg.model.type == 'GCL' else 'a'
        if loader.dataset.type == 'TwoViews':
            loader.dataset.dataset = drawn(loader.dataset.dataset, domain, residual)
            loader.dataset.transforms = [RESIZE]
        else:
            loader.dataset = drawn(loader.dataset, domain, residual)
        loader.num_workers = 0
        loader.batch_size = 4
        if loader.sampler.type in ('IdentitySampler', 'ClusterSampler', 'ProxySampler'):
            loader.sampler.update(num_identities=2, num_images=2)
    if 'bn_group' in cfg:
        cfg.bn_group = 2
    if 'pseudo_label' in cfg.default_hooks:
        cfg.default_hooks.pseudo_label.clustering = dict(type='KMeans', num_clusters=3)
    for stage in cfg.get('train_cfg', {}).get('stages', ()):
        stage.iters = 1
    if cfg.default_hooks.get('checkpoint'):  # which takes longer to write than a stage to train
        cfg.default_hooks.checkpoint.update(save_best=None, best_stages=None)
    cfg.random_start = None  # it would set the iterations of a random start
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = f'small_{next(NUMBERS)}'  # mmengine keeps one log history a name


def drawn(dataset, domain: str, colour: bool) -> dict:
    """The config of a data set, with figures drawn in memory instead of its images."""
    small = dict(
        type='ShapesReID',
        domain=domain,
        num_identities=4,
        split=dataset.split,
        labelled=dataset.get('labelled', True),
        transforms=[RESIZE],
    )
    if 'pose_map' in dataset:
        shapes = dict(type='ShapesMap')
        small['pose_map'] = [dict(type='Colour'), shapes] if colour else shapes
    return small


def built(cfg) -> ReIDRunner:
    """The runner of a config with its loops and optimizers, all checks before training passed."""
    runner = ReIDRunner.from_cfg(cfg)
    optim = runner.build_optim_wrapper(runner.optim_wrapper)
    check_groups(unwrap_model(runner.model), optim, runner.train_loop.stages)
    return runner


@pytest.mark.slow
@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_is_built(path, tmp_path):
    cfg = load_config(path)
    shrink(cfg, tmp_path)
    runner = built(cfg)
    assert tuple(stage.name for stage in runner.train_loop.stages[:2]) == FIRST[path.stem]
    assert 'target' in cfg.val_dataloader


@pytest.mark.slow
@pytest.mark.parametrize(
    'warm_up, name',
    [
        ('warmup_market', 'gcl_market'),
        ('warmup_duke', 'gcl_duke'),
        ('warmup_synth_b', 'gcl_synth_b'),
        ('warmup_synth_b_cameras', 'gcl_synth_b'),
    ],
)
def test_a_warm_up_trains_every_tensor_of_the_encoder_that_gcl_starts_from(warm_up, name):
    shapes = []
    for config in (warm_up, name):
        cfg = load_config(FOLDER / f'{config}.py').model.networks.E_c
        with torch.device('meta'):
            encoder = build_network({**cfg, 'weights': None})
        shapes.append({key: value.shape for key, value in encoder.state_dict().items()})
    assert shapes[0] == shapes[1]
    assert any(key.startswith('neck.') for key in shapes[0])


def test_the_transformer_of_a_config_fits_its_decoders_and_images():
    pytest.importorskip('timm', reason="timm is not installed: pip install -e '.[timm]'")
    cfg = load_config(FOLDER / 'gcl_market2duke_vit.py')
    networks = cfg.model.networks
    with torch.device('meta'):
        encoder = build_network(dict(networks.E_c, weights=None))
    assert encoder.content_dim == networks.G.content_dim == networks.F.content_dim
    assert encoder.embed_dim == cfg.model.bank.dim
    transforms = cfg.train_dataloader.source.dataset.transforms
    assert [each.size for each in transforms if each.type == 'Resize'] == [encoder.img_size]


@pytest.mark.slow
@pytest.mark.parametrize('name', FAMILIES)
def test_config_of_each_family_trains_one_iteration_of_each_stage(name, tmp_path):
    cfg = load_config(FOLDER / f'{name}.py')
    stages = [stage.name for stage in cfg.train_cfg.stages]
    shrink(cfg, tmp_path)
    ReIDRunner.from_cfg(cfg).train()
    for stage in stages:
        assert (tmp_path / f'stage_{stage}.pth').exists()
    assert '**AdaBN**' in (tmp_path / 'report.md').read_text()


@pytest.mark.slow
@pytest.mark.parametrize('path', BASELINES, ids=lambda path: path.stem)
def test_baseline_is_short_and_built(path, tmp_path):
    assert len(path.read_text().splitlines()) <= 40
    cfg = load_config(path)
    shrink(cfg, tmp_path)
    if 'train_cfg' in cfg:
        assert built(cfg).train_loop.max_iters == 1
    else:
        only_evaluate(cfg, keep_weights=True)
        assert ReIDRunner.from_cfg(cfg).model.phases() == ()


@pytest.mark.slow
@pytest.mark.parametrize('name', ['synth_a_to_b', 'untrained'])
def test_baseline_evaluates_after_training_if_it_trains(name, tmp_path):
    cfg = load_config(FOLDER / f'baselines/{name}.py')
    shrink(cfg, tmp_path)
    both = cfg.val_cfg.get('both', False)
    if 'train_cfg' in cfg:
        cfg.default_hooks.checkpoint = None  # 130 MB of a ResNet-18 with Adam
        ReIDRunner.from_cfg(cfg).train()
        metrics = json.loads((tmp_path / 'evaluations.json').read_text())[-1]['metrics']
        assert ('AdaBN' in (tmp_path / 'report.md').read_text()) is both
    else:
        only_evaluate(cfg, keep_weights=True)
        metrics = ReIDRunner.from_cfg(cfg).val()
    assert 0 < metrics['mAP'] <= 100
    assert ('adabn/mAP' in metrics) is both
    assert ('source/mAP' in metrics) is ('source' in cfg.val_dataloader)
