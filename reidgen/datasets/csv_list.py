"""CSV lists of images, as written by programs and spreadsheets."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

DELIMITERS = (',', ';', '\t')  # of programs, of European spreadsheets, of Excel's Unicode text
# byte order marks; that of UTF-32 begins like that of UTF-16 and comes first
MARKS = (
    (codecs.BOM_UTF32_LE, 'utf-32'),
    (codecs.BOM_UTF32_BE, 'utf-32'),
    (codecs.BOM_UTF16_LE, 'utf-16'),
    (codecs.BOM_UTF16_BE, 'utf-16'),
    (codecs.BOM_UTF8, 'utf-8-sig'),
)


class Row(NamedTuple):
    """A row of a list: cells by column, stripped of spaces."""

    cells: dict[str, str]
    where: str  # file and line, for errors


def read_rows(path: Path, columns: Sequence[str], encoding: str | None = None) -> list[Row]:
    """Rows of a list whose first line has the column names; empty rows are skipped.

    Args:
        path: of a file with commas, semicolons or tabs between the cells.
        columns: names that are known; the first must be there.
        encoding: of the file; None: UTF-8, or that of its byte order mark.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another encoding; NUL characters; a column that is unknown, twice or missing; a
            row of more or fewer cells than columns; a cell with a line break or of 128 kB.
    """
    text = _decoded(path, encoding)
    delimiter = next((each for each in DELIMITERS if _fits(text, each, columns)), DELIMITERS[0])
    rows = _split(text, delimiter, path)
    where, names = next(rows, (f'{path}, line 1', []))
    unknown = [name for name in names if name not in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if unknown or twice or columns[0] not in names:
        wrong = f'; {", ".join(twice)} twice: leave one' if twice else ''
        raise ValueError(
            f'{where}: columns are {", ".join(names) or "none"}{wrong}; {columns[0]} is needed, '
            f'{", ".join(columns[1:])} are optional, others are not known'
        )
    found = []
    for where, cells in rows:
        if len(cells) != len(names):
            raise ValueError(
                f'{where}: {len(cells)} cells ({", ".join(map(repr, cells))[:200]}), but '
                f'{len(names)} columns ({", ".join(names)}); put quotes around a cell with '
                f'{delimiter!r} in it'
            )
        found.append(Row(dict(zip(names, cells)), where))
    return found


def _decoded(path: Path, encoding: str | None) -> str:
    if not path.is_file():
        raise FileNotFoundError(f'no list {path.absolute()}; csv_file is relative to root')
    data = path.read_bytes()
    used = encoding or next((name for mark, name in MARKS if data.startswith(mark)), 'utf-8')
    try:
        text = data.decode(used)
    except UnicodeDecodeError as error:
        line = data.count(b'\n', 0, error.start) + 1
        raise ValueError(
            f'{path}, line {line}: byte {data[error.start]:#04x} is not {used}; save the list as '
            f"UTF-8, or name its encoding, such as csv_encoding='cp1252' (Western Windows) or "
            f"'utf-16'"
        ) from error
    except (LookupError, TypeError, ValueError) as error:  # a NUL character in the name
        raise ValueError(
            f"csv_encoding is {used!r}, which is no encoding; give one such as 'cp1252'"
        ) from error
    if '\0' in text:
        line = text.count('\n', 0, text.index('\0')) + 1
        raise ValueError(
            f'{path}, line {line}: a NUL character, so the file is damaged, no text, or of another '
            f'encoding; save the list as UTF-8, or name its encoding, such as '
            f"csv_encoding='utf-16-le'"
        )
    return text.removeprefix('\ufeff')


def _fits(text: str, delimiter: str, columns: Sequence[str]) -> bool:
    header = text.lstrip('\r\n').splitlines()[:1]
    names = [name.strip().strip('"') for line in header for name in line.split(delimiter)]
    return bool(names) and set(names) <= set(columns)


def _split(text: str, delimiter: str, path: Path) -> Iterator[tuple[str, list[str]]]:
    """Place and cells of each non-empty row."""
    rows = csv.reader(io.StringIO(text, newline=''), delimiter=delimiter, skipinitialspace=True)
    while True:
        where = f'{path}, line {rows.line_num + 1}'
        try:
            cells = [cell.strip() for cell in next(rows)]
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(
                f'{where}: {error}; is a quote opened here and not closed, or is it no list?'
            ) from error
        if any('\n' in cell or '\r' in cell for cell in cells):
            raise ValueError(
                f'{where}: a cell goes on over the end of the line; close its quote ("), or double '
                f'a quote that belongs to a name'
            )
        if any(cells):
            yield where, cells
