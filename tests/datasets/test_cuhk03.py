import pytest

from reidgen.datasets import CUHK03


def test_boxes_choose_the_folder_and_the_published_counts(tmp_path, draw_tree, log):
    draw_tree(tmp_path / 'detected', {'bounding_box_train': ['0001_c1_1.png', '0001_c2_6.png']})
    draw_tree(tmp_path / 'labeled', {'bounding_box_train': ['0003_c2_2.png']})
    assert CUHK03(str(tmp_path)).camids.tolist() == [0, 1]
    assert 'published: 767, 7365' in log.text
    assert CUHK03(str(tmp_path), boxes='labeled').records[0].pid == 3
    assert 'published: 767, 7368' in log.text


def test_boxes_that_are_misspelt_name_the_choices(tmp_path):
    with pytest.raises(ValueError, match="'labelled'; it must be one of detected, labeled"):
        CUHK03(str(tmp_path), boxes='labelled')


def test_a_camera_of_two_digits_is_no_other_camera(tmp_path, draw_tree):
    draw_tree(tmp_path / 'detected', {'query': ['0001_c12_1.png']})
    with pytest.raises(ValueError, match=r'camera outside 1\.\.2, .*\(camera 12\)'):
        CUHK03(str(tmp_path), 'query')


def test_the_first_release_is_refused_with_what_is_read_and_where_it_is(tmp_path):
    release = tmp_path / 'cuhk03_release' / 'cuhk-03.mat'
    release.parent.mkdir()
    release.write_bytes(b'MATLAB 7.3 MAT-file')
    for root in (tmp_path, release.parent, release):
        with pytest.raises(
            ValueError, match=r'cuhk-03\.mat is of .*0001_c1_1\.png below root\. Get CUHK03-NP from'
        ):
            CUHK03(str(root))
