"""PositivePairs: images and their positives, augmented each on its own, matched by name."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from projects.gcl_camera.gcl_camera import PositivePairs
from reidgen.datasets import FolderReID
from reidgen.rng import seed_of
from reidgen.structures import SeededIndex

RESIZE = dict(type='Resize', size=(8, 4))


def draw(folder: Path, names: list[str], grey: int) -> Path:
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        Image.new('RGB', (4, 8), (grey + number,) * 3).save(folder / name, quality=100)
    return folder


NAMES = ['0001_c1s1_000001_00.png', '0001_c2s1_000001_00.png', '0002_c1s1_000001_00.png']


@pytest.fixture
def images(tmp_path) -> dict:
    """Config of three images, grey 100, 101 and 102, each of its own value."""
    for split in ('bounding_box_train', 'query', 'bounding_box_test'):
        draw(tmp_path / 'set' / split, NAMES, 100)
    return dict(type='FolderReID', layout='market', root=str(tmp_path / 'set'), transforms=[RESIZE])


def test_same_is_the_image_itself_with_random_numbers_of_its_own(images):
    erase = dict(type='RandomErase', prob=0.5)
    pairs = PositivePairs(dict(images, transforms=[RESIZE, erase]))
    drawn = [pairs[SeededIndex(1, seed)] for seed in range(40)]
    erased = torch.tensor([[(view != 101).any() for view in (d.img, d.second)] for d in drawn])
    # all four combinations: neither follows from the other
    assert {tuple(row) for row in erased.tolist()} == {(a, b) for a in (0, 1) for b in (0, 1)}
    assert all(d.index == 1 and d.pid == 0 and d.camid == 1 for d in drawn)


def test_the_same_draw_gives_the_same_pair_and_the_image_of_the_set_alone(images):
    images = dict(images, transforms=[RESIZE, dict(type='RandomPadCrop', padding=3)])
    pairs, alone = (
        PositivePairs(images),
        FolderReID(**{k: v for k, v in images.items() if k != 'type'}),
    )
    one, other = pairs[SeededIndex(2, 7)], pairs[SeededIndex(2, 7)]
    assert torch.equal(one.img, other.img)
    assert torch.equal(one.second, other.second)
    assert torch.equal(one.img, alone[SeededIndex(2, 7)].img)
    assert torch.equal(one.second, alone[SeededIndex(2, seed_of(7, 1))].img)


def test_positives_of_another_set_are_matched_by_file_name(images, tmp_path):
    for split in ('bounding_box_train', 'query', 'bounding_box_test'):
        draw(tmp_path / 'other' / split, NAMES[::-1], 200)
    pairs = PositivePairs(images, second=dict(images, root=str(tmp_path / 'other')))
    assert [int(pairs[row].img[0, 0, 0]) for row in range(3)] == [100, 101, 102]
    assert [int(pairs[row].second[0, 0, 0]) for row in range(3)] == [202, 201, 200]


def test_translations_are_read_from_the_folder_that_is_named_and_only_then(images, tmp_path):
    pairs = PositivePairs(images, second='translated')
    with pytest.raises(RuntimeError, match=r'not been translated yet; add .*PositivesHook'):
        pairs[0]
    pairs.read_from([draw(tmp_path / 'translated', NAMES, 50)])
    assert [int(pairs[row].second[0, 0, 0]) for row in range(3)] == [50, 51, 52]


def test_missing_positives_are_named(images, tmp_path):
    pairs = PositivePairs(images, second='translated')
    with pytest.raises(ValueError, match=r'no positive for 2 of 3 images .*0001_c2s1'):
        pairs.read_from([draw(tmp_path / 'translated', NAMES[:1], 50)])


def test_wrong_sets_are_refused_with_the_fix(images):
    with pytest.raises(ValueError, match=r"second is 'twice'; known: same, translated"):
        PositivePairs(images, second='twice')
    with pytest.raises(TypeError, match='give a ReIDDataset without pose_map'):
        PositivePairs(dict(images, pose_map=dict(type='Grayscale')))


def test_plain_gives_the_images_in_order_for_the_memory(images):
    pairs = PositivePairs(dict(images, transforms=[RESIZE, dict(type='RandomErase', prob=1.0)]))
    assert [int(pairs.plain()[row].img[0, 0, 0]) for row in range(3)] == [100, 101, 102]
    assert pairs.pids.tolist() == [0, 0, 1]
    assert (len(pairs), pairs.num_identities) == (3, 2)


def test_two_images_of_one_name_are_refused_where_positives_are_found_by_name(tmp_path):
    for folder in ('1', '2'):
        draw(tmp_path / 'set' / folder, NAMES[:1], 100)
    images = dict(type='FolderReID', root=str(tmp_path / 'set'), layout='flat', transforms=[RESIZE])
    assert len(PositivePairs(images)) == 2
    for second in ('translated', images):
        with pytest.raises(
            ValueError, match=r'1/0001_\S+ and .*2/0001_\S+, .* by file name; rename'
        ):
            PositivePairs(images, second=second)
