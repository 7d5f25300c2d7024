import colorsys

import pytest
import torch

from reidgen.models.encoders import ColorHistogram
from reidgen.models.encoders.colour import rgb_to_hsv

pytestmark = pytest.mark.usefixtures('seeded')


def test_hue_saturation_and_value_are_those_of_colorsys():
    img = torch.rand(1, 3, 5, 7)
    img[0, :, 0, :3] = torch.tensor([[0, 0.5, 1], [0, 0.5, 0], [0, 0.5, 0]])  # black, grey, red
    ours = torch.stack(rgb_to_hsv(img), dim=1)
    for y in range(5):
        for x in range(7):
            theirs = colorsys.rgb_to_hsv(*img[0, :, y, x].tolist())
            assert ours[0, :, y, x].tolist() == pytest.approx(theirs, abs=1e-5)


def test_a_histogram_counts_each_stripe_without_the_rim():
    img = torch.zeros(1, 3, 12, 12)
    img[:, 0, :2, 2:6] = 1  # half of the first stripe's inner eight columns is red
    img[:, :, :, :2] = torch.rand(1, 3, 12, 2)  # rim, not seen
    found = ColorHistogram()(img).embedding.view(6, 8, 4, 4).square()
    red, black = (0, 3, 3), (0, 0, 0)  # hue, saturation, value
    assert found[0][red].item() == pytest.approx(8)
    assert found[0][black].item() == pytest.approx(8)
    assert found[1][black].item() == pytest.approx(16)
    assert found.sum().item() == pytest.approx(6 * 16)


def test_a_histogram_of_normalised_images_is_an_error():
    with pytest.raises(ValueError, match=r'reads images in \[0, 1\]'):
        ColorHistogram()(torch.randn(1, 3, 12, 6))
