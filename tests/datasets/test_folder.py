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
    for name in ('b/0002_c1_x.jpg', 'a/0009_c13_x.png', '2019_c3/0000_c1_x.jpg'):
        draw_image(tmp_path / name)
    train = FolderReID(str(tmp_path))
    assert [(record.pid, record.camid) for record in train.records] == [(0, 0), (9, 12), (2, 0)]
    assert train.pids.tolist() == [0, 2, 1]  # 0 is a person here
    assert FolderReID(str(tmp_path), 'gallery').pids.tolist() == [0, 9, 2]


def test_junk_of_market_is_left_out_in_its_layout_alone_or_on_demand(tmp_path, draw_tree, log):
    names = ['-1_c1_x.jpg', '0000_c1_x.jpg', '0002_c1_x.jpg']
    draw_tree(tmp_path, {'bounding_box_train': names})
    flat = tmp_path / 'bounding_box_train'
    with pytest.raises(ValueError, match=r'1 training images have no identity, .*junk_rule=True'):
        FolderReID(str(flat))
    assert FolderReID(str(flat), 'gallery').pids.tolist() == [-1, 0, 2]
    both = 'left out: distractors (pid 0): 1, junk (pid -1): 1'
    market = FolderReID(str(tmp_path), layout='market')
    assert [record.pid for record in market.records] == [2]
    assert f'from {tmp_path}; {both}' in log.text
    assert len(FolderReID(str(flat), junk_rule=True)) == 1
    assert f'from {flat}; {both}' in log.text
    kept = FolderReID(str(tmp_path), layout='market', junk_rule=False, labelled=False)
    assert [record.pid for record in kept.records] == [-1, 0, 2]


@pytest.mark.parametrize('name', ['img-1_c2.jpg', '0002_c1x.jpg', '0002_C12.jpg', '1_c.jpg'])
def test_a_name_that_only_looks_like_person_and_camera_is_refused(tmp_path, draw_image, name):
    draw_image(tmp_path / name)
    with pytest.raises(ValueError, match=rf'{name}: {name} does not fit the pattern'):
        FolderReID(str(tmp_path), 'gallery')


def test_what_a_flat_folder_leaves_out_is_counted_once_for_query_and_gallery(tmp_path, draw_image):
    for name in ('1_c1.jpg', '.thumbnails/1_c1.jpg'):
        draw_image(tmp_path / name)
    both = FolderReID(str(tmp_path), 'query+gallery')
    assert (len(both), both.left_out) == (2, {'hidden folders': 1})


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
        ('path,camid\na.jpg,0\n', r'camera outside 1\.\..*a\.jpg \(camera 0\)'),
    ],
)
def test_a_bad_csv_line_is_named(tmp_path, draw_image, text, error):
    draw_image(tmp_path / 'a.jpg')
    (tmp_path / 'list.csv').write_text(text)
    with pytest.raises(ValueError, match=error):
        FolderReID(str(tmp_path), csv_file='list.csv', labelled=False)


def test_rows_that_are_there_twice_are_read_once_and_two_persons_are_refused(tmp_path, draw_image):
    for name in 'ab':
        draw_image(tmp_path / f'crops/{name}.jpg')
    rows = ['path,pid', 'crops/a.jpg,1', './crops/a.jpg,1', f'{tmp_path}/crops/b.jpg,2']
    (tmp_path / 'list.csv').write_text('\n'.join(rows))
    data = FolderReID(str(tmp_path), csv_file='list.csv')
    assert [record.pid for record in data.records] == [1, 2]
    assert data.left_out == {'rows that are there twice': 1}
    (tmp_path / 'list.csv').write_text('\n'.join([*rows, r'crops\a.jpg,3']))
    with pytest.raises(ValueError, match=r'line 5: .*a\.jpg is of two identities: .*line 2'):
        FolderReID(str(tmp_path), csv_file='list.csv')


def test_a_list_may_not_lead_out_of_root_unasked(tmp_path, draw_image):
    outside, root = draw_image(tmp_path / 'away/a.jpg'), tmp_path / 'root'
    root.mkdir()
    for path in ('../away/a.jpg', str(outside)):
        (root / 'list.csv').write_text(f'path,pid\n{path},1\n')
        with pytest.raises(ValueError, match=r'line 2: .*a\.jpg is outside root, .*allow_outside'):
            FolderReID(str(root), csv_file='list.csv')
        asked = FolderReID(str(root), csv_file='list.csv', allow_outside=True)
        assert asked.records[0].path == str(outside)
    (tmp_path / 'link').symlink_to(tmp_path / 'away')
    (tmp_path / 'away/list.csv').write_text(f'path\n{outside}\n')
    assert len(FolderReID(str(tmp_path / 'link'), 'gallery', csv_file='list.csv')) == 1


def test_a_list_without_rows_of_the_split_names_those_it_has(tmp_path, draw_image):
    draw_image(tmp_path / 'a.jpg')
    (tmp_path / 'list.csv').write_text('path,split\na.jpg,query\n')
    with pytest.raises(ValueError, match="no row of split 'gallery'; it has rows of query"):
        FolderReID(str(tmp_path), 'query+gallery', csv_file='list.csv')


@pytest.mark.parametrize(
    'arguments, error',
    [
        (dict(root=5), 'root is 5; it must be a path'),
        (dict(root=['x', 5]), r'root\[1\] is 5; it must be a path'),
        (dict(csv_file=5), 'csv_file is 5; it must be a path'),
        (dict(pattern=5), 'pattern is 5; it must be a text'),
        (dict(first_camera='0'), "first_camera is '0'; it must be a whole number"),
    ],
)
def test_arguments_of_another_type_are_named(tmp_path, arguments, error):
    with pytest.raises(TypeError, match=error):
        FolderReID(**{'root': str(tmp_path), **arguments})


def test_cameras_from_zero_need_first_camera(tmp_path, draw_image):
    draw_image(tmp_path / 'a.jpg')
    (tmp_path / 'list.csv').write_text('path,camid\na.jpg,0\n')
    data = FolderReID(str(tmp_path), csv_file='list.csv', labelled=False, first_camera=0)
    assert data.camids.tolist() == [0]
