"""Pictures of the largest clusters."""

import pytest
import torch
from PIL import Image

from reidgen.visualization import draw_largest_clusters
from reidgen.visualization.ranked_lists import CELL, COLOURS, GAP, QUERY_GAP

BLUE, GREEN, RED, DARK = (COLOURS[kind] for kind in ('query', 'match', 'miss', 'unknown'))
HEIGHT, WIDTH = CELL
#           cluster 1 is the largest, rows 4 2 5 1 by similarity to its middle, row 4
LABELS = torch.tensor([0, 1, 1, -1, 1, 1, 0])
PIDS = [7, 8, 9, 9, 9, -1, 7]
ANGLES = torch.tensor([0.0, 1.5, 0.2, 3.0, 0.5, -0.4, 0.1])
FEATURES = torch.stack([ANGLES.cos(), ANGLES.sin()], dim=1)


def read(row: int) -> Image.Image:
    """A picture whose grey tells the row."""
    return Image.new('RGB', (8, 16), (30 * row, 30 * row, 30 * row))


def cells(picture: Image.Image) -> list[list[tuple]]:
    """Frame colour and row of each cell, line by line; white ones left out."""
    lines = []
    for line in range((picture.height - GAP) // (HEIGHT + GAP)):
        found, y = [], GAP + line * (HEIGHT + GAP)
        for place in range((picture.width - GAP - QUERY_GAP) // (WIDTH + GAP)):
            x = GAP + place * (WIDTH + GAP) + (QUERY_GAP if place else 0)
            frame = picture.getpixel((x, y))
            if frame != (255, 255, 255):
                found.append((frame, picture.getpixel((x + WIDTH // 2, y + HEIGHT // 3))[0] // 30))
        lines.append(found)
    return lines


@pytest.fixture
def draw(tmp_path):
    return lambda **options: draw_largest_clusters(
        LABELS, FEATURES, PIDS, read, tmp_path / 'new' / 'clusters.png', **options
    )


def test_each_line_is_a_cluster_from_its_middle_on_with_truth_in_the_frames(draw, tmp_path):
    picture = draw()
    # mean direction of cluster 1 at about 0.44: row 4 is next to it
    assert cells(picture) == [
        [(BLUE, 4), (GREEN, 2), (DARK, 5), (RED, 1)],
        [(BLUE, 0), (GREEN, 6)],
    ]
    with Image.open(tmp_path / 'new' / 'clusters.png') as written:
        assert written.size == picture.size


def test_lines_and_images_are_limited(draw):
    assert cells(draw(num_clusters=1, num_images=2)) == [[(BLUE, 4), (GREEN, 2), (DARK, 5)]]


def test_outliers_alone_make_no_picture(tmp_path):
    path = tmp_path / 'clusters.png'
    none = torch.full((3,), -1)
    assert draw_largest_clusters(none, torch.eye(3), [0, 1, 2], read, path) is None
    assert not path.exists()
