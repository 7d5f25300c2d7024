"""Crops: shape of what is cut out, and the whole image where nothing is."""

import pytest
import torch

from reidgen.datasets import Crop, RandomRectCrop, Sample, ShapesReID


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
    dataset = ShapesReID(size=(32, 32), transforms=[dict(type='RandomRectCrop', size=(64, 32))])
    assert dataset.plain()[0].img.shape == (3, 64, 32)


def test_maps_are_refused():
    with pytest.raises(ValueError, match='leave pose_map out'):
        RandomRectCrop()(Sample(torch.zeros(3, 8, 4).byte(), torch.zeros(1, 1, 8, 4).byte()))


def test_a_fixed_crop_is_the_same_rectangle_of_image_and_maps():
    places = torch.arange(12 * 10).view(1, 12, 10).byte()
    cut = Crop(size=(4, 3), corner=(5, 2))(Sample(places, 2 * places[None]))
    assert torch.equal(cut.img, places[:, 5:9, 2:5])
    assert torch.equal(cut.maps, 2 * places[None, :, 5:9, 2:5])
    with pytest.raises(ValueError, match=r'cuts 4 x 3 at \(5, 2\), .* picture of 8 x 5'):
        Crop(size=(4, 3), corner=(5, 2))(Sample(places[:, :8, :5]))
    with pytest.raises(ValueError, match=r'corner is \(-1, 0\)'):
        Crop(size=(4, 3), corner=(-1, 0))
