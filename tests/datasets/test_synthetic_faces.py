from pathlib import Path

import pytest
import torch

from reidgen.cli import parse, render
from reidgen.datasets import SyntheticFaces
from reidgen.datasets.image_files import read_rgb
from reidgen.registry import DATASETS
from reidgen.synthetic.faces import FACE_SIZES, YAWS_DEG, FaceSize

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Holds 'tiny' of the faces, which is of two persons here, as the command renders it."""
    whole, FACE_SIZES['tiny'] = FACE_SIZES['tiny'], FaceSize(1, 1, 1)
    place = tmp_path_factory.mktemp('synthetic')
    arguments = ['--size', 'tiny', '--domains', 'faces', '--out', str(place)]
    assert render.render(parse('render', arguments)).startswith('28 images, ')
    yield place
    FACE_SIZES['tiny'] = whole


def test_items_of_a_training_split_come_with_yaw_light_and_the_truth(root):
    dataset = DATASETS.build(dict(type='SyntheticFaces', size='tiny', root=root))
    assert isinstance(dataset, SyntheticFaces)
    faces = dataset.faces()
    assert [face.yaw_deg for face in faces] == list(YAWS_DEG)
    assert [face.record for face in faces] == dataset.records
    assert dataset.camids.tolist() == list(range(13))
    assert dataset[0].img.shape == (3, 112, 112)
    assert {face.truth for face in faces} == {str(dataset.root / 'truth/0001_c14_l00_e0.jpg')}
    for face in faces:
        name = Path(face.record.path).stem
        assert name == f'0001_c{face.record.camid + 1:02d}_l{face.light:02d}_e{+face.expressive}'


def test_the_gallery_has_the_true_faces_of_the_queries(root):
    dataset = SyntheticFaces('tiny', root, 'query+gallery')
    assert dataset.metainfo['num_query'] == 13
    assert dataset.pids.tolist() == [5001] * 14
    truth = dataset.read_truth(dataset.records[0])
    assert torch.equal(truth, read_rgb(dataset.records[-1].path))
    assert dataset.faces()[-1].yaw_deg == 0


def test_yaws_keep_training_pictures_and_queries_but_the_whole_gallery(root):
    frontal = SyntheticFaces('tiny', root, yaws_deg=[0])
    assert [face.yaw_deg for face in frontal.faces()] == [0]
    assert frontal.left_out == {'faces at other yaws': 12}
    profiles = SyntheticFaces('tiny', root, 'query+gallery', yaws_deg=[-90, 90])
    assert [face.yaw_deg for face in profiles.faces()] == [-90, 90, 0]


@pytest.mark.parametrize(
    ('changes', 'told'),
    [
        (dict(yaws_deg=[10]), r'yaws_deg is \[10\]; yaws are out of \[-90, -75'),
        (dict(yaws_deg=[]), r'yaws_deg is \[\]'),
        (dict(split='multi_query'), 'it has train, query and gallery'),
        (dict(size='small'), "size is 'small'; it must be one of tiny, base, large"),
    ],
)
def test_what_it_does_not_have_is_refused(tmp_path, changes, told):
    with pytest.raises(ValueError, match=told):
        SyntheticFaces(**{'size': 'tiny', 'root': tmp_path, **changes})
    assert not list(tmp_path.iterdir())


def test_a_missing_picture_is_told(root):
    dataset = SyntheticFaces('tiny', root)
    path = Path(dataset.records[0].path)
    data = path.read_bytes()
    path.unlink()
    try:
        with pytest.raises(ValueError, match=r'c01_l.* is missing'):
            SyntheticFaces('tiny', root)
    finally:
        path.write_bytes(data)


def test_faces_have_no_validation_persons(tmp_path):
    arguments = ['--domains', 'faces', '--validation', '--out', str(tmp_path)]
    with pytest.raises(ValueError, match='leave out --validation'):
        render.render(parse('render', arguments))
