import json

import pytest
import torch

from reidgen.datasets.image_files import read_grey
from reidgen.datasets.image_maps import Colour, Grayscale
from reidgen.datasets.joint_heatmap import JointHeatmap
from reidgen.datasets.pose_maps import RenderedMesh, build_pose_map
from reidgen.datasets.records import Record

IMAGE = torch.zeros(3, 12, 8, dtype=torch.uint8)


def test_luma_is_that_of_itu_r_601():
    colours = torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [10, 20, 30]])
    image = colours.t().reshape(3, 1, 5).to(torch.uint8)
    grey = Grayscale().load(Record('x', 1, 0), 'train', None, image)
    #  0.299 R + 0.587 G + 0.114 B: 76.2, 149.7, 29.1, 255, 2.99 + 11.74 + 3.42 = 18.15
    assert grey.tolist() == [[[76, 150, 29, 255, 18]]]
    assert Grayscale().num_views == 1


@pytest.fixture
def meshes(tmp_path, draw_image):
    for split in ('train', 'test'):
        for folder in ('render', 'render_90', 'render_180'):
            draw_image(tmp_path / split / folder / '0002_c1.jpg', seed=len(split + folder))
    return tmp_path


def test_rendered_meshes_are_found_by_split_view_and_name(meshes):
    mesh = RenderedMesh(str(meshes), views=(0, 90, 180))
    assert mesh.novel_views == (90, 180)
    assert mesh.num_views == 3
    record = Record('data/market/query/0002_c1.jpg', 2, 0)
    for split, view, path in (('query', 90, 'test/render_90'), ('train', None, 'train/render')):
        expected = read_grey(meshes / path / '0002_c1.jpg')
        assert torch.equal(mesh.load(record, split, view, IMAGE), expected)
    assert mesh.missing(record, 'gallery') == []


def test_missing_meshes_are_named_and_a_png_of_the_same_name_will_do(meshes, draw_image):
    (meshes / 'train/render_90/0002_c1.jpg').unlink()
    record = Record('0002_c1.jpg', 2, 0)
    mesh = RenderedMesh(str(meshes), views=(90, 180))
    assert mesh.missing(record, 'train') == [str(meshes / 'train/render_90/0002_c1.jpg')]
    png = draw_image(meshes / 'train/render_90/0002_c1.png')
    mesh = RenderedMesh(str(meshes), views=(90, 180))
    assert mesh.missing(record, 'train') == []
    assert torch.equal(mesh.load(record, 'train', 90, IMAGE), read_grey(png))


def test_meshes_of_msmt17_keep_the_folder_of_the_identity(tmp_path, draw_image):
    path = draw_image(tmp_path / 'train/render/0007/x.jpg')
    mesh = RenderedMesh(str(tmp_path), views=(), subfolders=1)
    record = Record('data/MSMT17_V1/train/0007/x.jpg', 7, 0)
    assert mesh.missing(record, 'train') == []
    assert torch.equal(mesh.load(record, 'train', None, IMAGE), read_grey(path))


def test_views_are_different_degrees_below_a_full_turn():
    with pytest.raises(ValueError, match=r'views=\[45, 45\]'):
        RenderedMesh('x', views=(45, 45))
    with pytest.raises(ValueError, match=r'views=\[360\]'):
        RenderedMesh('x', views=(360,))


@pytest.fixture
def joints(tmp_path):
    (tmp_path / 'train.json').write_text(
        json.dumps({'a.jpg': [[2, 3, 1], [5, 9, 1], [1, 1, 0]], 'b.jpg': [[0, 0, 1]]})
    )
    return JointHeatmap(str(tmp_path), num_joints=3, sigma=2.0, swap=[(0, 1)])


def test_sources_are_concatenated_at_the_largest_size_and_flip_each_its_own_way(meshes, joints):
    mesh = RenderedMesh(str(meshes), views=(90, 180))  # 16 x 8
    both = build_pose_map([{'type': 'Grayscale'}, mesh, joints])
    assert both.channels == 1 + 1 + 3
    assert both.views == (90, 180)
    record = Record('0002_c1.jpg', 2, 0)
    joints._joints['train'] = {'0002_c1.jpg': [[2, 3, 1], [5, 9, 1], [1, 1, 0]]}
    maps = both.load(record, 'train', 90, torch.full_like(IMAGE, 60))
    assert maps.shape == (5, 16, 8)
    assert torch.equal(maps[1:2], mesh.load(record, 'train', 90, IMAGE))
    assert set(maps[0].flatten().tolist()) == {60}
    flipped = both.flip(maps[None])[0]
    assert torch.equal(flipped[1], maps[1].flip(-1))
    assert torch.equal(flipped[2], maps[3].flip(-1))  # joints 0 and 1 swap


def test_a_source_of_one_view_keeps_it_beside_one_that_turns(meshes):
    still, turning = RenderedMesh(str(meshes), views=()), RenderedMesh(str(meshes), views=(90,))
    maps = build_pose_map([still, turning]).load(Record('0002_c1.jpg', 2, 0), 'train', 90, IMAGE)
    assert torch.equal(maps[0:1], read_grey(meshes / 'train/render/0002_c1.jpg'))
    assert torch.equal(maps[1:2], read_grey(meshes / 'train/render_90/0002_c1.jpg'))


def test_sources_turn_to_the_views_they_share():
    first, second = RenderedMesh('x', views=(45, 90, 180)), RenderedMesh('y', views=(180, 45))
    assert build_pose_map([first, second]).views == (45, 180)
    with pytest.raises(ValueError, match='share no view'):
        build_pose_map([first, RenderedMesh('y', views=(270,))])


def test_colour_is_the_image_itself():
    image = torch.randint(0, 256, (3, 4, 2), dtype=torch.uint8)
    assert torch.equal(Colour().load(Record('a.jpg', 1, 0), 'train', None, image), image)
    assert (Colour().channels, Colour().num_views) == (3, 1)
