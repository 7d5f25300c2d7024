from pathlib import Path

import pytest

from reidgen.datasets import FolderReID

MOT17 = Path(__file__).resolve().parents[2] / '../shared/data/real_reid/mot17_04'


@pytest.mark.skipif(not MOT17.is_dir(), reason=f'no {MOT17}')
def test_small_photographs_are_read_in_market_layout():
    train = FolderReID(['data/nowhere', str(MOT17)], layout='market')
    assert (len(train), train.num_identities, len(train.camids.unique())) == (54, 9, 2)
    test = FolderReID(str(MOT17), 'query+gallery', layout='market')
    assert (len(test), test.metainfo['num_query']) == (54, 18)
    assert test[0].img.shape == (3, 128, 64)


def test_a_flat_folder_is_any_split_and_looks_into_sub_folders(tmp_path, draw_image):
    for name in ('b/0002_c1_x.jpg', 'a/0009_c13_x.png', '-1_c1_x.jpg', '0000_c1_x.jpg'):
        draw_image(tmp_path / name)
    train = FolderReID(str(tmp_path))
    assert [(record.pid, record.camid) for record in train.records] == [(9, 12), (2, 0)]
    gallery = FolderReID(str(tmp_path), 'gallery')
    assert gallery.pids.tolist() == [0, 9, 2]
    kept = FolderReID(str(tmp_path), distractor_pid=None)
    assert [record.pid for record in kept.records] == [0, 9, 2]


def test_without_a_pattern_there_are_no_identities(tmp_path, draw_image):
    draw_image(tmp_path / 'holiday.jpg')
    data = FolderReID(str(tmp_path), pattern=None, labelled=False)
    assert (data.pids.tolist(), data.camids.tolist()) == ([-1], [0])
    assert data.num_identities == 0
    with pytest.raises(ValueError, match=r'1 training images have no identity, .*holiday\.jpg'):
        FolderReID(str(tmp_path), pattern=None)


def test_a_folder_name_can_be_the_identity(tmp_path, draw_image):
    draw_image(tmp_path / '12' / 'x.jpg')
    draw_image(tmp_path / '3' / 'y.jpg')
    data = FolderReID(str(tmp_path), pattern=r'^(?P<pid>\d+)/')
    assert [record.pid for record in data.records] == [12, 3]
    assert data.pids.tolist() == [1, 0]


def test_a_name_that_does_not_fit_and_a_pattern_without_groups_are_refused(tmp_path, draw_image):
    draw_image(tmp_path / 'holiday.jpg')
    with pytest.raises(ValueError, match=r'holiday\.jpg does not fit the pattern'):
        FolderReID(str(tmp_path))
    with pytest.raises(ValueError, match='with whole numbers'):
        FolderReID(str(tmp_path), pattern=r'^(?P<pid>\w+)')
    with pytest.raises(ValueError, match='must have a named group pid or camid'):
        FolderReID(str(tmp_path), pattern=r'(\d+)')
    with pytest.raises(ValueError, match=r"pattern '\(foo' is no regular expression: .*; give one"):
        FolderReID(str(tmp_path), pattern='(foo')


def test_a_csv_list_tells_paths_identities_cameras_and_splits(tmp_path, draw_image):
    for name in 'abc':
        draw_image(tmp_path / 'crops' / f'{name}.jpg')
    (tmp_path / 'list.csv').write_text(
        'path,pid,camid,split\ncrops/b.jpg,5,2,query\ncrops/a.jpg,4,1,train\ncrops/c.jpg,5,1,gallery\n'
    )
    train = FolderReID(str(tmp_path), csv_file='list.csv')
    assert [(Path(r.path).name, r.pid, r.camid) for r in train.records] == [('a.jpg', 4, 0)]
    test = FolderReID(str(tmp_path), 'query+gallery', csv_file='list.csv')
    assert (test.pids.tolist(), test.camids.tolist()) == ([5, 5], [1, 0])


def test_a_csv_list_of_paths_alone_is_enough(tmp_path, draw_image):
    draw_image(tmp_path / 'a.jpg')
    (tmp_path / 'list.csv').write_text('path\na.jpg\n')
    data = FolderReID(str(tmp_path), 'gallery', csv_file='list.csv')
    assert data.pids.tolist() == [-1]


def test_a_csv_list_of_excel_with_spaces_around_names_and_cells_is_read(tmp_path, draw_image):
    draw_image(tmp_path / 'crops/Zoë, left.jpg')
    draw_image(tmp_path / 'b.jpg')
    (tmp_path / 'list.csv').write_bytes(
        b'\xef\xbb\xbf path , pid,camid ,split\r\n'
        + '"crops/Zoë, left.jpg" , 7,2 , gallery\r\nb.jpg, "8" ,1,gallery \r\n'.encode()
    )
    data = FolderReID(str(tmp_path), 'gallery', csv_file='list.csv')
    read = [(Path(record.path).name, record.pid, record.camid) for record in data.records]
    assert read == [('b.jpg', 8, 0), ('Zoë, left.jpg', 7, 1)]


@pytest.mark.parametrize(
    'text, error',
    [
        ('path,pid\na.jpg,1\na.jpg,one\n', r"list\.csv, line 3: path 'a\.jpg', pid 'one'"),
        ('path,split\na.jpg,tests\n', r"list\.csv, line 2: split is 'tests'"),
        ('path,pids\na.jpg,1\n', r'list\.csv, line 1: columns are path, pids'),
        ('path,camid\na.jpg,0\n', r'camera outside 1\.\..*a\.jpg \(camera 0\)'),
    ],
)
def test_a_bad_csv_line_is_named(tmp_path, draw_image, text, error):
    draw_image(tmp_path / 'a.jpg')
    (tmp_path / 'list.csv').write_text(text)
    with pytest.raises(ValueError, match=error):
        FolderReID(str(tmp_path), csv_file='list.csv', labelled=False)


def test_cameras_from_zero_need_first_camera(tmp_path, draw_image):
    draw_image(tmp_path / 'a.jpg')
    (tmp_path / 'list.csv').write_text('path,camid\na.jpg,0\n')
    data = FolderReID(str(tmp_path), csv_file='list.csv', labelled=False, first_camera=0)
    assert data.camids.tolist() == [0]
