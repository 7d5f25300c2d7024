"""Every config of the project, made small, trains one iteration of each of its stages."""

from pathlib import Path

import pytest

import reidgen
from reidgen.engine import ReIDRunner
from reidgen.engine.config import load_config
from reidgen.inference import pack

pytestmark = pytest.mark.slow

CONFIGS = sorted((Path(__file__).parents[1] / 'configs').glob('*.py'))
SMALL = {
    'CameraStripeDecoder': dict(content_dim=32, base_dim=8, hidden_dim=8),
    'StripeAdaINDecoder': dict(content_dim=32, base_dim=8, hidden_dim=8),
    'CameraStridedDiscriminator': dict(base_dim=4, num_downsample=2),
    'StridedDiscriminator': dict(base_dim=4, num_downsample=2),
    'StructureEncoder': dict(out_dim=8),
    'IdentityClassifier': dict(in_dim=8, num_identities=4),
}
TARGET = ('target', 'clusters', 'twice', 'copied')  # loaders
NUM_IMAGES = 16  # of four persons a domain


def shrink(cfg) -> None:
    """Small networks and drawn figures, one iteration a stage; in place."""
    cfg.model.networks.E_c = dict(type='TinyEncoder')
    for name, network in cfg.model.networks.items():
        if name != 'E_c':
            network.update(SMALL[network.type])
    for bank in (cfg.model.bank, cfg.model.bank_t):
        bank.update(num_samples=NUM_IMAGES, dim=8)
    for name, loader in [*cfg.train_dataloader.items(), *cfg.val_dataloader.items()]:
        loader.dataset = drawn(loader.dataset, 'b' if name in TARGET else 'a')
        loader.update(num_workers=0, batch_size=4)
        if loader.sampler.type in ('IdentitySampler', 'ClusterSampler', 'ProxySampler'):
            loader.sampler.update(num_identities=2, num_images=2)
    if 'pseudo_label' in cfg.default_hooks:
        cfg.default_hooks.pseudo_label.clustering = dict(type='KMeans', num_clusters=3)
    for stage in cfg.train_cfg.stages:
        stage.iters = 1
        if 'bn_group' in stage:
            stage.bn_group = 2  # of four images
    cfg.random_start = None  # it would set the iterations of a random start


def drawn(dataset, domain: str) -> dict:
    """The config of a data set, with figures drawn in memory instead of its images."""
    if dataset.type == 'PositivePairs':
        second = dataset.second
        second = second if isinstance(second, str) else drawn(second, domain)
        return dict(type='PositivePairs', dataset=drawn(dataset.dataset, domain), second=second)
    small = dict(
        type='ShapesReID',
        domain=domain,
        num_identities=4,
        split=dataset.split,
        labelled=dataset.get('labelled', True),
        transforms=[dict(type='Resize', size=(64, 32))],
    )
    if 'pose_map' in dataset:
        small['pose_map'] = [dict(type='Colour'), dict(type='ShapesMap')]
    return small


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_trains_one_iteration_of_each_stage(path, tmp_path):
    cfg = load_config(path)
    shrink(cfg)
    cfg.work_dir = str(tmp_path)
    stages = [stage.name for stage in cfg.train_cfg.stages]
    ReIDRunner.from_cfg(cfg).train()
    for stage in stages:
        assert (tmp_path / f'stage_{stage}.pth').exists()
    assert '**AdaBN**' in (tmp_path / 'report.md').read_text()


def test_a_file_of_a_mean_teacher_embeds_by_the_teacher(tmp_path):
    cfg = load_config(CONFIGS[0].with_name('gcl_camera_ingredients.py'))
    shrink(cfg)
    cfg.train_cfg.stages = [s for s in cfg.train_cfg.stages if s.name in ('identity', 'teacher')]
    del cfg.default_hooks.translated, cfg.default_hooks.copies, cfg.default_hooks.colours
    cfg.default_hooks.update(best_loss=None)
    cfg.default_hooks.teacher.stages = ['teacher']
    cfg.work_dir = str(tmp_path)
    cfg.dump(tmp_path / 'config.py')
    ReIDRunner.from_cfg(cfg).train()
    checkpoint, out = tmp_path / 'stage_teacher.pth', tmp_path / 'teacher.safetensors'
    info = pack(tmp_path / 'config.py', checkpoint, out)
    networks = reidgen.load(out, 'cpu').extractor.model
    assert networks.teacher_steps == 1
    assert networks.retrieval_encoder is networks.E_m
    assert len(info.cameras) == 2
