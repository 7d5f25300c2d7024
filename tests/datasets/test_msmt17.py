import pytest

from reidgen.datasets import MSMT17
from reidgen.datasets.survey import survey

LISTS = {
    'train': [
        '0000/0000_000_01_0303morning_0008_0.jpg 0',
        '0001/0001_007_15_0303noon_0008_2.jpg 1',
    ],
    'val': ['0000/0000_002_03_0303afternoon_0010_0.jpg 0'],
    'query': ['0000/0000_000_05_0302morning_0019_1.jpg 0'],
    'gallery': ['0000/0000_001_14_0302noon_0019_1.jpg 0'],
}


@pytest.fixture(params=[('train', 'test'), ('mask_train_v2', 'mask_test_v2')], ids=['V1', 'V2'])
def msmt_root(request, tmp_path, draw_image):
    for name, lines in LISTS.items():
        (tmp_path / f'list_{name}.txt').write_text('\n'.join(lines) + '\n')
        folder = request.param[name in ('query', 'gallery')]
        for line in lines:
            draw_image(tmp_path / folder / line.split()[0])
    return tmp_path


def test_lists_give_identity_and_the_third_field_the_camera(msmt_root):
    data = MSMT17(str(msmt_root))
    assert [(record.pid, record.camid) for record in data.records] == [(0, 0), (0, 2), (1, 14)]
    assert data.pids.tolist() == [0, 0, 1]  # 0 is a person here
    assert data[0].img.shape == (3, 16, 8)


def test_validation_images_can_stay_out(msmt_root, log):
    data = MSMT17(str(msmt_root), combine_val=False)
    assert [(record.pid, record.camid) for record in data.records] == [(0, 0), (1, 14)]
    assert '2 identities, 2 images; published: 1041, 30248' in log.text


def test_query_and_gallery_are_read_from_the_test_folder(msmt_root):
    data = MSMT17(str(msmt_root), 'query+gallery')
    assert data.camids.tolist() == [4, 13]
    assert data.metainfo['num_query'] == 1


def test_equal_numbers_in_training_and_test_are_no_finding(msmt_root):
    lists = ('list_train.txt', 'list_query.txt', 'list_gallery.txt')
    for path in (msmt_root / name for name in lists):  # person 1, as 0 is passed over anyway
        path.write_text(path.read_text().replace(' 0', ' 1'))
    (msmt_root / 'list_val.txt').write_text('')
    parts = ('train', 'query+gallery')
    found = survey({part: MSMT17(str(msmt_root), part) for part in parts}).findings
    assert [each.text for each in found if 'are in' in each.text] == []


def test_a_bad_line_is_named_with_its_number(msmt_root):
    (msmt_root / 'list_val.txt').write_text('\n0000/strange.jpg 0\n')
    with pytest.raises(ValueError, match=r"list_val\.txt, line 2: '0000/strange\.jpg 0'"):
        MSMT17(str(msmt_root))


def test_a_listed_image_that_is_not_there_is_named(msmt_root):
    next(msmt_root.glob('*train*/0001/*.jpg')).unlink()
    with pytest.raises(
        ValueError,
        match=r'1 of 3 images .*\n.*0001_007_15_0303noon_0008_2\.jpg '
        r'\(FileNotFoundError',
    ):
        MSMT17(str(msmt_root))


def test_two_releases_in_one_folder_are_refused(msmt_root):
    for folder in ('train', 'mask_train_v2'):
        (msmt_root / folder).mkdir(exist_ok=True)
    with pytest.raises(FileNotFoundError, match=r'folders of one release .* holds those of 2'):
        MSMT17(str(msmt_root))


@pytest.mark.parametrize('style', ['{folder}/{path}', './{folder}/{path}', 'train/{path}', '\\'])
def test_lists_with_the_folder_or_with_backslashes_read_the_same(msmt_root, style):
    expected = MSMT17(str(msmt_root)).records
    (folder,) = (path.parts[-2] for path in msmt_root.glob('*train*/0000'))
    for name in ('train', 'val'):
        lines = [
            line.replace('/', '\\') if style == '\\' else style.format(folder=folder, path=line)
            for line in LISTS[name]
        ]
        text = '\r\n'.join(lines).replace(' ', '\t')
        (msmt_root / f'list_{name}.txt').write_bytes(b'\xef\xbb\xbf' + text.encode())
    assert MSMT17(str(msmt_root)).records == expected


@pytest.mark.parametrize(
    'line, error',
    [
        ('test/0000/0000_001_14_0302noon_0019_1.jpg 0', "line 2: 'test/.*lists mixed up"),
        ('../0000/0000_001_14_0302noon_0019_1.jpg 0', r"line 2: '\.\./.*is not like"),
        ('0000/0000_000_01_0303morning_0008_0.jpg 5', 'line 2: .* two identities: .*train.txt, li'),
        ('0000/0000_000_1x_0303morning_0008_0.jpg 0', 'line 2: .*is not like'),
        ('0000/0000_000_16_0303morning_0008_0.jpg 0', r'camera outside 1\.\.15.*camera 16'),
    ],
)
def test_a_line_that_cannot_be_is_refused(msmt_root, line, error):
    (msmt_root / 'list_val.txt').write_text(f'\n{line}\n')
    with pytest.raises(ValueError, match=error):
        MSMT17(str(msmt_root))


def test_an_image_of_both_training_lists_is_read_once(msmt_root):
    (msmt_root / 'list_val.txt').write_text(LISTS['train'][0])
    data = MSMT17(str(msmt_root))
    assert (len(data), data.left_out) == (2, {'lines that are there twice': 1})
