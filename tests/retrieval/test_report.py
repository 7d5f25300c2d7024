"""Reports of images whose names are no UTF-8, which a disk may have."""

import os

from reidgen.datasets.records import Record
from reidgen.retrieval.report import Hit, RankedList, as_text, write_csv, write_json

NAME = os.fsdecode(b'n\xff.png')
LISTS = [RankedList(Record(NAME, 1, 0), [Hit(1, NAME, 3, 0.5, 1, 1, '2', 'match')], '1')]


def test_names_that_are_no_utf8_are_printed_and_written(tmp_path):
    assert 'n?.png' in as_text(LISTS)
    assert as_text(LISTS).isascii()
    write_csv(LISTS, tmp_path / 'results.csv')
    assert (tmp_path / 'results.csv').read_bytes().count(b'n\xff.png') == 2  # to the byte
    write_json(LISTS, tmp_path / 'results.json', {})
    assert '"path": "n\\udcff.png"' in (tmp_path / 'results.json').read_text()
