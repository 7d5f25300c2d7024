"""Measures of generated images, of maps of joints and of the joints found in them."""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as nnf

from projects.pose_gan import evaluate, evaluate_translation
from projects.pose_gan.pose_gan.map_statistics import limb_lengths, map_statistics
from reidgen.datasets.image_files import read_rgb
from reidgen.datasets.joint_drawing import joint_maps

CONFIGS = Path(__file__).parents[1] / 'configs'


def maps_of(*cells: tuple[float, float, float], sigma: float = 3.0) -> torch.Tensor:
    return joint_maps(torch.tensor(cells), (64, 64), sigma)


# ---- maps ----


def test_a_drawn_joint_is_one_mode_of_its_peak_and_deviation():
    found = map_statistics(maps_of((32, 32, 1), (20, 40, 1), (0, 0, 0))[None])
    assert found.present == pytest.approx(2 / 3)
    assert found.one_mode == 1
    assert found.peak == 1
    assert found.sigma == pytest.approx(3.0, rel=0.05)  # cells are whole


def test_two_joints_in_a_channel_are_two_modes_and_a_faint_second_is_none():
    one, other = maps_of((16, 16, 1), (48, 48, 1))
    assert map_statistics((one + other)[None, None]).one_mode == 0
    assert map_statistics((one + 0.4 * other)[None, None]).one_mode == 1
    half = map_statistics(0.5 * torch.stack([one, one + other])[None])
    assert (half.one_mode, half.peak) == (0.5, 0.5)


def test_a_channel_whose_peak_is_below_a_tenth_has_no_joint():
    faint = map_statistics(0.09 * maps_of((32, 32, 1))[None])
    assert faint.present == 0
    assert all(math.isnan(value) for value in faint[1:])


@pytest.mark.parametrize('maps', [torch.zeros(3, 8, 8), torch.zeros(0, 1, 8, 8)])
def test_maps_of_another_shape_are_refused(maps):
    with pytest.raises(ValueError, match=r'give \(N, J, H, W\)'):
        map_statistics(maps)


def test_maps_beside_their_range_are_refused():
    with pytest.raises(ValueError, match=r'beside \[0, 1\]'):
        map_statistics(torch.full((1, 1, 4, 4), -1.0))


def test_a_limb_is_measured_where_both_of_its_joints_are_there():
    joints = torch.tensor([[[0.0, 0, 1], [3, 4, 1]], [[0, 0, 1], [0, 0, 0]]])
    assert limb_lengths(joints, 0, 1).tolist() == [5]


# ---- joints ----


def test_errors_of_joints_are_of_those_that_are_there():
    # near, far, missed, invented, rightly absent
    truth = torch.tensor([[[5.0, 5, 1], [5, 5, 1], [5, 5, 1], [0, 0, 0], [0, 0, 0]]])
    found = torch.tensor([[[5.0, 7, 1], [9, 5, 1], [0, 0, 0], [1, 1, 1], [0, 0, 0]]])
    errors = evaluate_translation.joint_errors(found, truth)
    assert errors == pytest.approx(dict(distance=3.0, near=1 / 3, missed=1 / 3, invented=0.5))


def test_the_control_predicts_each_joint_at_its_mean_place_where_it_is_there():
    def pairs(*cells) -> evaluate_translation.Pairs:
        maps = torch.stack([joint_maps(torch.tensor([cell]), (32, 32)) for cell in cells])
        return evaluate_translation.Pairs(torch.zeros(len(cells), 3, 32, 32), 2 * maps - 1)

    training = pairs((8.0, 8, 1), (12, 8, 1), (0, 0, 0))  # mean (10, 8) of the two
    test = pairs((10.0, 11, 1))
    found = evaluate_translation.joint_measures(training, test, test.maps)
    assert found['made'] == dict(distance=0.0, near=1.0, missed=0.0, invented=0.0)
    assert found['mean_place']['distance'] == 3


# ---- images ----


def test_a_copy_of_a_training_image_is_at_distance_0_and_a_brighter_one_at_its_brightness():
    training = torch.randint(0, 200, (6, 3, 8, 4), dtype=torch.uint8)
    assert evaluate.nearest(training[2:4], training) == 0
    assert evaluate.nearest(training[1:2] + 10, training) <= 10
    flat = torch.stack([torch.full((3, 8, 4), value) for value in (0, 100)]).to(torch.uint8)
    assert evaluate.nearest(torch.full((1, 3, 8, 4), 90, dtype=torch.uint8), flat) == 10


@pytest.fixture
def small_network(monkeypatch):
    """Means of 4 x 2 cells instead of ImageNet's features, which other machines may lack."""

    def network():
        return lambda img: SimpleNamespace(pre_bn=nnf.adaptive_avg_pool2d(img, (4, 2)).flatten(1))

    for module in (evaluate, evaluate_translation):
        monkeypatch.setattr(module, 'imagenet_network', network)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['dcgan_smoke', 'began_smoke'])
def test_a_trained_gan_is_evaluated_by_its_config_and_checkpoint(
    name, build, tmp_path, small_network
):
    build(CONFIGS / f'{name}.py').train()
    checkpoint = tmp_path / name / 'stage_gan.pth'
    args = [str(CONFIGS / f'{name}.py'), str(checkpoint), '--count', '8']
    found = evaluate.evaluate(evaluate.parse_args([*args, '--other', 'gallery']))
    out = checkpoint.parent / 'generated'
    assert json.loads((out / 'results.json').read_text()) == found
    assert found['images'].keys() == {'generated', 'other', 'training'}
    assert found['images']['training']['rho'] == 1
    assert found['images']['generated']['fid'] > 0
    assert read_rgb(out / 'generated.png').shape[1] > 16
    again = evaluate.evaluate(evaluate.parse_args(args))
    assert again['images']['generated'] == found['images']['generated']
    with pytest.raises(ValueError, match=r"split 'gallery' has 8 images and the training split"):
        evaluate.evaluate(evaluate.parse_args([*args[:2], '--count', '99', '--other', 'gallery']))


@pytest.mark.slow
@pytest.mark.parametrize('direction', ['to_maps', 'to_picture'])
def test_a_trained_translation_is_evaluated(direction, build, tmp_path, small_network):
    config, options = CONFIGS / 'pose_cond_smoke.py', {'model.direction': direction}
    build(config, options).train()
    checkpoint = tmp_path / 'pose_cond_smoke/stage_gan.pth'
    args = [str(config), str(checkpoint), '--cfg-options', f'model.direction={direction}']
    found = evaluate_translation.evaluate(evaluate_translation.parse_args(args))
    result = json.loads((checkpoint.parent / 'translated/results.json').read_text())
    assert result['measures'].keys() == found.keys()
    rows = {'to_maps': {'made', 'mean_place'}, 'to_picture': {'made', 'mean_picture', 'training'}}
    assert found.keys() == rows[direction]
    assert read_rgb(checkpoint.parent / 'translated/translated.png').shape[1] > 16
    if direction == 'to_maps':
        args += ['--pose', str(config), str(checkpoint)]
        with pytest.raises(ValueError, match=r'--pose is a model to maps, for a config to pict'):
            evaluate_translation.evaluate(evaluate_translation.parse_args(args))
