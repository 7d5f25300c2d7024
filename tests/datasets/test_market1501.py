from pathlib import Path

import pytest

from reidgen.datasets import Market1501
from reidgen.registry import DATASETS


def test_file_names_give_persons_and_cameras_from_zero(market_root):
    data = Market1501(str(market_root), 'gallery')
    assert [(Path(r.path).name, r.pid, r.camid) for r in data.records] == [
        ('0000_c6s3_001234_01.jpg', 0, 5),  # a distractor stays, junk (-1) does not
        ('0001_c1s1_000151_00.jpg', 1, 0),
        ('0001_c2s1_000301_00.jpg', 1, 1),
        ('0003_c1s1_000002_00.jpg', 3, 0),
    ]
    assert data.pids.tolist() == [0, 1, 1, 3]


def test_training_identities_are_numbered_in_sorted_order(market_root):
    data = Market1501(str(market_root))
    assert [record.pid for record in data.records] == [2, 2, 7, 7, 10]
    assert data.pids.tolist() == [0, 0, 1, 1, 2]
    assert data.camids.tolist() == [0, 1, 0, 2, 5]
    assert data.num_identities == 3


def test_queries_come_before_the_gallery(market_root):
    data = Market1501(str(market_root), 'query+gallery')
    assert data.metainfo['name'] == 'market1501'
    assert data.metainfo['num_query'] == 2
    assert data.pids.tolist() == [1, 3, 0, 1, 1, 3]
    assert data.metainfo['paths'] == tuple(record.path for record in data.records)


def test_other_counts_than_published_warn_and_raise_when_strict(market_root, log):
    sentence = 'Market1501 train: 3 identities, 5 images; published: 751, 12936'
    Market1501(str(market_root))
    warnings = [record.message for record in log.records if record.levelname == 'WARNING']
    assert [sentence in message for message in warnings] == [True]
    with pytest.raises(ValueError, match=sentence):
        Market1501(str(market_root), strict_stats=True)


def test_camera_ids_keep_training_images_and_compare_no_counts(market_root, log):
    data = Market1501(str(market_root), camera_ids=[1])
    assert data.camids.tolist() == [0, 0]
    assert data.pids.tolist() == [0, 1]  # persons 2 and 7
    assert 'published' not in log.text
    with pytest.raises(ValueError, match=r'no file is of camera \[4\]; present: \[1, 2, 3, 6\]'):
        Market1501(str(market_root), camera_ids=[4])
    with pytest.raises(ValueError, match="restricts training images, but split is 'query'"):
        Market1501(str(market_root), 'query', camera_ids=[1])


def test_an_identity_that_market_does_not_have_raises(market_root, draw_image):
    draw_image(market_root / 'query' / '1502_c1s1_000001_00.jpg')
    with pytest.raises(ValueError, match=r'identity outside -1\.\.1501.*identity 1502'):
        Market1501(str(market_root), 'query')


def test_a_camera_of_two_digits_is_no_other_camera(market_root, draw_image):
    draw_image(market_root / 'query' / '0003_c12s1_001000_00.jpg')
    with pytest.raises(ValueError, match=r'camera outside 1\.\.6.*_c12s1_.*\(camera 12\)'):
        Market1501(str(market_root), 'query')


def test_what_is_left_out_is_logged_in_one_line_once_however_often_it_is_read(market_root, log):
    for _ in range(3):
        Market1501(str(market_root))
    assert [each.message for each in log.records if each.levelname == 'INFO'] == [
        f'Market1501 train: 5 images, 3 identities, 4 cameras from {market_root}; '
        f'left out: .db files: 1, distractors (pid 0): 1, junk (pid -1): 1'
    ]
    assert len(log.records) == 2  # the other one warns about the counts


def test_a_name_that_does_not_fit_is_named(market_root, draw_image):
    draw_image(market_root / 'query' / 'holiday.jpg')
    with pytest.raises(ValueError, match=r'holiday\.jpg: the file name does not begin like'):
        Market1501(str(market_root), 'query')


def test_the_folder_around_the_archive_is_accepted(market_root, tmp_path):
    (tmp_path / 'outer').mkdir()
    market_root.rename(tmp_path / 'outer' / 'Market-1501-v15.09.15')
    data = DATASETS.build({'type': 'Market1501', 'root': str(tmp_path / 'outer')})
    assert len(data) == 5


def test_multi_query_reads_the_hand_drawn_boxes(market_root, draw_image):
    draw_image(market_root / 'gt_bbox' / '0001_c1s1_001051_00.jpg')
    assert Market1501(str(market_root), 'multi_query').pids.tolist() == [1]


def test_a_half_unpacked_folder_is_named(market_root):
    for path in (market_root / 'query').iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match='query holds no image'):
        Market1501(str(market_root), 'query+gallery')
    (market_root / 'query').rmdir()
    with pytest.raises(FileNotFoundError, match=r'no folder .*query'):
        Market1501(str(market_root), 'query+gallery')


def test_a_gallery_of_junk_alone_raises(market_root):
    for path in (market_root / 'bounding_box_test').iterdir():
        if not path.name.startswith('-1'):
            path.unlink()
    with pytest.raises(
        ValueError, match=r'gallery: no image is left of .*; left out: junk \(pid -1\): 1'
    ):
        Market1501(str(market_root), 'query+gallery')
