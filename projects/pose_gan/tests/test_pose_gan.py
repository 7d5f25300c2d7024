"""Pose GAN: the recorded runs as configs, each trained for two iterations on data of its size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from projects.pose_gan.pose_gan import LSPSlots, PartMap
from reidgen.datasets import LSP, FolderReID, ShapesReID, lsp
from reidgen.engine.config import load_config
from reidgen.engine.stage_lr import lr_factor
from reidgen.registry import HOOKS
from reidgen.registry import build as build_from

CONFIGS = Path(__file__).parents[1] / 'configs'
ALL = sorted(CONFIGS.glob('*.py'))
# config: model, root, (height, width), batch, gamma, rate
RECORDED = {
    'dcgan_face': ('UnconditionalGAN', '{faces}', (218, 178), 32, None, 2e-4),
    'dcgan_city': ('UnconditionalGAN', '{city}', (128, 256), 32, None, 2e-4),
    'dcgan_city_coarse': ('UnconditionalGAN', '{city_coarse}', (256, 256), 32, None, 2e-4),
    'dcgan_lsp': ('UnconditionalGAN', '{lsp}', (256, 256), 32, None, 2e-4),
    'dcgan_heatmap': ('UnconditionalGAN', '{part_maps}', (128, 256), 32, None, 2e-4),
    'dcgan_heatmap_joint': ('UnconditionalGAN', '{lsp}', (64, 64), 32, None, 2e-4),
    'dcgan_heatmap_joint_b256': ('UnconditionalGAN', '{lsp}', (64, 64), 256, None, 2e-4),
    'began_face': ('BEGAN', '{faces}', (64, 64), 16, 0.5, 8e-5),
    'began_city': ('BEGAN', '{city}', (64, 64), 16, 0.5, 8e-5),
    'began_city_coarse': ('BEGAN', '{city_coarse}', (64, 64), 16, 0.5, 8e-5),
    'began_city_coarse_gamma': ('BEGAN', '{city_coarse}', (64, 64), 16, 0.9, 8e-5),
    'began_city_coarse_lr': ('BEGAN', '{city_coarse}', (64, 64), 16, 0.5, 4e-5),
    'began_lsp': ('BEGAN', '{lsp}', (64, 64), 16, 0.5, 8e-5),
    'began_lsp_gamma': ('BEGAN', '{lsp}', (64, 64), 16, 0.9, 8e-5),
    'began_lsp_lr': ('BEGAN', '{lsp}', (64, 64), 16, 0.5, 4e-5),
    'began_heatmap': ('BEGAN', '{part_maps}', (64, 64), 16, 0.5, 4e-5),
    'began_heatmap_joint': ('BEGAN', '{lsp}', (64, 64), 16, 0.5, 4e-5),
}
OTHERS = ('dcgan_heatmap_joint_14', 'dcgan_city_coarse_wide', 'pose_cond')
SIZES = dict(faces=(218, 178), city=(128, 256), city_coarse=(256, 512), part_maps=(128, 256))


@pytest.mark.parametrize('name', RECORDED)
def test_a_recorded_run_is_a_config_with_its_values(name):
    cfg = load_config(CONFIGS / f'{name}.py')
    model, root, size, batch, gamma, rate = RECORDED[name]
    networks, loader = cfg.model.networks, cfg.train_dataloader.real
    assert cfg.model.type == model
    assert loader.dataset.root == cfg.data_roots[root[1:-1]]
    assert loader.batch_size == batch
    assert tuple(networks.G.image_size) == tuple(networks.D.image_size) == size
    assert cfg.optim_wrapper.G.lr == cfg.optim_wrapper.D.lr == rate
    rules = cfg.train_cfg.stages[0].get('lr', {})
    if gamma is None:
        assert (cfg.model.gan.g_steps, networks.G.latent_dim, rules) == (2, 128, {})
        return
    assert (cfg.model.equilibrium.gamma, networks.G.base_dim) == (gamma, 128)
    for rule in rules.values():
        rates = [rate * lr_factor(done, 400_000, **rule) for done in (0, 100_000, 200_000, 300_000)]
        expected = [rate, max(rate / 2, 2e-5), 2e-5, 2e-5]
        assert rates == pytest.approx(expected)
    assert set(rules) == {'G', 'D'}


def test_every_config_restates_only_what_differs():
    for path in ALL:
        if path.stem in RECORDED:
            lines = path.read_text().split('"""')[2].strip().splitlines()
            assert len(lines) <= 10, path.stem


