"""Tables of measured results: docs/results/NAME.md from docs/results/NAME.json.

    python tools/benchmarks/results_table.py                          (all of docs/results)
    python tools/benchmarks/results_table.py docs/results/gcl_synth.json
    python tools/benchmarks/results_table.py --check                  (writes nothing)

The form of a file, every key of which is told here and no other is taken:

    {
     "title": "heading of the page",
     "text": ["paragraphs in Markdown below it; a line that starts with | or - is left alone"],
     "measured": {"config": ..., "command": ..., "seed": ..., "hardware": ..., "commit": ...},
     "tables": [
      {
       "title": "heading of the table",
       "text": ["paragraphs before the table"],
       "notes": ["paragraphs after it"],
       "measured": {"seed": 1},
       "decimals": 1,
       "columns": ["", "seed 0", "seed 1", {"title": "mean mAP", "mean_of": ["seed 0", "seed 1"]}],
       "rows": [
        ["direct transfer", [43.6, 60.7], [41.5, 59.7]],
        {"bold": true, "cells": ["GCL", [65.2, 81.9], null]}
       ]
      }
     ]
    }

`title`, `measured` and `tables`, and of a table `columns` and `rows`, must be there. `measured` has
all five keys, each a text, a number or a list of these; what nobody wrote down is 'not recorded'.
That of a table replaces single keys. A row has a cell for each column that is none of `mean_of`:

    "text"                           as it is
    45.7                             with `decimals` places; a whole number as it is
    [45.7, 63.1]                     45.7 / 63.1
    {"mean": 45.7, "std": 2.3}       45.7 +- 2.3; both may be lists, of one length
    null                             nothing, where it was not measured

`mean_of` is worked out here: mean and sample deviation of the first numbers of those columns, 45.7
+- 2.3, of one column the number; empty where one has none.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from reidgen.choices import hint, listed  # noqa: E402

RESULTS = ROOT / 'docs' / 'results'
PROVENANCE = ('config', 'command', 'seed', 'hardware', 'commit')
FILE_KEYS = {'title': True, 'text': False, 'measured': True, 'tables': True}  # key -> needed
TABLE_KEYS = {
    'title': False, 'text': False, 'notes': False, 'measured': False, 'decimals': False,
    'columns': True, 'rows': True,
}  # fmt: skip


def render(path: Path) -> str:
    """Markdown of a results file.

    Raises:
        ValueError: no JSON, or not of the form above; file, place, value and fix are told.
    """
    try:
        page = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(f'{path} is no JSON: {error}; correct it there') from error
    check_keys(page, FILE_KEYS, str(path))
    check_keys(page['measured'], dict.fromkeys(PROVENANCE, True), f'{path}: measured')
    lines = [f'# {page["title"]}', '', *paragraphs(page.get('text', []))]
    lines += [*provenance(page['measured']), '']
    for number, table in enumerate(page['tables']):
        lines += table_lines(table, f'{path}: tables[{number}]')
    source = f'Made from `{path.name}` by `tools/benchmarks/results_table.py`; change that file.'
    return '\n'.join([*lines, source]) + '\n'


def table_lines(table: dict, place: str) -> list[str]:
    """A section: the table, its text and notes, and what was measured otherwise than the page."""
    check_keys(table, TABLE_KEYS, place)
    measured = table.get('measured', {})
    check_keys(measured, dict.fromkeys(PROVENANCE, False), f'{place}: measured')
    columns, decimals = table['columns'], table.get('decimals', 1)
    titles = [c if isinstance(c, str) else c.get('title') for c in columns]
    if len(set(titles)) < len(titles):
        raise ValueError(f'{place}: two columns have one title: {titles}; name them apart')
    rows = [row if isinstance(row, dict) else {'cells': row} for row in table['rows']]
    lines = [f'## {table["title"]}', ''] if 'title' in table else []
    lines += paragraphs(table.get('text', []))
    lines += ['| ' + ' | '.join(titles) + ' |', '|' + '---|' * len(columns)]
    for number, row in enumerate(rows):
        here = f'{place}: rows[{number}]'
        check_keys(row, {'cells': True, 'bold': False}, here)
        cells = row_cells(row['cells'], columns, decimals, here)
        if row.get('bold'):
            cells = [f'**{cell}**' if cell else cell for cell in cells]
        lines.append('| ' + ' | '.join(cells) + ' |')
    lines += ['', *paragraphs(table.get('notes', []))]
    return lines + ([*provenance(measured), ''] if measured else [])


def row_cells(cells: Sequence, columns: Sequence, decimals: int, place: str) -> list[str]:
    """Texts of a row, the worked out columns among them."""
    given = [column for column in columns if isinstance(column, str)]
    if not isinstance(cells, list):
        raise ValueError(f'{place} is {cells!r}; write a list with a cell for each of {given}')
    if len(cells) != len(given):
        raise ValueError(
            f'{place} has {len(cells)} cells ({cells}), but there are {len(given)} columns '
            f'({given}); give null for what was not measured'
        )
    values, texts = dict(zip(given, cells)), []
    for column in columns:
        if isinstance(column, str):
            texts.append(shown(values[column], decimals, f'{place}, column {column!r}'))
            continue
        check_keys(column, {'title': True, 'mean_of': True}, f'{place}: column')
        unknown = [name for name in column['mean_of'] if name not in values]
        if unknown:
            raise ValueError(f'{place}: mean_of names no column {unknown}; there are {given}')
        firsts = [first_number(values[name]) for name in column['mean_of']]
        complete = all(first is not None for first in firsts)
        texts.append(mean_and_deviation(firsts, decimals) if complete else '')
    return texts


def mean_and_deviation(values: Sequence[float], decimals: int) -> str:
    """Text of the mean and the sample deviation; of one value, itself."""
    mean = f'{statistics.fmean(values):.{decimals}f}'
    return mean if len(values) == 1 else f'{mean} +- {statistics.stdev(values):.{decimals}f}'


def shown(cell, decimals: int, place: str) -> str:
    """Text of a cell."""
    if cell is None:
        return ''
    if isinstance(cell, str):
        return cell
    if isinstance(cell, list):
        return ' / '.join(shown(part, decimals, place) for part in cell)
    if isinstance(cell, dict):
        check_keys(cell, {'mean': True, 'std': True}, place)
        mean, std = cell['mean'], cell['std']
        pairs = zip(mean, std, strict=True) if isinstance(mean, list) else [(mean, std)]
        return ' / '.join(f'{m:.{decimals}f} +- {s:.{decimals}f}' for m, s in pairs)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise ValueError(f'{place}: a cell is {cell!r}; give a text, a number, a list or null')
    return str(cell) if isinstance(cell, int) else f'{cell:.{decimals}f}'


def first_number(cell) -> float | None:
    """The number that `mean_of` takes of a cell."""
    if isinstance(cell, dict):
        cell = cell['mean']
    cell = cell[0] if isinstance(cell, list) and cell else cell
    return cell if isinstance(cell, int | float) else None


def paragraphs(texts: Sequence[str]) -> list[str]:
    """Lines of paragraphs, an empty line after each; those of one list or table stay together."""
    lines = []
    for number, text in enumerate(texts):
        lines.append(text)
        following = texts[number + 1] if number + 1 < len(texts) else ''
        if text[:1] not in '|-' or following[:1] != text[:1]:
            lines.append('')
    return lines


def provenance(measured: dict) -> list[str]:
    """One list item for each thing that was recorded."""
    return [f'- {key}: {as_list(measured[key])}' for key in PROVENANCE if key in measured]


def as_list(value) -> str:
    return ', '.join(map(str, value)) if isinstance(value, list) else str(value)


def check_keys(given, keys: dict[str, bool], place: str) -> None:
    """Raises ValueError for a key that is unknown or missing.

    Args:
        keys: key -> whether it must be there.
    """
    if not isinstance(given, dict):
        raise ValueError(f'{place} is {given!r:.60}; write keys and values: {listed(keys)}')
    for key in given:
        if key not in keys:
            raise ValueError(
                f'{place}: unknown key {key!r}{hint(key, keys)}; known: {listed(keys)}'
            )
    missing = [key for key, needed in keys.items() if needed and key not in given]
    if missing:
        raise ValueError(f'{place} has no {missing[0]}; every one of these must be given: '
                         f'{listed(key for key, needed in keys.items() if needed)}')  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('files', nargs='*', type=Path, help='default: all of docs/results')
    parser.add_argument('--check', action='store_true', help='write nothing, tell what differs')
    args = parser.parse_args()
    paths = args.files or sorted(RESULTS.glob('*.json'))
    try:
        texts = [render(path) for path in paths]  # all of them before one is written
    except (OSError, ValueError) as error:
        sys.exit(f'error: {error}')
    stale = []
    for path, text in zip(paths, texts):
        page = path.with_suffix('.md')
        if page.is_file() and page.read_text(encoding='utf-8') == text:
            continue
        stale.append(str(page))
        if not args.check:
            page.write_text(text, encoding='utf-8')
    if args.check and stale:
        sys.exit(f'not what their JSON says: {", ".join(stale)}; run this without --check')
    print(f'{len(stale)} pages written' if stale else 'all pages are up to date')


if __name__ == '__main__':
    main()
