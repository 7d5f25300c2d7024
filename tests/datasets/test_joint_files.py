"""Key points from the files of other programs."""

import json

import pytest
import torch

from reidgen.datasets.joint_files import PersonJoints, best_person, read_joint_files

ROWS = [[float(row), 2.0 * row, 1.0] for row in range(17)]
FLAT = [number for row in ROWS for number in row]
LISTED = [{'id': 7, 'file_name': 'train/a.jpg'}]


def read(tmp_path, name: str, content, **options):
    (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return read_joint_files([tmp_path / name], **options)


@pytest.mark.parametrize(
    'content, layout',
    [
        ({'images': LISTED, 'annotations': [{'image_id': 7, 'keypoints': FLAT}]}, 'coco17'),
        ([{'image_id': 'a.jpg', 'keypoints': FLAT, 'score': 0.9}], 'coco17'),
        ({'train/a.jpg': ROWS}, 'coco17'),
        (
            [{'image': 'a.jpg', 'joints': [row[:2] for row in ROWS[:16]], 'joints_vis': [1] * 16}],
            'mpii16',
        ),
    ],
    ids=['annotations', 'results', 'reidgen', 'mpii'],
)
def test_every_form_gives_the_joints_of_a_picture(tmp_path, content, layout):
    (person,) = read(tmp_path, 'x.json', content).of('a.jpg')
    assert person.layout == layout
    assert person.joints.tolist() == ROWS[: len(person.joints)]


@pytest.mark.parametrize('count', [18, 25])
def test_openpose_has_a_file_a_picture_without_its_suffix(tmp_path, count):
    flat = [number for row in range(count) for number in (row, 5, 0.5)]
    people = {'people': [{'pose_keypoints_2d': flat}, {'pose_keypoints_2d': flat}]}
    (tmp_path / 'a_keypoints.json').write_text(json.dumps(people))
    (tmp_path / 'b_keypoints.json').write_text('{"people": []}')
    files = read_joint_files([tmp_path])
    assert [person.layout for person in files.of('a.jpg')] == [f'openpose{count}'] * 2
    assert files.of('a.jpg')[0].joints[3].tolist() == [3, 5, 0.5]
    assert files.of('b.png') == []
    assert files.of('c.png') is None
    assert files.unknown(['a.jpg', 'c.png']) == ['b']


def test_numbers_of_results_are_looked_up_in_a_list_of_images(tmp_path):
    results = [{'image_id': 7, 'keypoints': FLAT}]
    with pytest.raises(
        ValueError, match=r'picture 7, which no list of images explains.*image-list'
    ):
        read(tmp_path, 'results.json', results)
    (tmp_path / 'listed.json').write_text(json.dumps({'images': LISTED}))
    files = read(tmp_path, 'results.json', results, image_list=str(tmp_path / 'listed.json'))
    assert list(files.persons) == ['a.jpg']
    with pytest.raises(ValueError, match='has no list "images"'):
        read(tmp_path, 'results.json', results, image_list=str(tmp_path / 'results.json'))


def test_a_listed_picture_without_annotation_has_nobody_in_it(tmp_path):
    assert read(tmp_path, 'x.json', {'images': LISTED, 'annotations': []}).of('a.jpg') == []


def test_visibility_two_of_coco_and_confidence_above_one_count_as_one(tmp_path):
    files = read(tmp_path, 'x.json', {'a.jpg': [[1, 1, 2]] * 17})
    assert files.of('a.jpg')[0].joints[:, 2].tolist() == [1] * 17


def test_the_best_person_has_the_surest_joints_and_of_equals_is_the_tallest():
    joints = torch.tensor(ROWS)
    small = joints * torch.tensor([0.5, 0.5, 1])
    unsure = joints * torch.tensor([2, 2, 0.9])
    people = [PersonJoints('coco17', each) for each in (small, unsure, joints)]
    assert best_person(people) is people[2]


def with_row(row: int, value: str) -> str:
    """A file whose joint `row` is written as `value`."""
    rows = [json.dumps(each) for each in ROWS]
    rows[row] = value
    return f'{{"a.jpg": [{", ".join(rows)}]}}'


@pytest.mark.parametrize(
    'content, told',
    [
        ('{"a.jpg": [', r'x\.json is no JSON: '),
        ('[]', r'x\.json holds no key points in a form that is known; give COCO'),
        ('{"a": {"b": 1}}', r'x\.json holds no key points in a form that is known'),
        ('[1, 2]', r'x\.json holds no key points in a form that is known'),
        ('[{"image_id": "a.jpg"}]', r'x\.json: entry 0 has no "keypoints"'),
        ('[{"image_id": [7], "keypoints": []}]', r'entry 0 is of the picture \[7\], which no list'),
        ('{"people": [{}]}', r'x\.json: a person has no "pose_keypoints_2d"'),
        ('{"images": [{"id": 1}], "annotations": []}', r'an image of its list has no id and file'),
        ('{"a.jpg": [[1, 2, 1], [1, 2, 1]]}', r'x\.json: a\.jpg has joints of shape \(2, 3\).*17'),
        ('{"a.jpg": [1, 2]}', r'a\.jpg has joints that are no numbers x, y, weight, \[1, 2\]'),
        ('{"a.jpg": [["a", 2, 1]]}', r'a\.jpg has joints that are no numbers'),
        (with_row(3, '[NaN, 1, 1]'), r'a\.jpg, joint 3 \(l_ear\) is \[nan, 1, 1\]; write finite'),
        (with_row(0, '[1, -100000, 1]'), r'joint 0 \(nose\) is \[1, -100000, 1\]; .*below 100,000'),
        (with_row(9, '[1, 1, -0.5]'), r'joint 9 \(l_wrist\) has the weight -0\.5; write 0'),
    ],
)
def test_a_damaged_file_is_named_with_the_picture_and_the_joint(tmp_path, content, told):
    with pytest.raises(ValueError, match=told) as error:
        read(tmp_path, 'x.json', content)
    assert '\n' not in str(error.value)


def test_missing_files_and_folders_without_any_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no file or folder .*/none\.json with key points'):
        read_joint_files([tmp_path / 'none.json'])
    with pytest.raises(FileNotFoundError, match=r'has no \.json file'):
        read_joint_files([tmp_path])