@pytest.fixture(scope='module')
def roots(tmp_path_factory):
    """Four pictures of each kind, of the size that it has, and four people of LSP with joints."""
    top, rng = tmp_path_factory.mktemp('data'), np.random.default_rng(0)

    def write(path: Path, size: tuple[int, int]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)

    for kind, size in SIZES.items():
        for number in range(4):
            write(top / kind / f'scene/{number}.jpg', size)
    for number in range(1, 5):
        write(top / f'lsp/lsp/images/im{number:04d}.jpg', (150, 120))
        write(top / f'lsp/lspet/images/im{number:05d}.jpg', (150, 120))
    joints = np.concatenate([rng.uniform(20, 100, (2, 14, 4)), np.zeros((1, 14, 4))])
    savemat(top / 'lsp/lsp/joints.mat', dict(joints=joints))
    joints[2] = 1
    savemat(top / 'lsp/lspet/joints.mat', dict(joints=joints.transpose(1, 0, 2)))
    return top


@pytest.mark.slow
@pytest.mark.parametrize('name', [*RECORDED, *OTHERS])
def test_a_run_is_trained_for_two_iterations_on_data_of_its_size(name, build, roots, monkeypatch):
    monkeypatch.setattr(lsp, 'NUM_TRAIN', 3)

    def small(cfg) -> None:
        for network in cfg.model.networks.values():
            network.base_dim = 2
        cfg.train_cfg.stages[0].iters = 2
        cfg.train_dataloader.real.update(batch_size=2, num_workers=0)
        cfg.default_hooks.grid.num_images = 1

    options = {f'data_roots.{kind}': str(roots / kind) for kind in (*SIZES, 'lsp')}
    runner = build(CONFIGS / f'{name}.py', options, change=small)
    runner.train()
    assert Path(runner.work_dir, 'stage_gan.pth').exists()
    assert len(list(Path(runner.work_dir, 'grids').glob('*.png'))) == 1


@pytest.mark.slow
@pytest.mark.parametrize('name', ['dcgan_smoke', 'began_smoke', 'pose_cond_smoke'])
def test_a_smoke_run_that_is_interrupted_ends_as_the_whole(name, build, tmp_path):
    path = CONFIGS / f'{name}.py'
    whole = build(path)
    whole.train()
    expected = torch.load(tmp_path / name / 'stage_gan.pth', weights_only=True)['state_dict']
    (tmp_path / name).rename(tmp_path / 'whole')
    half = build(path, {'default_hooks.checkpoint.interval': 2})
    loop = half.train_loop
    step, loop.run_iter = loop.run_iter, None

    def until_the_third(batch):
        if loop.iter == 2:
            raise KeyboardInterrupt
        step(batch)

    loop.run_iter = until_the_third
    with pytest.raises(KeyboardInterrupt):
        half.train()
    checkpoint = tmp_path / name / 'iter_2.pth'
    resumed = build(path, {'resume': True, 'load_from': str(checkpoint)})
    resumed.train()
    found = torch.load(tmp_path / name / 'stage_gan.pth', weights_only=True)['state_dict']
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in found)
    if name == 'began_smoke':
        assert 0 < expected['equilibrium.k'] < 1


