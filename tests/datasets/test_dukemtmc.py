import pytest

from reidgen.datasets import DukeMTMC


def test_duke_names_and_the_folder_around_it(tmp_path, draw_tree):
    draw_tree(
        tmp_path / 'DukeMTMC-reID',
        {
            'bounding_box_train': ['0001_c2_f0046182.jpg', '7140_c8_f0000001.jpg'],
            'query': ['0005_c2_f0046985.jpg'],
            'bounding_box_test': ['0005_c7_f0046985.jpg'],
        },
    )
    train = DukeMTMC(str(tmp_path))
    assert [record.pid for record in train.records] == [1, 7140]
    assert train.pids.tolist() == [0, 1]
    assert train.camids.tolist() == [1, 7]
    test = DukeMTMC(str(tmp_path), 'query+gallery')
    assert test.camids.tolist() == [1, 6]
    assert test.pids.tolist() == [5, 5]


def test_a_camera_of_two_digits_is_no_other_camera(tmp_path, draw_tree):
    draw_tree(tmp_path, {'query': ['0005_c12_f0046985.jpg']})
    with pytest.raises(ValueError, match=r'camera outside 1\.\.8, .*\(camera 12\)'):
        DukeMTMC(str(tmp_path), 'query')
