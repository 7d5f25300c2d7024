import shutil

import numpy as np
import pytest
from PIL import Image

from reidgen.cli import parse, verify
from reidgen.datasets import FolderReID
from reidgen.datasets.survey import survey

TRAIN, QUERY, GALLERY = 'bounding_box_train', 'query', 'bounding_box_test'


def draw(folder, names, size=(32, 64)):
    """Pictures of noise; no two are alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        pixels = np.random.default_rng(list(name.encode())).integers(0, 255, (*size[::-1], 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)


def names(pids, cameras, num=2):
    return [f'{pid}_c{camera}_{n}.png' for pid in pids for camera in cameras for n in range(num)]


@pytest.fixture
def root(tmp_path):
    """A sound data set: persons 1 to 4 to train, 5 and 6 to test, two cameras."""
    draw(tmp_path / TRAIN, names(range(1, 5), (1, 2)))
    draw(tmp_path / QUERY, names((5, 6), (1,), 1))
    draw(tmp_path / GALLERY, names((5, 6), (2,)))
    return tmp_path


def build(root):
    parts = dict(train='train', test='query+gallery')
    return {
        name: FolderReID(str(root), split=split, layout='market') for name, split in parts.items()
    }


def texts(root):
    return [(each.wrong, each.text) for each in survey(build(root)).findings]


def test_a_sound_data_set_has_counts_and_no_finding(root):
    found = survey(build(root))
    assert found.findings == []
    assert found.counts == [
        'train: 16 images of 4 persons, 4 to 4 each (median 4), by 2 cameras (1, 2), '
        '32 x 64 pixels',
        'test: 6 images of 2 persons, 3 to 3 each (median 3), by 2 cameras (1, 2), 32 x 64 pixels',
    ]


def test_a_person_in_training_and_test_is_wrong(root):
    draw(root / GALLERY, ['3_c2_9.png'])
    assert texts(root) == [(True, '1 persons of train are in test, too: 3')]


def test_a_picture_under_two_identities_is_wrong_and_a_copy_is_a_remark(root):
    shutil.copy(root / TRAIN / '1_c1_0.png', root / TRAIN / '2_c1_7.png')
    shutil.copy(root / TRAIN / '3_c1_0.png', root / TRAIN / '3_c1_8.png')
    (wrong, first), (odd, second) = texts(root)
    assert wrong
    assert first.startswith('train: 1 pictures are there under two identities: ')
    assert '1_c1_0.png' in first
    assert '2_c1_7.png' in first
    assert not odd
    assert second.startswith('train: 1 files are copies of another: ')


def test_a_picture_of_two_sets_is_wrong(root):
    shutil.copy(root / TRAIN / '1_c1_0.png', root / GALLERY / '5_c2_8.png')
    assert texts(root)[0][1].startswith('1 pictures of train are in test, too: ')


def test_scenes_instead_of_crops_are_wrong(root):
    for path in (root / TRAIN).iterdir():
        draw(root / TRAIN, [path.name], size=(120, 60))
    ((wrong, text),) = texts(root)
    assert wrong
    assert text.startswith('train: 16 of 16 pictures are wider than high, 0 have a side of more')


def test_persons_of_one_camera_and_queries_without_a_match_are_told(root):
    draw(root / TRAIN, ['9_c1_0.png'])
    draw(root / QUERY, ['7_c1_0.png'])
    found = texts(root)
    assert (False, 'train: 1 of 5 persons are seen by one camera only') in found
    assert (False, 'train: 1 persons have a single image') in found
    assert any(
        not wrong and text.startswith('test: 1 of 3 queries have no image of their person')
        for wrong, text in found
    )


def test_one_camera_is_counted_in_the_singular(tmp_path):
    draw(tmp_path, ['a.png', 'b.png'])
    dataset = FolderReID(root=tmp_path, pattern=None, labelled=False, split='train')
    assert survey({'train': dataset}).counts == ['train: 2 images, by 1 camera (1), 32 x 64 pixels']


def test_cameras_read_from_the_wrong_place_are_wrong(tmp_path):
    draw(tmp_path / TRAIN, [f'{pid}_c{pid % 2 + 1}_{n}.png' for pid in range(1, 5) for n in (0, 1)])
    draw(tmp_path / QUERY, ['5_c1_0.png'])
    draw(tmp_path / GALLERY, ['5_c2_0.png'])
    assert texts(tmp_path) == [(True, 'train: every person is seen by one camera only')]


def test_the_command_ends_with_status_1_where_a_file_is_damaged(root, capsys):
    args = parse('verify', ['FolderReID', f'root={root}', 'layout=market', '--split', 'train'])
    verify.run(args)
    assert '0 things are wrong' in capsys.readouterr().out
    (root / TRAIN / '1_c1_0.png').write_text('no picture')
    with pytest.raises(SystemExit) as ended:
        verify.run(args)
    assert ended.value.code == 1
    assert 'WRONG: FolderReID train: 1 left out: images that cannot be decoded' in (
        capsys.readouterr().out
    )