def test_the_configs_of_rendered_people_differ_in_what_they_compare():
    joints, larger = (
        load_config(CONFIGS / f'dcgan_synth_joints{suffix}.py') for suffix in ('', '_256')
    )
    drawn = [
        cfg.train_dataloader.real.batch_size * cfg.train_cfg.stages[0].iters
        for cfg in (joints, larger)
    ]
    assert drawn[0] == drawn[1]
    people = load_config(CONFIGS / 'began_synth_people.py')
    gamma = load_config(CONFIGS / 'began_synth_people_gamma.py')
    slower = load_config(CONFIGS / 'began_synth_people_lr.py')
    assert (people.model.equilibrium.gamma, gamma.model.equilibrium.gamma) == (0.5, 0.9)
    assert people.optim_wrapper.G.lr == 2 * slower.optim_wrapper.G.lr == gamma.optim_wrapper.G.lr


def test_the_rate_of_the_paper_falls_by_the_measure_alone_and_not_below_the_bound():
    cfg = load_config(CONFIGS / 'began_face_plateau.py')
    hook = build_from(dict(cfg.default_hooks.plateau), HOOKS)
    assert 'lr' not in cfg.train_cfg.stages[0]
    assert (hook.stage, hook.term) == (cfg.train_cfg.stages[0].name, 'D/stat.M')
    assert {cfg.optim_wrapper[name].lr for name in hook.groups} == {1e-4}
    assert (hook.gamma, hook.floor * 1e-4) == (0.5, pytest.approx(2e-5))


# ---- maps ----


def test_joints_of_lsp_are_in_the_slots_of_mpii_and_two_of_these_are_empty(roots, monkeypatch):
    monkeypatch.setattr(lsp, 'NUM_TRAIN', 3)
    pose_map = dict(type='JointMaps', layout='mpii16', size=(64, 64), sigma=3.0)
    dataset = LSPSlots(str(roots / 'lsp'), crop=64, pose_map=pose_map)
    maps, joints = dataset[0].pose_map, LSP.read_joints(dataset, dataset.records[0])
    assert maps.shape == (16, 64, 64)
    assert maps.amax((1, 2)).tolist() == [255] * 6 + [0, 0] + [255] * 8
    for joint, slot in ((0, 0), (12, 8), (13, 9), (6, 10), (11, 15)):  # ankle, neck, head, wrists
        row, column = divmod(int(maps[slot].argmax()), 64)
        assert abs(column - joints[joint, 0]) <= 0.5
        assert abs(row - joints[joint, 1]) <= 0.5


def test_a_part_map_has_the_thirds_of_a_mask_in_three_colours():
    dataset = ShapesReID(pose_map=dict(type='PartMap', sigma=0), labelled=False)
    record = dataset.records[0]
    mask = dataset.read_mask(record)[0] > 0
    maps = dataset.pose_map.load(record, 'train', None, dataset.read_image(record)) > 0
    assert torch.equal(maps.sum(0), mask.int())
    rows = [part.any(1).nonzero().flatten() for part in maps]
    heights = [int(each[-1] - each[0]) + 1 for each in rows]
    assert max(heights) - min(heights) <= 1
    assert rows[0][-1] + 1 == rows[1][0]
    assert rows[1][-1] + 1 == rows[2][0]


def test_soft_edges_keep_the_mass_of_a_part_and_nobody_is_a_black_map():
    dataset = ShapesReID(pose_map=dict(type='PartMap', sigma=2.0), labelled=False)
    record, image = dataset.records[0], dataset.read_image(dataset.records[0])
    soft = dataset.pose_map.load(record, 'train', None, image)
    assert len(soft.unique()) > 50
    dataset.read_mask = lambda record: torch.zeros(1, 64, 32, dtype=torch.uint8)
    assert (dataset.pose_map.load(record, 'train', None, image) == 0).all()


def test_what_has_no_mask_is_refused(roots):
    with pytest.raises(TypeError, match=r'PartMap reads masks, and FolderReID has none'):
        FolderReID(str(roots / 'city'), pattern=None, labelled=False, pose_map=PartMap())
    with pytest.raises(ValueError, match=r'sigma is -1'):
        PartMap(sigma=-1)
