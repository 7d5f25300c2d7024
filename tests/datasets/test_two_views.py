"""TwoViews: the image, and a second view of the same person."""

import pytest
import torch
from torch.utils.data import default_collate

from reidgen.datasets import ShapesReID, TwoViews
from reidgen.models import BatchNormalizer
from reidgen.structures import ImageBatch, SeededIndex, TwoViewBatch

SHAPES = dict(type='ShapesReID', num_identities=3, images_per_identity=2, labelled=False)
FLIP = dict(type='RandomFlip', prob=1.0)
ERASE = dict(type='RandomErase', prob=1.0)


def shapes(**changes) -> ShapesReID:
    return ShapesReID(**{key: v for key, v in (SHAPES | changes).items() if key != 'type'})


def test_the_second_view_is_the_picture_under_transforms_of_its_own():
    pair = TwoViews(SHAPES, transforms=[FLIP])[4]
    assert isinstance(pair, TwoViewBatch)
    assert torch.equal(pair.img, shapes()[4].img)
    assert torch.equal(pair.second, pair.img.flip(2))
    assert (pair.pid, pair.camid, pair.index) == (-1, 0, 4)


def test_without_transforms_of_its_own_the_second_view_is_augmented_anew_as_the_first():
    data = TwoViews(dict(SHAPES, transforms=[ERASE]))
    pair = data[SeededIndex(2, 11)]
    assert torch.equal(pair.img, shapes(transforms=[ERASE])[SeededIndex(2, 11)].img)
    untouched = shapes()[2].img
    for view in (pair.img, pair.second):
        assert not torch.equal(view, untouched)
    assert not torch.equal(pair.img, pair.second)


def test_a_turned_view_is_the_same_picture_of_the_turned_person():
    data, plain = TwoViews(SHAPES, turns=[90, 180]), shapes()
    turned = {angle: plain.read_turned(plain.records[3], angle) for angle in (90, 180)}
    drawn = set()
    for seed in range(12):
        second = data[SeededIndex(3, seed)].second
        drawn |= {angle for angle, picture in turned.items() if torch.equal(second, picture)}
        assert any(torch.equal(second, picture) for picture in turned.values())
    assert drawn == {90, 180}


def test_a_pair_is_a_function_of_the_seed_and_leaves_random_state_alone():
    data = TwoViews(dict(SHAPES, transforms=[ERASE]), turns=[45, 90, 135])
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, again = data[SeededIndex(1, 5)], data[SeededIndex(1, 5)]
    assert torch.equal(one.second, again.second)
    assert torch.equal(torch.get_rng_state(), before)


def test_it_has_what_memories_and_clusterings_ask_of_a_training_set():
    data = TwoViews(dict(SHAPES, transforms=[ERASE]), transforms=[FLIP])
    assert (len(data), data.name, data.num_identities) == (6, 'shapes_a', 0)
    assert data.pids.tolist() == [-1] * 6
    assert [record.pid for record in data.records] == [1, 1, 2, 2, 3, 3]
    assert data.camids.tolist() == [0, 1] * 3
    plain = data.plain()[0]
    assert isinstance(plain, ImageBatch)
    assert torch.equal(plain.img, data.read_image(data.records[0]))


def test_both_views_are_normalised_on_the_device():
    batch = BatchNormalizer()(default_collate([TwoViews(SHAPES, transforms=[FLIP])[0]] * 2))
    assert batch.second.shape == (2, 3, 64, 32)
    torch.testing.assert_close(batch.second, batch.img.flip(3))
    assert batch.img.dtype == torch.float32


@pytest.mark.parametrize(
    'arguments, kind, error',
    [
        (
            dict(dataset=dict(SHAPES, pose_map=dict(type='ShapesMap'))),
            TypeError,
            'pairs plain images, .* without pose_map',
        ),
        (dict(dataset=SHAPES, turns=[45, 360]), ValueError, r'views=\[45, 360\]: .* in 0..359'),
        (dict(dataset=dict(SHAPES, domain='x')), ValueError, "domain is 'x'"),
    ],
)
def test_what_cannot_be_paired_is_refused_with_the_fix(arguments, kind, error):
    with pytest.raises(kind, match=error):
        TwoViews(**arguments)


def test_pictures_that_cannot_be_rendered_again_have_no_turned_view(tmp_path, draw_image):
    draw_image(tmp_path / '1' / 'a.png')
    folder = dict(type='FolderReID', root=str(tmp_path), pattern=r'(?P<pid>\d+)/')
    TwoViews(folder)
    with pytest.raises(TypeError, match='but FolderReID holds pictures that cannot be rendered'):
        TwoViews(folder, turns=[90])
