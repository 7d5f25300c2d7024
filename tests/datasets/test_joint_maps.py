"""JointMaps: values, crops, absent joints, limbs, decoding, and maps as images."""

import json
import math

import pytest
import torch

from reidgen.datasets import FolderReID, JointMaps, ShapesReID
from reidgen.datasets.joint_drawing import (
    box_of,
    decode_joints,
    in_square,
    joint_maps,
    limb_maps,
    on_grid,
)

SIZE = (64, 64)


def test_a_gaussian_has_its_peak_shape_and_mass():
    (heat,) = joint_maps(torch.tensor([[32.0, 32.0, 1.0]]), SIZE)
    assert heat[32, 32] == heat.max() == 1.0
    assert heat[32, 35].item() == heat[29, 32].item() == pytest.approx(math.exp(-0.5), abs=1e-6)
    assert heat.sum().item() == pytest.approx(2 * math.pi * 9, rel=1e-3)


def test_a_blurred_cell_is_the_gaussian_but_for_the_border():
    cells = torch.tensor([[32.0, 30.0, 1.0], [0.0, 0.0, 1.0]])
    analytic, blurred = (joint_maps(cells, SIZE, method=name) for name in ('analytic', 'filter'))
    assert (analytic[0] - blurred[0]).abs().max() < 1e-4
    assert 0.05 < (analytic[1] - blurred[1]).abs().max() < 0.13  # mass is mirrored in the corner
    assert blurred.amax((1, 2)).tolist() == [1.0, 1.0]


@pytest.mark.parametrize('method', ['analytic', 'filter'])
def test_an_absent_joint_has_an_empty_channel(method):
    joints = torch.tensor([[5.0, 5.0, 0.0], [float('nan'), 3.0, 1.0], [70.0, 3.0, 1.0]])
    maps = joint_maps(on_grid(joints, SIZE), SIZE, method=method)
    assert maps.shape == (3, *SIZE)
    assert (maps == 0).all()


