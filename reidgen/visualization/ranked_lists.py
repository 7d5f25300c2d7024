"""Pictures of ranked lists: queries and their top gallery images, framed by correctness."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from reidgen.datasets.image_files import load_upright
from reidgen.evaluation.identification import ranked_lists
from reidgen.evaluation.labels import RetrievalLabels
from reidgen.evaluation.protocols import find_protocol

COLOURS = {
    'query': (0, 90, 200),
    'match': (0, 160, 60),
    'miss': (210, 30, 30),
    'junk': (150, 150, 150),
    'unknown': (60, 60, 60),  # unknown identity
}
BORDER = 4  # pixels, as are the others
CAPTION = 14  # height of the line below an image
GAP = 4  # around a cell
QUERY_GAP = 12  # more, between a query and its list


def draw_ranked_lists(
    images: Sequence[str | Path] | Callable[[int], Image.Image],
    pids: Tensor,
    camids: Tensor,
    features: Tensor,
    num_query: int,
    rows: Sequence[int],
    top: int = 10,
    protocol: str = 'market1501',
    size: tuple[int, int] = (128, 64),
    path_out: str | Path | None = None,
) -> Image.Image:
    """Draws a line a query: the query with a blue border, then its top gallery images.

    Green is a match, red a miss, grey junk, which the scores leave out and the picture keeps. A
    caption is the pid and, from 1 as in file names, the camera. A gallery shorter than `top` leaves
    white.

    Args:
        images: the N paths, queries first, or a function from a row to its picture.
        pids: (N,) int64; `camids` likewise, from 0.
        features: (N, D), L2-normalised, queries first.
        num_query: rows before it are queries; under 'all-vs-all' every row is query and gallery.
        rows: the queries to draw, from the top.
        size: (height, width) an image is drawn at.
        path_out: also written there, in the format of its suffix.

    Raises:
        ValueError: no rows, `top` below 1, or as `ranked_lists`.
    """
    if not len(rows) or top < 1:
        raise ValueError(f'nothing to draw: rows={list(rows)}, top={top}; give at least one each')
    labels, offset = RetrievalLabels.of_split(num_query, pids, camids), num_query
    if find_protocol(protocol).one_set:
        labels, offset = RetrievalLabels.of_one_set(pids, camids), 0
    query, gallery = features[: labels.num_query], features[offset:]
    lists = ranked_lists(query, gallery, labels, protocol, top, rows)
    read = images if callable(images) else lambda row: read_picture(images[row])

    def cell(row: int, kind: str) -> Cell:
        return Cell(lambda: read(row), kind, f'{int(pids[row])} c{int(camids[row]) + 1}')

    lines = [
        [cell(ranked.query, 'query')]
        + [cell(offset + row, flag) for row, flag in zip(ranked.gallery.tolist(), ranked.flags)]
        for ranked in lists
    ]
    return draw_lines(lines, top, size, path_out)


class Cell(NamedTuple):
    """Image of a ranked list with its border and caption."""

    read: Callable[[], Image.Image]  # called when it is drawn
    kind: str  # a key of COLOURS
    caption: str


def draw_lines(
    lines: Sequence[Sequence[Cell]],
    top: int = 10,
    size: tuple[int, int] = (128, 64),
    path_out: str | Path | None = None,
) -> Image.Image:
    """Draws a line a query: its cell, a gap, then the cells of its list; arguments as above.

    Raises:
        ValueError: no line, or one of more than `top` images.
    """
    longest = max((len(line) - 1 for line in lines), default=-1)
    if not 0 <= longest <= top:
        raise ValueError(f'{len(lines)} lines of up to {longest} images do not fit top={top}')
    height, width = cell_size(size)
    picture = Image.new(
        'RGB',
        (GAP + (top + 1) * (width + GAP) + QUERY_GAP, GAP + len(lines) * (height + GAP)),
        'white',
    )
    for number, line in enumerate(lines):
        y = GAP + number * (height + GAP)
        for place, cell in enumerate(line):
            x = GAP + place * (width + GAP) + (QUERY_GAP if place else 0)
            picture.paste(_drawn(cell, size), (x, y))
    if path_out is not None:
        Path(path_out).parent.mkdir(parents=True, exist_ok=True)
        picture.save(path_out)
    return picture


def cell_size(size: tuple[int, int]) -> tuple[int, int]:
    """Size (height, width) of a cell: an image of this size with border and caption."""
    return size[0] + 2 * BORDER + CAPTION, size[1] + 2 * BORDER


def _drawn(cell: Cell, size: tuple[int, int]) -> Image.Image:
    height, width = cell_size(size)
    drawn = Image.new('RGB', (width, height), 'white')
    drawn.paste(COLOURS[cell.kind], (0, 0, width, height - CAPTION))
    image = cell.read().convert('RGB').resize((size[1], size[0]), Image.Resampling.BICUBIC)
    drawn.paste(image, (BORDER, BORDER))
    ImageDraw.Draw(drawn).text(
        (BORDER, height - CAPTION), cell.caption, fill='black', font=ImageFont.load_default(10)
    )
    return drawn


def read_picture(path: str | Path) -> Image.Image:
    """The image of a file in RGB, upright, as `reidgen.datasets` reads it."""
    return load_upright(path).convert('RGB')
