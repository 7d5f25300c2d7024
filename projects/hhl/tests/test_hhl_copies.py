"""CameraCopies and the crop: content of the items, and errors."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from projects.hhl.hhl import CameraCopies, RandomRectCrop
from reidgen.datasets import Sample
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


def test_missing_copies_are_counted_and_named(folder):
    (folder / '0001_c1_000_fake_2.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'lacks 1 of 8 copies.*0001_c1_000_fake_2\.jpg'):
        CameraCopies(SHAPES, num_cameras=2, copies=str(folder))
    with pytest.raises(FileNotFoundError, match=r'lacks 5 of 12 copies.*num_cameras'):
        CameraCopies(SHAPES, num_cameras=3, copies=str(folder))
    with pytest.raises(FileNotFoundError, match=r'no copies of shapes_b in .*write_copies\.py'):
        CameraCopies(SHAPES, num_cameras=2, copies=str(folder / 'nowhere'))


@pytest.mark.parametrize('given', [{}, dict(copies='folder', jitter=[])])
def test_copies_come_from_files_or_from_jitter(given):
    with pytest.raises(ValueError, match='give one of them'):
        CameraCopies(SHAPES, num_cameras=2, **given)


# ---- crop ----


def test_a_crop_is_a_standing_rectangle_of_at_least_its_share():
    height, width = 120, 60
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing='ij')
    places = torch.stack([2 * y, 4 * x, 0 * x]).byte()  # a pixel tells its place
    crop = RandomRectCrop(size=(height, width))
    torch.manual_seed(0)
    areas, ratios = [], []
    for _ in range(50):
        img = crop(Sample(places)).img.float()
        tall = (img[0].max() - img[0].min()) / 2 + 1
        wide = (img[1].max() - img[1].min()) / 4 + 1
        areas.append((tall * wide / (height * width)).item())
        ratios.append((tall / wide).item())
    assert 0.6 < min(areas) < max(areas) <= 1
    assert 1.9 < min(ratios) < max(ratios) < 3.2
    assert len(set(areas)) > 30


def test_where_no_rectangle_fits_and_where_nothing_is_random_the_whole_image_is_resized():
    img = torch.randint(256, (3, 32, 64), dtype=torch.uint8)  # lying: none fits
    crop = RandomRectCrop(size=(64, 32))
    whole = crop._resize(img)
    assert torch.equal(crop(Sample(img)).img, whole)
    rest = crop.at_rest(Sample(img)).img
    assert rest.shape == (3, 64, 32)
    dataset = CameraCopies(dict(**SHAPES, transforms=CROP), num_cameras=1, jitter=[])
    assert dataset.images.plain()[0].img.shape == (3, 64, 32)


def test_maps_are_refused():
    with pytest.raises(ValueError, match='leave pose_map out'):
        RandomRectCrop()(Sample(torch.zeros(3, 8, 4).byte(), torch.zeros(1, 1, 8, 4).byte()))
