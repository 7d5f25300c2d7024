"""CameraCopies: content of the items."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from projects.hhl.hhl import CameraCopies
from reidgen.structures import SeededIndex

SHAPES = dict(type='ShapesReID', domain='b', num_identities=2, images_per_identity=2, size=(64, 32))
CROP = [dict(type='RandomRectCrop', size=(64, 32))]


def colour(row: int, camera: int) -> tuple[int, int, int]:
    """Colour of the copy of an image in a camera, from 1."""
    return 60 * row, 100 * camera, 0


@pytest.fixture
def folder(tmp_path) -> Path:
    """Folder of two copies of every image of SHAPES, one colour each."""
    for row, stem in enumerate(('0001_c1_000', '0001_c2_001', '0002_c1_000', '0002_c2_001')):
        for camera in (1, 2):
            image = Image.new('RGB', (32, 64), colour(row, camera))
            image.save(tmp_path / f'{stem}_fake_{camera}.jpg', quality=100)
    return tmp_path


def colours(img: torch.Tensor) -> list[tuple[int, ...]]:
    return [tuple(round(v) for v in one.float().mean((1, 2)).tolist()) for one in img]


def test_an_item_is_an_image_and_its_copies_in_the_order_of_the_cameras(folder):
    dataset = CameraCopies(SHAPES, num_cameras=2, copies=str(folder))
    item = dataset[3]
    assert item.img.shape == (3, 3, 64, 32)
    assert torch.equal(item.img[0], dataset.images[3].img)
    for found, camera in zip(colours(item.img[1:]), (1, 2)):
        assert found == pytest.approx(colour(3, camera), abs=3)  # JPEG
    assert (item.camid, item.index) == (1, 3)
    assert (len(dataset), dataset.num_images, dataset.num_identities) == (4, 3, 0)


def test_the_own_camera_s_copy_can_be_left_out(folder):
    dataset = CameraCopies(SHAPES, num_cameras=2, copies=str(folder), own_camera=False)
    assert dataset.num_images == len(dataset[0].img) == 2
    for row, other in ((0, 2), (3, 1)):
        assert colours(dataset[row].img[1:])[0] == pytest.approx(colour(row, other), abs=3)


def test_image_and_copies_are_each_augmented_on_its_own_and_alike_for_one_seed():
    same = [dict(type='ColorJitter')]  # changes nothing: copies are the image
    dataset = CameraCopies(dict(**SHAPES, transforms=CROP), num_cameras=2, jitter=same)
    first, again, other = (
        dataset[SeededIndex(1, 7)].img,
        dataset[SeededIndex(1, 7)].img,
        dataset[SeededIndex(1, 8)].img,
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[1], first[2])
