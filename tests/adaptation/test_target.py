import pytest

from reidgen.adaptation.target import list_target, write_target
from reidgen.datasets import FolderReID

BY_NAME = r'_c(?P<camid>\w+?)_'


def test_a_sub_folder_is_a_camera_numbered_by_its_sorted_name(draw):
    root = draw('crops', ['yard/1.png', 'door/b/2.png', 'door/a.png'])
    found = list_target(root)
    assert found.paths == ['door/a.png', 'door/b/2.png', 'yard/1.png']
    assert (found.names, found.cameras) == (['door', 'yard'], [1, 1, 2])
    assert found.images_of == [2, 1]


def test_numbers_as_names_are_sorted_as_numbers(draw):
    root = draw('crops', ['x_c10_1.png', 'x_c9_1.png'])
    assert list_target(root, BY_NAME).names == ['9', '10']
    draw('crops', ['x_cdoor_1.png'])
    assert list_target(root, BY_NAME).names == ['10', '9', 'door']


def test_without_sub_folders_all_are_of_one_camera(draw):
    found = list_target(draw('crops', ['b.png', 'a.png']))
    assert (len(found.names), found.cameras) == (1, [1, 1])


def test_the_list_gives_the_data_set_the_cameras_and_no_identity(draw, tmp_path):
    root = draw('crops', ['door/with, comma.png', 'door/"a".png', 'yard/1.png'])
    found = list_target(root)
    write_target(found, tmp_path / 'target.csv')
    dataset = FolderReID(str(root), csv_file=str(tmp_path / 'target.csv'), labelled=False)
    assert [record.path for record in dataset.records] == [str(root / path) for path in found.paths]
    assert dataset.camids.tolist() == [0, 0, 1]
    assert set(dataset.pids.tolist()) == {-1}


def test_a_list_is_replaced_until_a_config_is_made_for_it(draw, tmp_path):
    path = tmp_path / 'target.csv'
    write_target(list_target(draw('crops', ['a.png'])), path)
    more = list_target(draw('crops', ['b.png']))
    with pytest.raises(ValueError, match=r'other images or cameras .* another --out'):
        write_target(more, path, begun=True)
    write_target(more, path)
    assert path.read_text().splitlines()[1:] == ['a.png,-1,1', 'b.png,-1,1']
    write_target(more, path, begun=True)


@pytest.mark.parametrize(
    'names,pattern,message',
    [
        (['a.png', 'door/b.png'], None, r'1 images lie beside the sub-folders, the first a\.png'),
        (['bounding_box_train/1_c1_1.png'], None, 'is a data set in the layout of Market-1501'),
        (['a.png'], '(', 'is no regular expression'),
        (['a.png'], 'c(?P<cam>.)', 'has no group camid'),
        (['x_c1_1.png', 'x_2.png'], BY_NAME, r'does not fit 1 of 2 images of .*, the first x_2'),
        (['a.txt.png'], '(?P<camid>z?)', 'does not fit 1 of 1'),
    ],
)
def test_an_unclear_camera_is_refused_by_name(names, pattern, message, draw):
    with pytest.raises(ValueError, match=message):
        list_target(draw('crops', names), pattern)


def test_an_empty_folder_and_none_are_told_apart(tmp_path):
    (tmp_path / 'crops').mkdir()
    (tmp_path / 'crops/notes.txt').write_text('no picture')
    with pytest.raises(FileNotFoundError, match=r'--target: .*holds no image .*txt files: 1'):
        list_target(tmp_path / 'crops')
    with pytest.raises(FileNotFoundError, match=r'--target: no folder .*nowhere; give the folder'):
        list_target(tmp_path / 'nowhere')
