import pytest
import torch
from PIL import Image

from reidgen.visualization.ranked_lists import (
    BORDER,
    CAPTION,
    COLOURS,
    GAP,
    QUERY_GAP,
    Cell,
    draw_lines,
    draw_ranked_lists,
)

SIZE = (20, 10)  # height, width
CELL = (20 + 2 * BORDER + CAPTION, 10 + 2 * BORDER)
# rows 0 and 1 are queries; query 0 sees row 2 (junk), 3 (miss), 4 (match), 5 (junk: nobody)
FEATURES = torch.tensor([[0.0], [9.0], [1.0], [2.0], [3.0], [4.0]])
PIDS = torch.tensor([1, 2, 1, 2, 1, -1])
CAMIDS = torch.tensor([0, 0, 0, 1, 1, 1])


def shade(row):
    return (10 * row, 20 * row, 30)


def read(row):
    return Image.new('RGB', (7, 9), shade(row))


def draw(images=read, rows=(0,), **kwargs):
    return draw_ranked_lists(
        images, PIDS, CAMIDS, FEATURES, 2, list(rows), **{'top': 4, 'size': SIZE, **kwargs}
    )


def corner(line, place):
    """(x, y) of a cell's upper left pixel, a pixel of its border."""
    x = GAP + place * (CELL[1] + GAP) + (QUERY_GAP if place else 0)
    return x, GAP + line * (CELL[0] + GAP)


def inside(line, place):
    x, y = corner(line, place)
    return x + BORDER + 5, y + BORDER + 10


def test_borders_tell_query_match_miss_and_junk():
    picture = draw()
    borders = [picture.getpixel(corner(0, place)) for place in range(5)]
    assert borders == [COLOURS[kind] for kind in ('query', 'junk', 'miss', 'match', 'junk')]


def test_images_stand_in_ranked_order_on_the_line_of_their_query():
    picture = draw(rows=(1, 0))
    assert [picture.getpixel(inside(0, place)) for place in range(5)] == [
        shade(row) for row in (1, 5, 4, 3, 2)
    ]
    assert [picture.getpixel(inside(1, place)) for place in range(5)] == [
        shade(row) for row in (0, 2, 3, 4, 5)
    ]


def test_size_of_the_picture_is_that_of_its_cells():
    picture = draw(rows=(0, 1), top=2)
    assert picture.size == (GAP + 3 * (CELL[1] + GAP) + QUERY_GAP, GAP + 2 * (CELL[0] + GAP))


def test_captions_differ_by_pid():
    one, other = (
        draw(),
        draw_ranked_lists(read, PIDS + 7 * (PIDS == 1), CAMIDS, FEATURES, 2, [0], top=4, size=SIZE),
    )
    x, y = corner(0, 0)
    box = (x, y + CELL[0] - CAPTION, x + CELL[1], y + CELL[0])
    assert one.crop(box).getcolors() != [(CAPTION * CELL[1], (255, 255, 255))]
    assert one.crop(box).tobytes() != other.crop(box).tobytes()


def test_short_gallery_leaves_white():
    picture = draw(top=5)
    assert picture.getpixel(inside(0, 5)) == (255, 255, 255)


def test_paths_are_read_and_the_picture_written(tmp_path):
    paths = [tmp_path / f'{row}.png' for row in range(6)]
    for row, path in enumerate(paths):
        read(row).save(path)
    picture = draw(paths, path_out=tmp_path / 'new' / 'lists.png')
    assert picture.tobytes() == draw().tobytes()
    with Image.open(tmp_path / 'new' / 'lists.png') as written:
        assert written.convert('RGB').tobytes() == picture.tobytes()


def test_all_vs_all_draws_the_query_itself_as_junk():
    picture = draw(rows=(4,), protocol='all-vs-all', top=3)
    assert [picture.getpixel(inside(0, place)) for place in range(4)] == [
        shade(row) for row in (4, 4, 3, 5)
    ]
    assert picture.getpixel(corner(0, 1)) == COLOURS['junk']
    assert picture.getpixel(corner(0, 2)) == COLOURS['miss']


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match=r'rows=\[\], top=4'):
        draw(rows=())
    with pytest.raises(ValueError, match=r'rows \[2\] are not among the 2 queries'):
        draw(rows=(2,))


def test_lines_of_images_nobody_has_named_are_framed_as_unknown():
    query = Cell(lambda: read(1), 'query', 'query')
    hits = [Cell(lambda row=row: read(row), 'unknown', '0.123') for row in (4, 2)]
    picture = draw_lines([[query, *hits], [query]], top=3, size=SIZE)
    assert [picture.getpixel(corner(0, place)) for place in range(3)] == [
        COLOURS[kind] for kind in ('query', 'unknown', 'unknown')
    ]
    assert [picture.getpixel(inside(0, place)) for place in range(3)] == [
        shade(row) for row in (1, 4, 2)
    ]
    assert picture.getpixel(inside(0, 3)) == picture.getpixel(inside(1, 1)) == (255, 255, 255)
    with pytest.raises(ValueError, match='1 lines of up to 2 images do not fit top=1'):
        draw_lines([[query, *hits]], top=1)
    with pytest.raises(ValueError, match='0 lines'):
        draw_lines([])