def test_the_crop_of_a_person_goes_to_its_cells():
    # a picture of 200 x 200, centre (100, 100), half a side of 50
    joints = torch.tensor(
        [[100.0, 100.0, 1.0], [50.0, 50.0, 1.0], [150.0, 150.0, 1.0], [40.0, 100.0, 1.0]]
    )
    placed = in_square(joints, (100.0, 100.0, 50.0), 64)
    assert placed[:3, :2].tolist() == [[32, 32], [0, 0], [64, 64]]
    kept = [[32, 32, 1], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert on_grid(placed, SIZE).tolist() == kept
    clamped = [[32, 32, 1], [0, 0, 1], [63, 63, 1], [0, 32, 1]]
    assert on_grid(placed, SIZE, clamp_outside=True).tolist() == clamped


def test_the_box_of_a_person_is_around_the_visible_joints():
    joints = torch.tensor([[10.0, 20.0, 1.0], [30.0, 60.0, 1.0], [500.0, 500.0, 0.0]])
    assert box_of(joints) == (20.0, 40.0, 30.0)
    with pytest.raises(ValueError, match='no joint is visible'):
        box_of(torch.zeros(3, 3))


def test_poses_are_decoded_from_their_maps():
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        joints = torch.rand(14, 3, generator=generator) * torch.tensor([63.0, 63.0, 1.0])
        joints[:, 2] = (joints[:, 2] > 0.2).float()
        cells = on_grid(joints, SIZE)
        expected = torch.where(joints[:, 2:] > 0, joints, torch.zeros(())).round()
        assert torch.equal(decode_joints(joint_maps(cells, SIZE)), expected)


def test_decoding_goes_a_quarter_towards_the_larger_neighbour():
    maps = torch.zeros(1, 1, 5, 5)
    maps[0, 0, 2, 2], maps[0, 0, 2, 3], maps[0, 0, 1, 2] = 1.0, 0.5, 0.5
    assert decode_joints(maps, refine=True).flatten().tolist() == [2.25, 1.75, 1.0]
    maps = torch.zeros(1, 1, 5, 5)
    maps[0, 0, 0, 4] = 1.0  # a corner has no neighbours beyond it
    assert decode_joints(maps, refine=True).flatten().tolist() == [3.75, 0.25, 1.0]


def test_limbs_are_lines_between_two_joints_that_are_there():
    cells = torch.tensor([[10.0, 32.0, 1.0], [50.0, 32.0, 1.0], [0.0, 0.0, 0.0]])
    line, none = limb_maps(cells, [(0, 1), (1, 2)], SIZE)
    assert line.max() == 1.0
    assert (line[32, 16:45] > 0.99).all()  # away from its ends
    assert (line[32, 4:57] > line[35, 4:57]).all()
    assert (none == 0).all()


def drawn(pose, picture=(40, 20), **options) -> torch.Tensor:
    return JointMaps(**options).draw(torch.as_tensor(pose, dtype=torch.float32), picture)


def test_channels_are_the_joints_asked_for_and_limbs_follow_their_first():
    maps = JointMaps('mpii16', limbs=True)
    assert maps.channels == 29
    assert maps.shown[:4] == [{0}, {0, 1}, {1}, {1, 2}]
    assert JointMaps('lsp14', limbs=True).channels == 25
    assert JointMaps('lsp14', joints=[2, 1], limbs=True).shown == [{2}, {1}, {1, 2}]
    joints = [[0.0, 0.0, 0.0]] * 14
    joints[2] = [19.0, 39.0, 1.0]  # the last pixel of the picture; 61.9 and 62.7 on the grid
    found = decode_joints(drawn(joints, layout='lsp14', joints=[0, 2]))
    assert found.tolist() == [[0, 0, 0], [62, 63, 1]]


def test_the_picture_is_stretched_to_the_grid():
    joints = torch.zeros(14, 3)
    joints[0] = torch.tensor([9.5, 19.5, 1.0])  # the middle of 20 x 40
    cell = decode_joints(drawn(joints, layout='lsp14', joints=[0]))[0]
    assert cell.tolist() == [32.0, 32.0, 1.0]  # 31.5 rounded to even


def test_a_mirrored_map_has_left_for_right():
    maps = JointMaps('lsp14', limbs=True, size=(8, 8), sigma=1.0)
    joints = torch.cat([torch.rand(14, 2) * 7, torch.ones(14, 1)], 1)
    one = maps.draw(joints.round(), (8, 8))
    flipped = maps.flip(one)
    assert torch.equal(flipped[maps.shown.index({5})], one[maps.shown.index({0})].flip(-1))
    assert torch.equal(flipped[maps.shown.index({5, 4})], one[maps.shown.index({0, 1})].flip(-1))
    assert torch.equal(maps.flip(flipped), one)
    with pytest.raises(ValueError, match=r'joints is \[0, 1, 2\].*name both of each'):
        JointMaps('lsp14', joints=[0, 1, 2]).flip(one[:3])


@pytest.fixture
def folder(tmp_path, draw_image):
    """Two pictures of 20 x 40 with the joints of COCO beside them."""
    told = {}
    for number in range(2):
        draw_image(tmp_path / f'crops/{number}.png', (40, 20))
        told[f'{number}.png'] = [[10 * number, 20, 1]] + [[0, 0, 0]] * 16
    (tmp_path / 'train.json').write_text(json.dumps(told))
    return tmp_path


def test_maps_of_a_json_file_are_the_images_of_a_set(folder):
    pose_map = dict(type='JointMaps', layout='coco17', root=str(folder), size=(32, 16), sigma=1.5)
    dataset = FolderReID(
        str(folder / 'crops'),
        pattern=None,
        labelled=False,
        pose_map=pose_map,
        transforms=[dict(type='MapAsImage')],
    )
    img = dataset[1].img
    assert (img.shape, img.dtype) == ((17, 32, 16), torch.uint8)
    assert img.amax((1, 2)).tolist() == [255] + [0] * 16
    assert type(dataset[1]).__name__ == 'ImageBatch'
    assert torch.equal(dataset.plain(maps=True)[1].img, img)


def test_what_does_not_fit_is_named(folder):
    for options, message in (
        (dict(layout='lsp'), r"layout is 'lsp'.*choose one of lsp14, mpii16, coco17, openpose18"),
        (dict(layout='lsp14', joints=[0, 14]), r'joints is \[0, 14\]; name different .* 0 to 13'),
        (dict(layout='lsp14', joints=[1, 1]), r'joints is \[1, 1\]'),
        (
            dict(layout='lsp14', box='person', size=(64, 32)),
            r"size is \(64, 32\), but box='person'",
        ),
        (dict(layout='lsp14', method='blur'), r"method is 'blur'; choose one of analytic, filter"),
    ):
        with pytest.raises(ValueError, match=message):
            JointMaps(**options)
    with pytest.raises(TypeError, match=r'ShapesReID has none; set pose_map\.root'):
        ShapesReID(pose_map=dict(type='JointMaps', layout='lsp14'))
    plain = FolderReID(
        str(folder / 'crops'), pattern=None, labelled=False, transforms=[dict(type='MapAsImage')]
    )
    with pytest.raises(ValueError, match='MapAsImage needs maps; give the data set a pose_map'):
        plain[0]
