import shutil

import pytest

from reidgen.adaptation.pictures import check_pictures, check_readable
from reidgen.adaptation.target import list_target, write_target
from reidgen.datasets import FolderReID

LABELLED = [f'{pid}_c{camera}_{n}.png' for pid in range(1, 5) for camera in (1, 2) for n in (1, 2)]
CROPS = [f'{camera}/{n}.png' for camera in ('door', 'yard') for n in range(16)]


@pytest.fixture
def checked(draw, tmp_path):
    """Counts and findings about a source of LABELLED images and the folder `crops`."""
    source = FolderReID(str(draw('people', LABELLED)))

    def check(pattern=None):
        target = list_target(tmp_path / 'crops', pattern)
        check_readable(target)
        path = tmp_path / 'target.csv'
        write_target(target, path)
        dataset = FolderReID(str(target.root), csv_file=str(path), labelled=False)
        counts, findings = check_pictures(source, dataset, target)
        return counts, [(each.wrong, each.text) for each in findings]

    return check


def test_good_pictures_have_counts_and_no_finding(draw, checked):
    draw('crops', CROPS)
    counts, findings = checked()
    assert findings == []
    assert 'source: 16 images of 4 persons' in counts[0]
    assert counts[2] == 'target: camera 1 is door (16 images), camera 2 is yard (16 images)'


@pytest.mark.parametrize(
    'name,pattern,told',
    [
        ('{}.png', None, 'no sub-folders'),
        ('yard/{}.png', None, 'yard'),
        ('c7_{}.png', r'c(?P<camid>\d)_', '7'),
    ],
)
def test_one_camera_is_told_with_its_name(name, pattern, told, draw, checked):
    draw('crops', [name.format(n) for n in range(32)])
    assert checked(pattern)[0][2] == f'target: all of one camera ({told})'


def test_too_few_images_are_wrong(draw, checked):
    draw('crops', CROPS[:31])
    assert checked()[1] == [(True, 'target: 31 images are too few for batches and for clustering')]


def test_scenes_instead_of_crops_are_wrong(draw, checked):
    draw('crops', CROPS, size=(64, 32))
    (wrong, text), *others = checked()[1]
    assert wrong
    assert 'target: 32 of 32 pictures are wider than high' in text
    assert not others


def test_cameras_of_different_size_are_a_remark(draw, checked):
    draw('crops', CROPS[:16])
    draw('crops', CROPS[16:], size=(32, 64))
    assert checked()[1] == [
        (
            False,
            'target: crops of camera door are 32 pixels high (median), those of yard 64',
        )
    ]


def test_a_picture_of_the_source_among_the_crops_is_wrong(draw, checked, tmp_path):
    draw('crops', CROPS)
    draw('people', LABELLED[:1])
    shutil.copy(tmp_path / 'people' / LABELLED[0], tmp_path / 'crops/door/copy.png')
    assert [wrong for wrong, _ in checked()[1]] == [True]


def test_a_text_file_as_picture_is_named(draw, checked):
    (draw('crops', CROPS) / 'yard/text.jpg').write_text('no picture')
    with pytest.raises(ValueError, match=r'--target: .*yard/text\.jpg cannot be read as a picture'):
        checked()
