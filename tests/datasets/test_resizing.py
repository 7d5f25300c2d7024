import pytest
import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as vision

from reidgen.datasets.resizing import resized

BICUBIC, BILINEAR, NEAREST = (
    InterpolationMode.BICUBIC,
    InterpolationMode.BILINEAR,
    InterpolationMode.NEAREST,
)


def noise(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, shape, generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize('mode', [BICUBIC, BILINEAR, NEAREST])
@pytest.mark.parametrize('size', [(32, 16), (9, 30), (5, 4), (16, 8)])
@pytest.mark.parametrize(
    'picture',
    [
        noise(16, 8, 3).permute(2, 0, 1),  # as decoders give it
        noise(3, 16, 8),
        noise(1, 16, 8),
        noise(2, 1, 16, 8),
        noise(2, 5, 16, 8),
        noise(2, 1, 16, 24)[..., 8:16],  # a part of a strip
    ],
    ids=lambda picture: 'x'.join(map(str, picture.shape)),
)
def test_pixels_are_torchvisions_to_the_last_bit(picture, size, mode):
    found = resized(picture, size, mode)
    assert found.equal(vision.resize(picture, list(size), mode, antialias=True))


def test_a_picture_of_the_right_size_is_handed_back():
    picture = noise(3, 16, 8)
    assert resized(picture, (16, 8), BICUBIC) is picture
