"""Pictures of ranked lists: frames, order, size, captions and the file."""

import pytest
from PIL import Image

from reidgen.visualization.ranked_lists import (
    BORDER,
    CAPTION,
    CELL,
    COLOURS,
    GAP,
    QUERY_GAP,
    Cell,
    draw_lines,
    read_picture,
)

WHITE = (255, 255, 255)


def shade(row):
    return (10 * row, 20 * row, 30)


def read(row):
    return Image.new('RGB', (7, 9), shade(row))


def line(*kinds, caption='1 c1'):
    """A query, image 0, and images 1, 2, ... of these kinds."""
    return [
        Cell(lambda row=row: read(row), kind, caption) for row, kind in enumerate(['query', *kinds])
    ]


def corner(line, place):
    """(x, y) of a cell's upper left pixel, a pixel of its border."""
    x = GAP + place * (CELL[1] + GAP) + (QUERY_GAP if place else 0)
    return x, GAP + line * (CELL[0] + GAP)


def inside(line, place):
    x, y = corner(line, place)
    return x + BORDER + 5, y + BORDER + 10


def test_borders_tell_query_match_miss_junk_and_unknown(tmp_path):
    kinds = ('junk', 'miss', 'match', 'unknown')
    picture = draw_lines([line(*kinds)], 4, tmp_path / 'lists.png')
    borders = [picture.getpixel(corner(0, place)) for place in range(5)]
    assert borders == [COLOURS[kind] for kind in ('query', *kinds)]
    assert len(set(borders)) == 5


def test_images_stand_in_the_order_of_their_lists(tmp_path):
    lines = [line('miss', 'match')[::-1], line('match', 'miss')]
    picture = draw_lines(lines, 2, tmp_path / 'lists.png')
    assert [picture.getpixel(inside(0, place)) for place in range(3)] == [*map(shade, (2, 1, 0))]
    assert [picture.getpixel(inside(1, place)) for place in range(3)] == [*map(shade, (0, 1, 2))]


def test_size_of_the_picture_is_that_of_its_cells_and_short_lists_leave_white(tmp_path):
    picture = draw_lines([line('match', 'miss'), line()], 3, tmp_path / 'lists.png')
    assert picture.size == (GAP + 4 * (CELL[1] + GAP) + QUERY_GAP, GAP + 2 * (CELL[0] + GAP))
    assert picture.getpixel(inside(0, 3)) == picture.getpixel(inside(1, 1)) == WHITE


def test_captions_stand_below_their_images(tmp_path):
    x, y = corner(0, 0)
    box = (x, y + CELL[0] - CAPTION, x + CELL[1], y + CELL[0])
    one, other, none = (
        draw_lines([line(caption=text)], 0, tmp_path / 'lists.png').crop(box)
        for text in ('1 c1', '8 c1', '')
    )
    assert none.getcolors() == [(CAPTION * CELL[1], WHITE)]
    assert len({picture.tobytes() for picture in (one, other, none)}) == 3


def test_images_are_read_from_files_and_the_picture_written_to_a_new_folder(tmp_path):
    read(5).save(tmp_path / '5.png')
    cell = Cell(lambda: read_picture(tmp_path / '5.png'), 'query', '')
    picture = draw_lines([[cell]], 0, tmp_path / 'new' / 'lists.png')
    assert picture.getpixel(inside(0, 0)) == shade(5)
    with Image.open(tmp_path / 'new' / 'lists.png') as written:
        assert written.convert('RGB').tobytes() == picture.tobytes()


def test_lines_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match='1 lines of up to 2 images do not fit top=1'):
        draw_lines([line('match', 'miss')], 1, tmp_path / 'lists.png')
    with pytest.raises(ValueError, match='0 lines'):
        draw_lines([], 1, tmp_path / 'lists.png')
    assert not (tmp_path / 'lists.png').exists()
