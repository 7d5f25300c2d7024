"""Configs of face frontalization: the rows of the program's log, built on a few faces."""

from functools import cache
from itertools import product
from pathlib import Path

import pytest
import torch
from face_pictures import write
from PIL import Image

from projects.face_frontalization.tools.pixel_weights import main as write_pixel_weights
from reidgen.engine.config import load_config
from reidgen.engine.optim import OptimizerPerGroup, check_groups
from reidgen.engine.stages import check_reads, parse_stages
from reidgen.models.data_checks import check_batches, check_encoder_size
from reidgen.registry import DATASETS, MODELS
from reidgen.registry import build as build_from

CONFIGS = Path(__file__).parents[1] / 'configs'
ALL = sorted(path.stem for path in CONFIGS.glob('*.py'))
SMOKE = [name for name in ALL if 'smoke' in name]
RENDERED = [name for name in ALL if name.startswith('setting') and name.endswith('_synth')]
ENCODER = 'face_encoder_synth'
FAST = {f'default_hooks.{hook}': None for hook in ('diagnostics', 'watchdog')}
FAMILIES = ('setting1_1', 'setting1_4', 'legacy_1129_4', 'dec_1_4')
# config: objective, steps of D for one of G, l1, D, clip, betas of D
SETTINGS = {
    'setting_base': ('wgan', 5, 0, 'MultiScaleFaceDiscriminator', 0.01, (0.5, 0.9)),
    'setting1_8': ('wgan', 5, 0, 'MultiScaleFaceDiscriminator', 0.01, (0.5, 0.9)),
    'setting1_1': ('wgan', 5, 1, 'MultiScaleFaceDiscriminator', 0.01, (0.5, 0.9)),
    'setting1_1_code': ('wgan', 5, 1, 'MultiScaleFaceDiscriminator', 0.01, (0.5, 0.9)),
    'setting1_2': ('wgan', 1, 0, 'MultiScaleFaceDiscriminator', None, None),
    'setting1_3': ('lsgan', 1, 1, 'MultiScaleFaceDiscriminator', None, (0.5, 0.9)),
    'setting1_3_code': ('lsgan', 1, 1, 'MultiScaleFaceDiscriminator', None, (0.5, 0.9)),
    'setting1_4': ('wgan', 1, 0, 'RegionDiscriminator', None, (0.0, 0.9)),
    'setting1_5': ('wgan', 1, 0, 'RegionDiscriminator', None, (0.0, 0.9)),
}
# config: protocol, rate, l1 of one feature loss, L2, batch norm, batch
NOVEMBER = {
    '1128': ('session01', 0.01, 1, 0, False, 32),
    '1129_1': ('session01', 0.001, 0, 0, False, 32),
    '1129_2': ('session01', 0.001, 0, 1e-3, False, 32),
    '1129_3': ('session01', 0.001, 0, 1e-3, True, 32),
    '1129_4': ('setting1', 0.001, 10, 0, True, 16),
    '1129_5': ('setting1', 0.001, 1, 1e-3, False, 16),
    '1129_6': ('setting1', 0.001, 10, 1e-5, True, 16),
    '1129_7': ('setting1', 0.001, 10, 1e-3, False, 16),
    '1130_1': ('session01', 0.001, 10, 1e-4, False, 16),
    '1130_2': ('session01', 0.001, 10, 1e-4, True, 16),
}


@pytest.fixture(scope='module')
def roots(tmp_path_factory) -> dict[str, str]:
    """Two persons from two sides, in front and turned, under the flash 07 and another light."""
    top = tmp_path_factory.mktemp('faces')
    for subject, camera, light in product((1, 2), (51, 80), (7, 8)):
        name = f'{subject:03d}_01_01_{camera:03d}_{light:02d}.png'
        write(top / 'pie' / name, camera + 9 * light, (250, 250))
    write(top / 'casia/0000045/001.jpg', 80, (250, 250))
    kinds = dict(multi_pie='pie', casia_webface='casia')
    return {f'data_roots.{key}': str(top / folder) for key, folder in kinds.items()}


@pytest.fixture(scope='module')
def rendered(faces) -> dict[str, str]:
    """Options that set the root of a tiny rendering."""
    return {'data_roots.synthetic': faces}


@pytest.fixture(scope='module')
def config(roots):
    """Config of a name, read once."""
    return cache(lambda name: load_config(CONFIGS / f'{name}.py', roots))


def check(cfg) -> None:
    """Builds a config on the meta device, with its data, by the checks before a training."""
    for network in cfg.model.networks.values():
        if 'weights' in network:
            network.weights = None
    with torch.device('meta'):
        model = build_from(cfg.model.to_dict(), MODELS)
    loaders = {key: loader.to_dict() for key, loader in cfg.train_dataloader.items()}
    for loader in loaders.values():
        inner = loader['dataset'].get('dataset', loader['dataset'])
        if inner['type'] == 'RenderedFaces':
            inner['size'] = 'tiny'
    datasets = {key: build_from(each['dataset'], DATASETS) for key, each in loaders.items()}
    sizes = {key: each['batch_size'] for key, each in loaders.items()}
    stages = parse_stages(cfg.train_cfg.to_dict()['stages'])
    model.check_phases()
    check_reads(stages, model, tuple(datasets))
    check_encoder_size(model, datasets, 'train_dataloader')
    model.check_data(datasets, sizes, stages)
    check_batches(model, stages, sizes, {})
    groups = {k: v for k, v in cfg.optim_wrapper.to_dict().items() if k != 'constructor'}
    check_groups(model, OptimizerPerGroup(groups)(model), stages)


@pytest.mark.slow
@pytest.mark.parametrize('name', FAMILIES)
def test_a_config_of_each_family_builds_on_faces(name, config):
    check(config(name))


