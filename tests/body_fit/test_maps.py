"""Maps of a data set from key points, as its training reads them."""

import json

import cv2
import numpy as np
import pytest
import torch

from reidgen.body_fit import maps
from reidgen.body_fit.skeleton import ALIASES, POINTS
from reidgen.cli import parse
from reidgen.cli.maps import lines, run
from reidgen.datasets import Market1501, RenderedMesh
from reidgen.datasets.joint_files import JointFiles, PersonJoints, read_joint_files
from reidgen.datasets.joint_layouts import LAYOUTS

NAMES = ['0002_c1s1_000451_03.jpg', '0002_c2s1_000801_01.jpg', '0007_c3s3_077419_03.jpg']
# a person in front of the camera, in a picture of 64 x 32
STANDING = {
    **{'nose': (16, 8), 'l_eye': (17, 7), 'r_eye': (15, 7), 'l_ear': (18, 8), 'r_ear': (14, 8)},
    **{'l_shoulder': (21, 14), 'l_elbow': (23, 22), 'l_wrist': (24, 29), 'l_hip': (19, 30)},
    **{'r_shoulder': (11, 14), 'r_elbow': (9, 22), 'r_wrist': (8, 29), 'r_hip': (13, 30)},
    **{'l_knee': (19, 43), 'l_ankle': (19, 56), 'r_knee': (13, 43), 'r_ankle': (13, 56)},
}


def standing(weight: float = 1.0, only: int = 17) -> list[list[float]]:
    """COCO's 17 rows, of which the first `only` are there."""
    names = LAYOUTS['coco17'].names
    return [[*STANDING[name], weight if row < only else 0] for row, name in enumerate(names)]


def person(rows: list) -> PersonJoints:
    return PersonJoints('coco17', torch.tensor(rows, dtype=torch.float32))


@pytest.fixture
def market(tmp_path):
    """Three training pictures, each with a test picture of a name of its own."""
    for folder in ('bounding_box_train', 'query', 'bounding_box_test'):
        (tmp_path / 'market' / folder).mkdir(parents=True)
        for name in NAMES if folder.endswith('train') else ['0001_c1s1_001051_00.jpg']:
            grey = np.full((64, 32, 3), 128, np.uint8)
            cv2.imwrite(str(tmp_path / 'market' / folder / name), grey)
    return tmp_path / 'market'


def made(market, out, persons: dict) -> maps.Written:
    dataset = Market1501(str(market), 'train')
    return maps.write_maps(dataset, 'train', JointFiles(persons), RenderedMesh(str(out), ()))


@pytest.mark.parametrize('layout', LAYOUTS)
def test_every_joint_of_a_layout_has_a_point_of_the_body(layout):
    aliases = ALIASES.get(layout, {})
    points = [aliases.get(name, name) for name in LAYOUTS[layout].names]
    assert set(points) <= set(POINTS)
    assert len(set(points)) == len(points)


def test_joints_are_counted_from_the_corner_of_a_picture_of_128_rows():
    joints = torch.zeros(16, 3)
    names = LAYOUTS['mpii16'].names
    joints[names.index('neck')] = torch.tensor([9.5, 19.5, 0.5])
    joints[names.index('r_hip')] = torch.tensor([5.0, 5.0, 0.01])  # hardly seen
    points = maps.as_points(PersonJoints('mpii16', joints), height=64)
    assert points[POINTS.index('skull_base')].tolist() == [20.0, 40.0, 0.5]
    assert int((points[:, 2] > 0).sum()) == 1


def test_maps_lie_where_the_training_reads_them_and_show_the_person(market, tmp_path):
    result = made(market, tmp_path / 'mesh', {NAMES[0]: [person(standing())]})
    assert result.made == [NAMES[0]]
    assert result.left_out == {NAMES[1]: 'no key points', NAMES[2]: 'no key points'}
    assert json.loads((tmp_path / 'mesh/train/left_out_train.json').read_text()) == result.left_out
    source = dict(type='RenderedMesh', root=str(tmp_path / 'mesh'))
    dataset = Market1501(str(market), 'train', pose_map=source, on_missing='drop')
    assert [record.path.rpartition('/')[2] for record in dataset.records] == [NAMES[0]]
    own, side = (
        dataset.pose_map.load(dataset.records[0], 'train', view, torch.zeros(3, 64, 32))[0] > 20
        for view in (None, 90)
    )
    assert own.shape == (128, 64)
    rows, columns = (np.flatnonzero(own.any(1 - axis)) for axis in (0, 1))
    # head and feet end a little beyond eyes and ankles, hands and elbows beyond the joints
    assert rows[0] < 15 < 110 < rows[-1]
    assert columns[0] < 22 < 44 < columns[-1]
    assert side.any(0).sum() < own.any(0).sum()  # narrower from the side


