import json
import math

import pytest
import torch

from reidgen.datasets import JointHeatmap, Market1501
from reidgen.datasets.records import Record

IMAGE = torch.zeros(3, 12, 8, dtype=torch.uint8)


@pytest.fixture
def joints(tmp_path):
    (tmp_path / 'train.json').write_text(
        json.dumps({'a.jpg': [[2, 3, 1], [5, 9, 1], [1, 1, 0]], 'b.jpg': [[0, 0, 1]]})
    )
    return JointHeatmap(str(tmp_path), num_joints=3, sigma=2.0, swap=[(0, 1)])


def test_a_joint_is_a_gaussian_at_its_pixel_and_an_unseen_one_is_empty(joints):
    heat = joints.load(Record('x/a.jpg', 1, 0), 'train', None, IMAGE)
    assert heat.shape == (3, 12, 8)
    assert heat[0, 3, 2] == heat[1, 9, 5] == 255
    assert heat[0, 3, 4] == round(255 * math.exp(-(2**2) / (2 * 2.0**2)))
    assert heat[2].max() == 0


def test_flipped_joints_swap_left_and_right(joints):
    heat = joints.load(Record('x/a.jpg', 1, 0), 'train', None, IMAGE)
    flipped = joints.flip(heat.expand(2, -1, -1, -1))
    assert flipped[1, 1, 3, 8 - 1 - 2] == 255  # the left joint is now the right one, mirrored
    assert flipped[0, 0, 9, 8 - 1 - 5] == 255
    assert torch.equal(joints.flip(flipped)[0], heat)


def test_joints_that_are_missing_or_of_another_number_are_named(joints):
    train, query = joints.root / 'train.json', joints.root / 'query.json'
    assert joints.missing(Record('x/c.jpg', 1, 0), 'train') == [f'{train}: c.jpg']
    assert joints.missing(Record('x/a.jpg', 1, 0), 'query') == [f'{query}: a.jpg']
    with pytest.raises(ValueError, match=r'b\.jpg has joints of shape \(1, 3\), not \(3, 3\)'):
        joints.load(Record('x/b.jpg', 1, 0), 'train', None, IMAGE)


def with_joints(tmp_path, text: str) -> JointHeatmap:
    (tmp_path / 'train.json').write_text(text)
    return JointHeatmap(str(tmp_path), num_joints=2, swap=[(0, 1)])


@pytest.mark.parametrize(
    'joints_of_file, error',
    [
        ('[[0, 0, 1], [NaN, 1, 1]]', r'joint 1 is \[nan, 1, 1\], which is not finite; write'),
        ('[[0, -Infinity, 0], [1, 1, 1]]', r'joint 0 is \[0, -inf, 0\], which is not finite'),
        ('[[0, 1e300, 1], [1, 1, 1]]', 'joint 0 is .* not finite'),
        ('[[0, 0], [1, 1]]', r'joints of shape \(2, 2\), not \(2, 3\)'),
        ('[0, 0, 1, 1, 1, 1]', r'joints of shape \(6,\), not \(2, 3\)'),
        ('[]', r'joints of shape \(0,\), not \(2, 3\)'),
        ('[[0, 0, 1], [1, 1]]', 'joints that are no numbers in rows of three'),
        ('[[0, 0, 1], [1, null, 1]]', 'joints that are no numbers in rows of three'),
        ('[[0, 0, 1], [1, "1", 1]]', 'joints that are no numbers in rows of three'),
        ('{"nose": [0, 0, 1]}', 'joints that are no numbers in rows of three'),
        (f'[[0, 0, 1], [1, 1{"0" * 400}, 1]]', 'joints that are no numbers in rows of three'),
    ],
)
def test_joints_that_cannot_be_are_named_when_the_set_is_built(tmp_path, joints_of_file, error):
    joints = with_joints(tmp_path, f'{{"a.jpg": {joints_of_file}}}')
    with pytest.raises(ValueError, match=rf'train\.json: a\.jpg.*{error}'):
        joints.missing(Record('x/a.jpg', 1, 0), 'train')


@pytest.mark.parametrize(
    'text, error',
    [
        ('[1, 2]', 'train.json holds a list; write'),
        ('{"a.jpg": ', 'train.json is no JSON: Expecting value'),
        ('{"a.jpg": [], "b.jpg": [], "a.jpg": []}', 'is no JSON: a.jpg is there twice'),
    ],
)
def test_a_file_that_is_no_list_of_joints_is_named(tmp_path, text, error):
    with pytest.raises(ValueError, match=error):
        with_joints(tmp_path, text).missing(Record('x/a.jpg', 1, 0), 'train')


def test_a_data_set_tells_its_damaged_joints_before_it_is_used(market_root, tmp_path):
    names = sorted(path.name for path in (market_root / 'query').iterdir())
    joints_of_file = {name: [[0.0, 0.0, 1.0]] * 18 for name in names}
    joints_of_file[names[1]] = [[0.0, math.nan, 1.0]] * 18
    (tmp_path / 'query.json').write_text(json.dumps(joints_of_file))
    maps = {'type': 'JointHeatmap', 'root': str(tmp_path)}
    with pytest.raises(ValueError, match=rf'query\.json: {names[1]}, joint 0 is \[0\.0, nan'):
        Market1501(str(market_root), 'query', pose_map=maps)


@pytest.mark.parametrize(
    'arguments, error',
    [
        (dict(num_joints=15), 'num_joints is 15: give swap'),
        (dict(sigma=0), 'sigma is 0; it must be a number of pixels above 0'),
        (dict(sigma=math.nan), 'sigma is nan'),
        (dict(num_joints=3, swap=[(0, 3)]), r'swap is \[\(0, 3\)\]; joints .* from 0 to 2'),
    ],
)
def test_numbers_that_cannot_be_are_refused(arguments, error):
    with pytest.raises(ValueError, match=error):
        JointHeatmap('x', **arguments)
