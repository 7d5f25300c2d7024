"""Image list images.csv of a feature store, a line a row."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from reidgen.datasets.records import Record

IMAGES = 'images.csv'
COLUMNS = ('path', 'pid', 'camid')


def images_text(records: Iterable[Record]) -> str:
    """Text of the list: path, pid and camid (from 0), -1 where unknown, by row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(COLUMNS)
    writer.writerows(records)
    return text.getvalue()


def iterate_images(folder: Path) -> Iterator[Record]:
    """Iterator over the records of images.csv, for long lists."""
    with open(folder / IMAGES, newline='') as file:
        rows = csv.reader(file)
        next(rows)
        for path, pid, camid in rows:
            yield Record(path, int(pid), int(camid))