@pytest.mark.slow
@pytest.mark.parametrize('name', sorted({*ALL} - {*FAMILIES, *RENDERED, ENCODER}))
def test_every_config_builds_on_faces(name, config):
    check(config(name))


@pytest.mark.slow
@pytest.mark.parametrize('name', RENDERED)
def test_a_setting_on_rendered_faces_builds_and_is_the_published_one_but_for_its_size(
    name, config, rendered
):
    cfg, published = load_config(CONFIGS / f'{name}.py', rendered), config(name[:-6])
    encoder = cfg.model.networks.E.to_dict()
    check(cfg)
    loaders = cfg.train_dataloader
    assert loaders.profile.dataset.type == 'FrontalPairs'
    assert loaders.front.dataset.part == 'frontal'
    for key in ('gan_loss', 'penalty', 'joint_penalty'):
        assert cfg.model.get(key) == published.model.get(key)
    for net in 'GD':
        assert cfg.model.networks[net].type == published.model.networks[net].type
    weights, other = cfg.model.loss_weights, published.model.loss_weights
    assert {key for key in weights if weights[key] != other[key]} <= {'fea', 'l1'}
    trained = load_config(CONFIGS / f'{ENCODER}.py', rendered)
    assert encoder['network'].items() <= trained.model.networks.E_c.to_dict().items()
    assert encoder['weights'].endswith(f'stage_{trained.train_cfg.stages[0].name}.pth')


@pytest.mark.slow
def test_the_encoder_of_rendered_faces_trains_on_frontal_ones_and_meets_other_persons(
    rendered, build
):
    def shrink(cfg):
        cfg.model.networks.C.num_identities = 8
        cfg.model.networks.E_c.weights = None
        for loader in [*cfg.train_dataloader.values(), *cfg.val_dataloader.values()]:
            loader.dataset.size, loader.num_workers = 'tiny', 0

    runner = build(CONFIGS / f'{ENCODER}.py', rendered, shrink)
    train = runner.train_loop.dataloader.dataset['identity']
    assert {face.yaw_deg for face in train.faces()} == {-15, 0, 15}
    tested = runner.val_loop.loaders['frontal'].dataset
    assert {face.yaw_deg for face in tested.faces()} == {0}
    assert not {r.pid for r in tested.records} & {r.pid for r in train.records}


@pytest.mark.slow
@pytest.mark.parametrize('name', SETTINGS)
def test_a_setting_is_a_config_with_its_values(name, config):
    cfg = config(name)
    objective, steps, l1, kind, clip, betas = SETTINGS[name]
    model, optim = cfg.model, cfg.optim_wrapper
    warm_up, gan = cfg.train_cfg.stages
    assert model.gan_loss.mode == objective
    assert (warm_up.iters, warm_up.every.G, gan.get('every', dict(G=1))['G']) == (625, 25, steps)
    assert (warm_up.iters // 25 + gan.iters // steps) == 14_000  # of G: five epochs of 14,000 / 5
    assert (model.loss_weights.get('l1', 0), model.networks.D.type) == (l1, kind)
    assert (optim.D.get('clip_weights'), optim.D.get('betas')) == (clip, betas and tuple(betas))
    assert optim.G.lr == optim.D.lr == 2e-4
    code = name.endswith('_code')
    assert (model.loss_weights.fea, model.loss_weights['D/adv']) == (0.01 if code else 500, 0.5)
    assert model.loss_weights.get('gp', 0) == (10 if 'penalty' in model else 0)
    assert ('penalty' in model) is (steps == 1 and objective == 'wgan')
    batch = 8 if name == 'setting1_1_code' else 5
    assert {loader.batch_size for loader in cfg.train_dataloader.values()} == {batch}


@pytest.mark.slow
@pytest.mark.parametrize('name', NOVEMBER)
def test_a_row_of_november_is_a_config_with_its_values(name, config):
    cfg = config(f'legacy_{name}')
    protocol, rate, l1, decay, bn, batch = NOVEMBER[name]
    loader, group = cfg.train_dataloader.profile, cfg.optim_wrapper.G
    assert (loader.dataset.dataset.protocol, loader.batch_size) == (protocol, batch)
    assert (group.lr, group.get('weight_decay', 0)) == (rate, decay)
    assert (cfg.model.loss_weights.l1, cfg.model.loss_weights.fea) == (l1, 1)
    assert (cfg.model.networks.G.fc1_bn, cfg.model.pixel_loss.value_range) == (bn, 255)
    faces = 120_000 if protocol == 'session01' else 14_000
    assert cfg.train_cfg.stages[0].iters == 5 * faces // batch


def test_a_config_restates_only_what_differs():
    for name in ALL:
        if name not in SMOKE:
            text = (CONFIGS / f'{name}.py').read_text()
            assert len(text.split('"""')[2].strip().splitlines()) <= 15, name


def test_the_tool_writes_weights_of_pixels(roots, tmp_path, capsys):
    options = [f'{key}={value}' for key, value in roots.items()]
    out = tmp_path / 'mask/pixels.png'
    config = str(CONFIGS / 'setting1_1.py')
    write_pixel_weights([config, '--out', str(out), '--cfg-options', *options])
    # faces of one grey: all pixels vary alike
    with Image.open(out) as picture:
        assert picture.size == (224, 224)
    assert 'weights of 4 faces, 0.000 in the mean' in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize('name', SMOKE)
def test_a_smoke_config_trains_and_shows_faces(name, build, tmp_path):
    build(CONFIGS / f'{name}.py', FAST).train()
    assert (tmp_path / name / 'stage_gan.pth').exists()
    assert list((tmp_path / name / 'grids').glob('*.png'))
