import pytest

from reidgen.datasets.records import (
    ListedImages,
    Record,
    check_ranges,
    count_difference,
    keep_cameras,
    without_junk,
)

RECORDS = [
    Record('junk', -1, 0),
    Record('distractor', 0, 1),
    Record('one', 1, 0),
    Record('two', 2, 1),
]


def test_training_loses_junk_and_distractors_and_the_gallery_only_junk():
    train, left_out = without_junk(RECORDS, 'train')
    assert [record.path for record in train] == ['one', 'two']
    assert left_out == {'junk (pid -1)': 1, 'distractors (pid 0)': 1}
    gallery, left_out = without_junk(RECORDS, 'gallery')
    assert [record.path for record in gallery] == ['distractor', 'one', 'two']
    assert left_out == {'junk (pid -1)': 1}


def test_an_identity_or_a_camera_out_of_range_is_named():
    with pytest.raises(
        ValueError,
        match=r'Set train: 1 images with identity outside -1\.\.1, '
        r'the first two \(identity 2\)',
    ):
        check_ranges(RECORDS, 'Set train', (-1, 1), (1, 2))
    with pytest.raises(
        ValueError,
        match=r'2 images with camera outside 1\.\.1, the first '
        r'distractor \(camera 2\)',
    ):
        check_ranges(RECORDS, 'Set train', None, (1, 1))
    check_ranges(RECORDS, 'Set train', (-1, 2), (1, 2))
    with pytest.raises(ValueError, match='camera 0'):
        check_ranges(RECORDS, 'Set train', None, (1, 2), first_camera=0)


def test_counts_that_differ_are_a_sentence_with_both():
    assert count_difference(RECORDS, 'Set train', (4, 4)) is None
    assert count_difference(RECORDS, 'Set train', (3, 4)) == (
        'Set train: 4 identities, 4 images; published: 3, 4'
    )


def test_cameras_are_kept_by_the_number_in_the_file_names():
    assert [record.path for record in keep_cameras(RECORDS, [2], 'Set')] == ['distractor', 'two']
    with pytest.raises(ValueError, match=r'no file is of camera \[5\]; present: \[1, 2\]'):
        keep_cameras(RECORDS, [1, 5], 'Set')
    with pytest.raises(TypeError, match='camera_ids is 2; it must be a list'):
        keep_cameras(RECORDS, 2, 'Set')


def test_an_image_of_two_persons_is_refused_with_both_rows():
    listed = ListedImages()
    assert listed.is_new(Record('a', 1, 0), 'list, line 2', 'query')
    assert listed.is_new(Record('a', 1, 0), 'list, line 3', 'gallery')
    assert not listed.is_new(Record('a', 1, 0), 'list, line 4', 'query')
    with pytest.raises(ValueError, match=r'list, line 5: a is of two identities: .*list, line 2'):
        listed.is_new(Record('a', 2, 0), 'list, line 5', 'train')
    with pytest.raises(ValueError, match='line 6: a is of two cameras: pid 1, camid 3'):
        listed.is_new(Record('a', 1, 3), 'list, line 6', 'query')
