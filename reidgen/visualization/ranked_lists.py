"""Pictures of ranked lists: queries and their top gallery images, framed by correctness."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from reidgen.datasets.image_files import load_upright
from reidgen.files import written_whole

COLOURS = {
    'query': (0, 90, 200),
    'match': (0, 160, 60),
    'miss': (210, 30, 30),
    'junk': (150, 150, 150),
    'unknown': (60, 60, 60),  # unknown identity
}
SIZE = (128, 64)  # height and width of an image, pixels as are the others
BORDER = 4
CAPTION = 14  # height of the line below an image
GAP = 4  # around a cell
QUERY_GAP = 12  # more, between a query and its list
CELL = (SIZE[0] + 2 * BORDER + CAPTION, SIZE[1] + 2 * BORDER)  # an image, its frame and caption


class Cell(NamedTuple):
    """Image of a ranked list with its border and caption."""

    read: Callable[[], Image.Image]  # called when it is drawn
    kind: str  # a key of COLOURS
    caption: str


def draw_lines(lines: Sequence[Sequence[Cell]], top: int, path: str | Path) -> Image.Image:
    """Draws a line a query: its cell, a gap, then the cells of its list, with framed images.

    The frame of a query is blue, of a match green, of a miss red, of junk, which the scores leave
    out, grey, of an unknown identity dark. A list shorter than `top` leaves white.

    Args:
        lines: the cell of a query and those of its list.
        top: images of the longest list there is room for.
        path: of the PNG file; its folder is made.

    Raises:
        ValueError: no line, or one of more than `top` images.
    """
    longest = max((len(line) - 1 for line in lines), default=-1)
    if not 0 <= longest <= top:
        raise ValueError(f'{len(lines)} lines of up to {longest} images do not fit top={top}')
    height, width = CELL
    picture = Image.new(
        'RGB',
        (GAP + (top + 1) * (width + GAP) + QUERY_GAP, GAP + len(lines) * (height + GAP)),
        'white',
    )
    for number, line in enumerate(lines):
        y = GAP + number * (height + GAP)
        for place, cell in enumerate(line):
            x = GAP + place * (width + GAP) + (QUERY_GAP if place else 0)
            picture.paste(_drawn(cell), (x, y))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as part:
        picture.save(part, format='PNG')
    return picture


def _drawn(cell: Cell) -> Image.Image:
    height, width = CELL
    drawn = Image.new('RGB', (width, height), 'white')
    drawn.paste(COLOURS[cell.kind], (0, 0, width, height - CAPTION))
    image = cell.read().convert('RGB').resize((SIZE[1], SIZE[0]), Image.Resampling.BICUBIC)
    drawn.paste(image, (BORDER, BORDER))
    ImageDraw.Draw(drawn).text(
        (BORDER, height - CAPTION), cell.caption, fill='black', font=ImageFont.load_default(10)
    )
    return drawn


def read_picture(path: str | Path) -> Image.Image:
    """The image of a file in RGB, upright, as `reidgen.datasets` reads it."""
    return load_upright(path).convert('RGB')