def test_an_interrupted_run_goes_on_and_other_key_points_are_refused(market, tmp_path):
    out, told = tmp_path / 'mesh', {name: [person(standing())] for name in NAMES[:2]}
    made(market, out, told)
    first, second = (out / 'train/render' / name for name in NAMES[:2])
    (out / 'train/render_90' / NAMES[1]).write_bytes(b'half')
    second.unlink()  # which is written last
    before = first.stat().st_mtime_ns
    result = made(market, out, told)
    assert (result.made, result.there) == ([NAMES[1]], [NAMES[0]])
    assert first.stat().st_mtime_ns == before
    assert (out / 'train/render_90' / NAMES[1]).stat().st_size > 100
    with pytest.raises(ValueError, match='delete the folder or choose another'):
        made(market, out, {NAMES[0]: [person(standing(weight=0.5))]})


def test_maps_made_elsewhere_are_not_mixed_with(market, tmp_path):
    (tmp_path / 'mesh/train/render').mkdir(parents=True)
    (tmp_path / 'mesh/train/render' / NAMES[0]).write_bytes(b'a mesh')
    with pytest.raises(ValueError, match=r'holds maps and no maps_train\.json'):
        made(market, tmp_path / 'mesh', {NAMES[0]: [person(standing())]})


@pytest.mark.parametrize(
    'persons, reason',
    [
        (None, 'no key points'),
        ([], 'nobody is in it'),
        (
            [person(standing(only=10))],
            'too few joints: r_shoulder, l_shoulder, r_elbow, l_elbow, l_wrist;',
        ),
        ([person(standing(weight=0.01))], 'too few joints: none;'),
        ([person(standing(only=11))], ''),
        (
            [person([[x + 40, y, 1] for x, y, _ in standing()])],
            'joints beside the picture: 0 of 12',
        ),
        ([person([[x + 15, y, 1] for x, y, _ in standing()])], ''),
    ],
)
def test_a_picture_is_left_out_for_a_reason_that_names_its_joints(persons, reason):
    told = maps.reason_to_leave_out(persons, (64, 32))
    assert told.startswith(reason)
    assert bool(told) == bool(reason)


def test_limbs_without_shoulders_and_hips_are_too_few():
    rows = standing()
    for row, name in enumerate(LAYOUTS['coco17'].names):
        if name.endswith(('shoulder', 'hip')):
            rows[row][2] = 0
    assert 'two of them shoulders or hips' in maps.reason_to_leave_out([person(rows)], (64, 32))


def test_pictures_of_one_name_are_refused(market):
    names = [NAMES[0], NAMES[1], NAMES[0]]
    with pytest.raises(
        ValueError, match=r'my set: 1 names are of several pictures, the first 0002'
    ):
        maps._check_names(names, 'my set', JointFiles({}))


def test_key_points_of_other_pictures_are_an_error_with_both_names(market, tmp_path):
    with pytest.raises(ValueError, match=r'named like 0002_c1s1.*key points are of x\.jpg'):
        made(market, tmp_path / 'mesh', {'x.jpg': [person(standing())]})
    assert not (tmp_path / 'mesh').exists()


def test_the_command_counts_and_names_what_it_left_out(market, tmp_path, capsys):
    told = dict(zip(NAMES, (standing(), standing(only=5))))
    (tmp_path / 'train.json').write_text(json.dumps({**told, 'other.jpg': standing()}))
    out = tmp_path / 'mesh'
    options = ['Market1501', f'root={market}', '--joints', str(tmp_path / 'train.json')]
    run(parse('maps', [*options, '--out', str(out)]))
    assert capsys.readouterr().out.splitlines()[-5:] == [
        f'{out}: maps of 1 pictures written',
        f'left out, no key points: 1 ({NAMES[2]})',
        f'left out, too few joints: 1 ({NAMES[1]})',
        'key points of pictures that are not in train: 1 (other.jpg)',
        f"every name is in {out}/train/left_out_train.json; a data set with on_missing='drop' "
        f'leaves these pictures out',
    ]
    files = read_joint_files([tmp_path / 'train.json'])
    assert files.unknown(NAMES) == ['other.jpg']


def test_several_persons_and_poor_fits_are_told(market, tmp_path):
    small = [[x / 2, y / 2, 0.4] for x, y, _ in standing()]
    folded = standing()
    for row in range(5, 17):  # no body has limbs like these
        folded[row][:2] = (2, 60) if row % 2 else (30, 2)
    result = made(
        market,
        tmp_path / 'mesh',
        {NAMES[0]: [person(small), person(standing())], NAMES[1]: [person(folded)]},
    )
    assert (result.crowded, result.poor) == ([NAMES[0]], [NAMES[1]])
    printed = lines(result, tmp_path / 'mesh', 'train')
    assert f'poor fits, look at them: 1 ({NAMES[1]})' in printed
    own = cv2.imread(str(tmp_path / 'mesh/train/render' / NAMES[0]), cv2.IMREAD_GRAYSCALE) > 20
    assert own.any(1).sum() > 90  # the larger one, whose joints are surer
