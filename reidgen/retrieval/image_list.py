"""Image list images.csv of a feature store, a line a row."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from reidgen.datasets.records import Record

IMAGES = 'images.csv'
COLUMNS = ('path', 'pid', 'camid')
NUMBER = re.compile(r'-1|[0-9]{1,18}')  # fits into int64
UTF_8, ERRORS = 'utf-8', 'surrogateescape'  # names that are no UTF-8 survive


def images_bytes(records: Iterable[Record]) -> bytes:
    """Content of the list: path, pid and camid (from 0), -1 where unknown, by row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(COLUMNS)
    writer.writerows(records)
    return text.getvalue().encode(UTF_8, ERRORS)


def iterate_images(folder: Path) -> Iterator[Record]:
    """Iterator over the records of images.csv, for long lists.

    Raises:
        ValueError: a line is not path, pid and camid; gives its number.
    """
    with open(folder / IMAGES, newline='', encoding=UTF_8, errors=ERRORS) as file:
        rows = csv.reader(file)
        try:
            if next(rows, None) != list(COLUMNS):
                raise ValueError(f'the columns are not {", ".join(COLUMNS)}')
            for cells in rows:
                yield _record(cells)
        except (ValueError, csv.Error) as error:
            raise ValueError(
                f'{folder / IMAGES}, line {rows.line_num}: {error}; the list is damaged: restore '
                f'it, or extract again into another folder'
            ) from error


def _record(cells: list[str]) -> Record:
    whole = len(cells) == len(COLUMNS) and all(map(NUMBER.fullmatch, cells[1:]))
    if not whole or not cells[0] or '\0' in cells[0]:
        raise ValueError(f'{str(cells)[:100]} is not path, pid, camid; numbers are -1 and above')
    return Record(cells[0], *map(int, cells[1:]))
