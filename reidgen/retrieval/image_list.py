"""images.csv: the images of a feature store, a line each, in the order of its rows."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from reidgen.datasets.records import Record

IMAGES = 'images.csv'
COLUMNS = ('path', 'pid', 'camid')


def images_text(records: Iterable[Record]) -> str:
    """The list: path, pid and camid (from 0), -1 where unknown, in the order of the rows."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(COLUMNS)
    writer.writerows(records)
    return text.getvalue()


def iterate_images(folder: Path) -> Iterator[Record]:
    """The records of images.csv, one after another, for lists that are long."""
    with open(folder / IMAGES, newline='') as file:
        rows = csv.reader(file)
        next(rows)
        for path, pid, camid in rows:
            yield Record(path, int(pid), int(camid))
