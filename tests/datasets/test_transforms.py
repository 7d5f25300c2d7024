import re

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as vision

from reidgen.datasets.transforms import (
    MEAN_COLOUR,
    ColorJitter,
    RandomErase,
    RandomFlip,
    RandomPadCrop,
    Resize,
    ResizeRandomCrop,
    Sample,
    build_transforms,
    without_chance,
)


def noise(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(1, 256, shape, generator=generator).to(torch.uint8)


def test_resize_gives_image_and_maps_one_size_and_keeps_flat_colour():
    flat = torch.full((3, 5, 5), 90, dtype=torch.uint8)
    sample = Resize((8, 4))(Sample(flat, noise(2, 1, 16, 16)))
    assert sample.img.shape == (3, 8, 4)
    assert sample.maps.shape == (2, 1, 8, 4)
    assert sample.img.dtype == sample.maps.dtype == torch.uint8
    assert set(sample.img.flatten().tolist()) == {90}
    with pytest.raises(ValueError, match=r'size is \(256,\); it must be \(height, width\)'):
        Resize((256,))


def test_images_and_maps_are_shrunk_bicubically_with_antialias_as_pillow_does():
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(256, (3, 64, 48), generator=generator, dtype=torch.uint8)
    small = Resize((16, 8))(Sample(image, image[None, :1]))
    pillow = Image.fromarray(image.permute(1, 2, 0).numpy()).resize(
        (8, 16), Image.Resampling.BICUBIC
    )
    expected = torch.from_numpy(np.array(pillow)).permute(2, 0, 1)
    for found, wanted in zip((small.img, small.maps), (expected, expected[None, :1])):
        assert (found.int() - wanted.int()).abs().max() <= 1


@pytest.mark.parametrize('size', [64, '64', (64, 0), (64.0, 32), None])
def test_a_size_that_is_no_height_and_width_is_refused_with_its_value(size):
    message = r'it must be \(height, width\), such as \(256, 128\)'
    with pytest.raises(ValueError, match=rf'^size is {re.escape(repr(size))}; {message}'):
        Resize(size)
    with pytest.raises(ValueError, match=rf'^enlarged is {re.escape(repr(size))}; {message}'):
        ResizeRandomCrop(size, (8, 4))
    with pytest.raises(ValueError, match=rf'^size is {re.escape(repr(size))}; {message}'):
        ResizeRandomCrop((8, 4), size)


def test_flip_mirrors_image_and_maps_together_by_the_rule_of_the_maps():
    img, maps = noise(3, 4, 6), noise(2, 2, 4, 6)
    sample = RandomFlip(1.0)(Sample(img, maps, lambda m: m.flip(-3)))
    assert torch.equal(sample.img, img.flip(-1))
    assert torch.equal(sample.maps, maps.flip(-3))  # this source only swaps channels
    assert RandomFlip(0.0)(Sample(img, maps)).img is img


def test_flip_happens_as_often_as_it_says():
    img = torch.arange(2, dtype=torch.uint8).expand(3, 1, 2)
    torch.manual_seed(0)
    flipped = sum(RandomFlip(0.3)(Sample(img)).img[0, 0, 0].item() for _ in range(1000))
    assert 250 < flipped < 350  # binomial: 300 +- 3.5 standard deviations
    with pytest.raises(ValueError, match=r'prob is 1\.5; it must be in 0\.\.1'):
        RandomFlip(1.5)


def test_pad_crop_shifts_image_and_maps_alike_and_fills_with_mean_colour_and_zero():
    img = noise(3, 6, 5)
    crop = RandomPadCrop(2)
    shifts = set()
    for seed in range(60):
        torch.manual_seed(seed)
        shifted = crop(Sample(img, img[None, :1]))
        outside = shifted.maps[0, 0] == 0  # the noise has no zero
        mean = torch.tensor(MEAN_COLOUR, dtype=torch.uint8)[:, None]
        assert torch.equal(shifted.img[:, outside], mean.expand(3, int(outside.sum())))
        assert torch.equal(shifted.img[0][~outside], shifted.maps[0, 0][~outside])
        # the shift, read off the rows and columns that are wholly outside
        rows, columns = outside.all(1), outside.all(0)
        down = int(rows.sum()) * (1 if rows[0] else -1)
        right = int(columns.sum()) * (1 if columns[0] else -1)
        assert shifted.img.shape == img.shape
        shifts.add((down, right))
    assert {down for down, _ in shifts} == {right for _, right in shifts} == {-2, -1, 0, 1, 2}


def test_pad_crop_refuses_maps_of_another_size():
    with pytest.raises(ValueError, match='put Resize before it'):
        RandomPadCrop(2)(Sample(noise(3, 6, 5), noise(2, 1, 12, 10)))


def test_erase_fills_one_rectangle_with_the_mean_colour_within_the_area_and_spares_the_maps():
    img, maps = torch.zeros(3, 40, 20, dtype=torch.uint8), noise(2, 1, 40, 20)
    areas = []
    for seed in range(30):
        torch.manual_seed(seed)
        sample = RandomErase(1.0, area=(0.1, 0.3))(Sample(img, maps))
        assert sample.maps is maps
        erased = sample.img[0] == MEAN_COLOUR[0]
        top_down, left_right = erased.any(1), erased.any(0)
        assert erased.sum() == top_down.sum() * left_right.sum()  # a full rectangle
        assert set(sample.img[:, erased].unique().tolist()) == set(MEAN_COLOUR)
        areas.append(erased.float().mean().item())
    assert min(areas) > 0.07  # sides are rounded to pixels
    assert max(areas) < 0.33
    assert img.max() == 0  # the image given is left as it was
    assert RandomErase(0.0)(Sample(img)).img.max() == 0


def test_erase_draws_the_rectangles_of_torchvision_and_refuses_wrong_limits():
    img = noise(3, 30, 20)
    ours, theirs = RandomErase(0.7), v2.RandomErasing(0.7, (0.02, 0.4), (0.3, 3.33), MEAN_COLOUR)
    for seed in range(60):
        torch.manual_seed(seed)
        found = ours(Sample(img)).img
        state = torch.get_rng_state()
        torch.manual_seed(seed)
        assert found.equal(theirs(img))
        assert state.equal(torch.get_rng_state())
    with pytest.raises(ValueError, match=r'ratio is \(3, 0\.3\); it must be \(lowest, highest\)'):
        RandomErase(ratio=(3, 0.3))
    with pytest.raises(ValueError, match=r'area is \(0\.1, 2\); shares of the image are in 0\.\.1'):
        RandomErase(area=(0.1, 2))


def test_a_shift_beyond_the_picture_leaves_the_fill_alone():
    img = noise(3, 4, 3)
    pairs = set()
    for seed in range(80):
        torch.manual_seed(seed)
        found = RandomPadCrop(6)(Sample(img)).img
        torch.manual_seed(seed)
        top, left = torch.randint(13, (2,)).tolist()
        padded = vision.pad(img, [6] * 4, fill=list(MEAN_COLOUR))
        assert found.equal(vision.crop(padded, top, left, 4, 3))
        pairs.add((abs(top - 6) > 4, abs(left - 6) > 3))
    assert len(pairs) == 4


def test_jitter_changes_the_image_alone():
    img, maps = noise(3, 8, 4), noise(2, 1, 8, 4)
    sample = ColorJitter(brightness=(0.5, 0.5))(Sample(img, maps))
    assert torch.allclose(sample.img.float(), img.float() / 2, atol=1)
    assert sample.maps is maps


def test_a_transform_must_say_whether_it_is_random():
    class Mystery:
        def __call__(self, sample):
            return sample

    with pytest.raises(TypeError, match='Mystery must say `random = True` or `random = False`'):
        build_transforms([{'type': Mystery}])
    with pytest.raises(TypeError, match='not one dict'):
        build_transforms({'type': 'Resize', 'size': (8, 4)})


def test_resize_random_crop_cuts_image_and_maps_at_one_place_anywhere():
    img = noise(3, 6, 5)
    crop = ResizeRandomCrop((6, 5), (4, 4))  # of an image that has the larger size already
    windows = {
        (top, left): img[:, top : top + 4, left : left + 4] for top in range(3) for left in range(2)
    }
    met = set()
    for seed in range(60):
        torch.manual_seed(seed)
        sample = crop(Sample(img, img[None, :1]))
        (place,) = [at for at, window in windows.items() if torch.equal(window, sample.img)]
        assert torch.equal(sample.maps[0], sample.img[:1])
        met.add(place)
    assert met == set(windows)


def test_resize_random_crop_enlarges_and_is_a_plain_resize_where_nothing_is_random():
    img = noise(3, 6, 5)
    crop = ResizeRandomCrop((12, 10), (8, 6))
    larger = Resize((12, 10))(Sample(img)).img
    cut = crop(Sample(img)).img
    assert cut.shape == (3, 8, 6)
    assert any(
        torch.equal(cut, larger[:, top : top + 8, left : left + 6])
        for top in range(5)
        for left in range(5)
    )
    (rest,) = without_chance([crop, RandomFlip(1.0)])
    assert torch.equal(rest(Sample(img)).img, Resize((8, 6))(Sample(img)).img)
    with pytest.raises(ValueError, match=r'enlarged is \(8, 4\) and size \(8, 6\)'):
        ResizeRandomCrop((8, 4), (8, 6))


def test_resizing_to_the_nearest_pixel_mixes_no_colours():
    img = torch.tensor([[[0, 255], [255, 0]]], dtype=torch.uint8).repeat_interleave(3, -1)
    for mode, mixed in (('nearest', False), ('bilinear', True), ('bicubic', True)):
        resized = Resize((5, 4), mode)(Sample(img)).img
        assert resized.shape == (1, 5, 4)
        assert (not set(resized.unique().tolist()) <= {0, 255}) is mixed
    with pytest.raises(ValueError, match="mode is 'cubic'"):
        Resize((5, 4), 'cubic')
