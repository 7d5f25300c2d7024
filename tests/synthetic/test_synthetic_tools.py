import re

import cv2
import numpy as np
import pytest
from few_people import FEW

from reidgen.cli import browse, data_arguments, parse, render
from reidgen.synthetic import DOMAINS, SIZES, Plan, Seeds

pytestmark = pytest.mark.slow


@pytest.fixture
def tiny_is_few(monkeypatch):
    monkeypatch.setitem(SIZES, 'tiny', FEW)


def test_rendering_closes_with_a_line_of_numbers(tiny_is_few, tmp_path):
    arguments = ['--size', 'tiny', '--out', str(tmp_path), '--domains', 'synth_b', '--no-maps']
    line = render.render(parse('render', arguments))
    plan = Plan.of('synth_b', 'tiny')
    count = sum(len(plan.pictures(job)) for job in plan.jobs())
    found = re.fullmatch(
        r'(\d+) images, ([\d.]+) s, ([\d.]+) images/s, ([\d.]+) MB, '
        r'mean mesh IoU: synth_b (0\.\d{3}) \(3 images\)',
        line,
    )
    assert int(found[1]) == count
    assert float(found[3]) == pytest.approx(count / float(found[2]), rel=0.1)
    assert 0.5 < float(found[5]) < 1
    assert not (tmp_path / 'synth_b/tiny/mesh').exists()


def test_the_reference_is_only_taken_from_the_benchmark(tiny_is_few, tmp_path):
    arguments = parse(
        'render',
        [
            '--size',
            'tiny',
            '--out',
            str(tmp_path),
            '--no-maps',
            '--domains',
            'synth_a',
            '--write-reference',
        ],
    )
    with pytest.raises(ValueError, match='needs --size tiny, all --domains'):
        render.render(arguments)


def test_a_sheet_has_a_row_a_person_and_a_column_an_image(tmp_path):
    arguments = [
        'ShapesReID',
        'num_identities=3',
        'size=(64, 32)',
        '--images',
        '2',
        '--height',
        '64',
        '--out',
        str(tmp_path),
    ]
    [path] = browse.browse(parse('browse', arguments))
    sheet = cv2.imread(str(path))
    assert sheet.shape == (3 * 66, 2 * 34, 3)  # a white pixel around each
    assert (sheet[[0, -1]] == 255).all()
    assert np.ptp(sheet[1:65, 1:33]) > 50


def test_annotations_are_drawn_beside_the_image(tiny_is_few, tmp_path):
    arguments = [
        'SyntheticReID',
        'size=tiny',
        f'root={tmp_path}',
        '--annotations',
        '--out',
        str(tmp_path),
    ]
    [path] = browse.browse(parse('browse', arguments))
    # image, joints, mask, parts, eight meshes of width 64, and the garment of 96
    assert cv2.imread(str(path)).shape == (130, 12 * 66 + 98, 3)


def test_joints_are_red_where_visible_and_blue_where_not():
    joints = np.zeros((18, 3))
    joints[0], joints[4] = (10, 20, 1), (30, 40, 0)
    joints[[k for k in range(18) if k not in (0, 4)], :2] = -50
    drawn = browse.draw_joints(np.zeros((64, 64, 3), np.uint8), joints, 1.0)
    assert drawn[20, 10, 0] > 200
    assert drawn[20, 10, 2] == 0
    ring = drawn[37:44, 27:34]
    assert ring[..., 2].max() > 100
    assert ring[..., 2].max() > ring[..., 0].max()


def test_options_are_key_value(tmp_path, capsys):
    with pytest.raises(SystemExit):
        parse('browse', ['ShapesReID', 'size', '--out', str(tmp_path)])
    assert "'size' is not KEY=VALUE" in capsys.readouterr().err


def test_choices_of_the_command_line_are_those_of_the_renderer():
    own = [name for name in SIZES if name != 'few']  # which tests/fuzz adds
    assert tuple(own) == data_arguments.SIZES
    assert tuple(DOMAINS) == data_arguments.DOMAINS
    assert Seeds._fields == data_arguments.SEEDS
