import pytest
import torch
from PIL import Image

from reidgen.visualization.grids import TITLE, panel, save_png

MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.1)
H, W, B = 8, 6, 2


def cell(picture, row, column):
    """(3, H, W) of one cell, worked out from padding 2 around each."""
    top, left = TITLE + 2 + row * (H + 2), 2 + column * (W + 2)
    return picture[:, top : top + H, left : left + W]


def flat(*values):
    """(B, C, H, W) of one colour."""
    return torch.tensor(values).view(1, -1, 1, 1).expand(B, -1, H, W)


def test_images_are_denormalised():
    # 0.5 + 0.25 = 0.75, 0.4 + 0 = 0.4, 0.3 - 0.2 = 0.1, in 255ths
    picture = panel([('x', flat(1.0, 0.0, -2.0))], MEAN, STD)
    assert picture.dtype == torch.uint8
    for row in range(B):
        assert (cell(picture, row, 0) == torch.tensor([191, 102, 26]).view(3, 1, 1)).all()


def test_pixels_come_back_where_they_were():
    pixels = torch.randint(0, 256, (B, 3, H, W), generator=torch.Generator().manual_seed(0))
    normalised = (pixels / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    other = torch.zeros(B, 1, H, W)
    picture = panel([('m', other), ('x', normalised)], MEAN, STD)
    for row in range(B):
        assert torch.equal(cell(picture, row, 1).long(), pixels[row])


@pytest.mark.parametrize(
    'levels, grey',
    [
        ((-1.0,), 0),
        ((1.0,), 255),
        ((0.2,), 153),
        ((1.0, 1.0, -1.0, -1.0), 128),
        ((0.6, 0.6), 204),
        ((0.6, -1.0, -1.0, -1.0, -1.0), 204),  # a joint of five
    ],
)
def test_maps_are_grey_by_the_mean_of_few_channels_and_the_largest_of_many(levels, grey):
    picture = panel([('m', flat(*levels))], MEAN, STD)
    assert (cell(picture, 1, 0) == grey).all()


def test_values_out_of_range_are_clipped():
    picture = panel([('x', flat(99.0, -99.0, 0.0)), ('m', flat(3.0))], MEAN, STD)
    assert cell(picture, 0, 0)[:, 0, 0].tolist() == [255, 0, 76]
    assert (cell(picture, 0, 1) == 255).all()


@pytest.mark.parametrize('num_persons', [1, 3])
@pytest.mark.parametrize('num_columns', [1, 4])
def test_size_is_rows_by_columns_with_a_line_of_titles(num_persons, num_columns):
    columns = [('m', torch.zeros(num_persons, 1, H, W))] * num_columns
    assert panel(columns, MEAN, STD).shape == (
        3,
        TITLE + num_persons * (H + 2) + 2,
        num_columns * (W + 2) + 2,
    )


def test_titles_stand_above_their_column_and_are_cut_at_its_edge():
    columns = [
        ('', torch.zeros(1, 1, H, 30)),
        ('WWWWWWWWWWWW', torch.zeros(1, 1, H, 30)),
        ('', torch.zeros(1, 1, H, 30)),
    ]
    strip = panel(columns, MEAN, STD)[:, :TITLE]
    assert (strip[:, :, :34] == 255).all()
    assert (strip[:, :, 34:64] < 128).any()
    assert (strip[:, :, 64:] == 255).all()


def test_arguments_are_left_as_they_were():
    x = flat(1.0, 0.0, -2.0).clone().requires_grad_()
    before = x.detach().clone()
    panel([('x', x)], MEAN, STD)
    assert torch.equal(x, before)


def test_batches_that_do_not_fit_are_named_with_their_shapes():
    with pytest.raises(ValueError, match=r'x \(2, 3, 8, 6\), m \(1, 1, 8, 6\)'):
        panel([('x', torch.zeros(2, 3, H, W)), ('m', torch.zeros(1, 1, H, W))], MEAN, STD)
    with pytest.raises(ValueError, match='given: none'):
        panel([], MEAN, STD)


def test_png_holds_the_same_pixels(tmp_path):
    picture = torch.randint(
        0, 256, (3, 5, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    save_png(picture, tmp_path / 'new' / 'grid.png')
    with Image.open(tmp_path / 'new' / 'grid.png') as image:
        assert image.size == (4, 5)
        assert all(
            image.getpixel((x, y)) == tuple(picture[:, y, x].tolist())
            for x in range(4)
            for y in range(5)
        )
