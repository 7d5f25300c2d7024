"""Multi-PIE's protocols, lists and folders of faces, pairs and crops."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from face_pictures import write
from PIL import Image

from projects.face_frontalization.face_frontalization import (
    CentreCrop,
    FaceFolders,
    FaceList,
    FrontalPairs,
    MultiPIE,
    RandomCrop,
)
from projects.face_frontalization.face_frontalization.multi_pie import YAW, Shot, select, shot_of
from reidgen.datasets import ShapesReID
from reidgen.datasets.transforms import Sample, transformed
from reidgen.structures import SeededIndex

ORL = Path(__file__).parents[4] / 'shared/data/faces/orl'
NEAR = (80, 130, 140, 51, 50, 41, 190)
CAMERAS = (*YAW, 81, 191)
SUBJECTS = [number for number in range(1, 251) if number != 213]  # 249


# ---- protocols ----


def test_setting_1_has_14000_faces_to_train_with_and_16986_to_test():
    shots = [Shot(s, 1, 1, c, i) for s, c, i in product(SUBJECTS, NEAR, range(20))]
    train, query, gallery = (
        select(shots, 'setting1', split) for split in ('train', 'query', 'gallery')
    )
    assert (len(train), len(query), len(gallery)) == (14_000, 16_986, 149)
    assert {s.subject for s in train}.isdisjoint(s.subject for s in query)
    assert {s.subject for s in query} == {s.subject for s in gallery}
    assert {(s.camera, s.light) for s in gallery} == {(51, 7)}
    # other sessions, expressions and cameras are of no split
    others = [
        Shot(1, 2, 1, 51, 7),
        Shot(1, 1, 2, 51, 7),
        Shot(1, 1, 1, 110, 7),
        Shot(200, 1, 1, 81, 0),
    ]
    assert not [
        s for split in ('train', 'query', 'gallery') for s in select(others, 'setting1', split)
    ]


def test_session_01_has_6000_faces_a_light_to_train_with_and_1470_to_test():
    lights = (6, 7)
    shots = [Shot(s, 1, e, c, i) for s, e, c, i in product(SUBJECTS, (1, 2), CAMERAS, lights)]
    train, query, gallery = (
        select(shots, 'session01', split) for split in ('train', 'query', 'gallery')
    )
    assert (len(train), len(query) + len(gallery), len(gallery)) == (2 * 6000, 2 * 1470, 49)
    assert max(s.subject for s in train) < min(s.subject for s in query)


def test_a_name_has_five_numbers():
    assert shot_of('001_01_02_051_07.png') == Shot(1, 1, 2, 51, 7)
    assert shot_of('crop-123_04_01_190_19_aligned.jpg') == Shot(123, 4, 1, 190, 19)
    assert shot_of('1_01_02_051_07.png') is shot_of('0001_01_02_051_07.png') is None


# ---- Multi-PIE on disk ----


@pytest.fixture
def pie(tmp_path):
    for subject, camera, light in product((1, 100, 101), (51, 80, 110), (7, 8)):
        value = 100 * (light == 7) + camera + subject // 100
        write(tmp_path / f'{subject:03d}/{subject:03d}_01_01_{camera:03d}_{light:02d}.png', value)
    return tmp_path


def test_multi_pie_reads_persons_and_cameras_of_a_split(pie):
    train = MultiPIE(str(pie))
    assert len(train) == 2 * 2 * 2  # subjects, cameras, lights; 110 is at 90 degrees
    assert (train.num_identities, sorted(set(train.camids.tolist()))) == (2, [51, 80])
    assert len(MultiPIE(str(pie), camera_ids=[51])) == 4
    query, gallery = (MultiPIE(str(pie), split=split) for split in ('query', 'gallery'))
    names = [[Path(r.path).stem for r in each.records] for each in (query, gallery)]
    assert names == [['101_01_01_080_08'], ['101_01_01_051_07']]


def test_the_truth_is_one_frontal_face_or_the_mean_of_all_lights(pie):
    dataset = dict(type='MultiPIE', root=str(pie))
    row = [Path(r.path).stem for r in MultiPIE(str(pie)).records].index('001_01_01_080_08')
    values = {
        mode: FrontalPairs(dataset, gt_mode=mode)[row].second.unique().tolist()
        for mode in ('fixed07', 'same_illumination', 'mean20')
    }
    assert values == dict(fixed07=[151], same_illumination=[51], mean20=[101])
    assert FrontalPairs(dataset)[row].img.unique().tolist() == [80]
    (pie / '100/100_01_01_051_08.png').unlink()
    with pytest.raises(
        ValueError, match=r'1 of 7 faces .* no frontal one .*same_ill[^:]*:\s+\S*080_08'
    ):
        FrontalPairs(dataset, gt_mode='same_illumination')


def test_files_that_are_absent_or_named_otherwise_are_told(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r'no MultiPIE at any of[\s\S]*001_01_01_051_07\.png'
    ):
        MultiPIE(str(tmp_path / 'none'))
    write(tmp_path / 'face.png')
    with pytest.raises(ValueError, match=r'none of its 1 images is named as .*SSS_ss_ee_ccc_ii'):
        MultiPIE(str(tmp_path))


# ---- lists and folders ----


def test_a_list_has_a_path_or_a_pair_a_line(tmp_path):
    for number in range(3):
        write(tmp_path / f'{number}.png', 10 * number)
    (tmp_path / 'pairs.txt').write_text('1.png,0.png\n\n2.png, 1.png\n')
    (tmp_path / 'faces.txt').write_text('0.png\n2.png\n')
    pairs = dict(type='FaceList', root=str(tmp_path), list_file='pairs.txt')
    item = FrontalPairs(pairs)[1]
    assert (item.img.unique().item(), item.second.unique().item(), item.pid) == (20, 10, -1)
    faces = FaceList(str(tmp_path), 'faces.txt')
    assert [Path(record.path).name for record in faces.records] == ['0.png', '2.png']
    with pytest.raises(ValueError, match='2 of 2 faces of face_list have no frontal one'):
        FrontalPairs(pairs | dict(list_file='faces.txt'))


@pytest.mark.parametrize(
    'text, told',
    [
        ('0.png\n0.png,0.png\n', r'line 2: 0\.png, 0\.png; write a path, or profile,gt'),
        ('0.png,\n', r'line 1: 0\.png, ; write'),
        ('0.png\nx.png\n', r'line 2: no file .*x\.png; correct the list, or root'),
        ('\n', r'is empty; write a path'),
    ],
)
def test_a_damaged_list_is_told(tmp_path, text, told):
    write(tmp_path / '0.png')
    (tmp_path / 'list.txt').write_text(text)
    with pytest.raises(ValueError, match=told):
        FaceList(str(tmp_path), 'list.txt')


def test_folders_have_one_frontal_picture_a_person(tmp_path):
    for person, number in product('abc', (1, 2, 3)):
        write(tmp_path / person / f'{number:02d}.png', 50 * 'abc'.index(person) + number)
    root = str(tmp_path)
    train = FaceFolders(root, num_train=2, part='others')
    assert (len(train), train.num_identities) == (4, 2)
    query, gallery = (FaceFolders(root, num_train=2, split=split) for split in ('query', 'gallery'))
    assert (len(query), len(gallery), query.pids.tolist()) == (2, 1, [2, 2])
    pairs = FrontalPairs(dict(type='FaceFolders', root=root, frontal='02', part='others'))
    assert [pairs[row].second.unique().item() - 2 for row in range(6)] == [0, 0, 50, 50, 100, 100]
    tested = dict(type='FaceFolders', root=root, num_train=2)
    assert FrontalPairs(tested, split='query')[0].second.unique().tolist() == [101]
    (tmp_path / 'b/02.png').unlink()
    with pytest.raises(ValueError, match=r"1 of 3 persons have no frontal picture '02' \(b\)"):
        FaceFolders(root, frontal='02')


@pytest.mark.skipif(not ORL.is_dir(), reason='no ORL faces beside the repository')
def test_orl_has_thirty_persons_of_ten_pictures():
    dataset = dict(type='FaceFolders', root=str(ORL), check_images=False)
    pairs = FrontalPairs(dataset | dict(transforms=[dict(type='Resize', size=(56, 56))]))
    assert (len(pairs), pairs.num_identities) == (300, 30)
    item = pairs[3]
    assert item.img.shape == item.second.shape == (3, 56, 56)
    assert torch.equal(pairs[4].second, item.second)


def test_data_without_frontal_faces_makes_no_pairs():
    with pytest.raises(TypeError, match='ShapesReID knows none; use MultiPIE'):
        FrontalPairs(dict(type=ShapesReID, num_identities=2))


# ---- transforms ----


def test_the_profile_is_mirrored_and_cropped_anywhere_and_its_truth_never(tmp_path):
    ramp = np.arange(64, dtype=np.uint8).reshape(8, 8)
    (tmp_path / 'a').mkdir()
    Image.fromarray(ramp).save(tmp_path / 'a/01.png')
    transforms = [dict(type='RandomFlip'), dict(type='RandomCrop', size=(4, 4))]
    pairs = FrontalPairs(dict(type='FaceFolders', root=str(tmp_path), transforms=transforms))
    items = [pairs[SeededIndex(0, seed)] for seed in range(20)]
    centre = torch.from_numpy(ramp[2:6, 2:6])
    assert all(torch.equal(item.second[0], centre) for item in items)
    corners = [item.img[0].long() for item in items]
    assert len({int(img[0, 0]) for img in corners}) > 5
    assert {int((img[0, 1] - img[0, 0]).sign()) for img in corners} == {-1, 1}
    plain = pairs.plain(maps=True)
    assert torch.equal(plain[0].img[0], centre)
    assert torch.equal(plain[0].second[0], centre)


def test_a_crop_takes_the_middle_and_refuses_smaller_images():
    img = torch.arange(250).repeat(3, 250, 1).to(torch.uint8)
    cut = CentreCrop((224, 224))(Sample(img)).img
    assert torch.equal(cut, img[:, 13:237, 13:237])
    seen = {
        int(transformed(lambda: Sample(img), [RandomCrop((224, 248))], seed).img[0, 0, 0])
        for seed in range(30)
    }
    assert seen == {0, 1, 2}
    with pytest.raises(ValueError, match='CentreCrop cuts 224 x 224 of an image of 200 x 250'):
        CentreCrop((224, 224))(Sample(img[:, :200]))
