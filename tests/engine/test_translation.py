"""What is kept of an image under what a model translated."""

import pytest
import torch

from reidgen.engine.translation import keep_detail

SIZE = (1, 3, 48, 32)


@pytest.fixture
def img():
    return torch.rand(SIZE, generator=torch.Generator().manual_seed(0))


def test_a_change_of_colour_comes_through_whole(img):
    translated = img + torch.tensor([0.3, -0.2, 0.1])[:, None, None]
    torch.testing.assert_close(keep_detail(img, translated, 4.0), translated)
    where = torch.zeros(1, 1, *SIZE[2:])
    where[..., 10:30, 8:20] = 1
    inside = keep_detail(img, translated, 4.0, where)[..., 10:30, 8:20]
    torch.testing.assert_close(inside, translated[..., 10:30, 8:20])


def test_a_painted_pattern_does_not(img):
    rows, columns = torch.meshgrid(*(torch.arange(side) for side in SIZE[2:]), indexing='ij')
    checkerboard = ((rows + columns) % 2) * 2.0 - 1
    kept = keep_detail(img, img + checkerboard, 3.0)
    assert (kept - img).abs().max() < 0.02


def test_what_changes_off_the_person_does_not_reach_them(img):
    where = torch.zeros(1, 1, *SIZE[2:])
    where[..., 10:30, 8:20] = 1
    translated = torch.where(where.bool(), img, img + 1)
    torch.testing.assert_close(keep_detail(img, translated, 4.0, where), img)
    assert (keep_detail(img, translated, 4.0) - img)[..., 10:30, 8:20].min() > 0.05


def test_a_blur_wider_than_the_image_is_refused(img):
    with pytest.raises(ValueError, match=r'detail=20.0 blurs over 121 .* \(48, 32\); set it below'):
        keep_detail(img, img, 20.0)
