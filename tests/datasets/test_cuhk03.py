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
