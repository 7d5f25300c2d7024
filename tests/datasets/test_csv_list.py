import pytest

from reidgen.datasets.csv_list import read_rows

COLUMNS = ('path', 'pid', 'camid', 'split')
TEXT = 'path,pid\nü/ä.jpg,1\n'


def rows_of(tmp_path, data: bytes | str, encoding: str | None = None) -> list[dict]:
    path = tmp_path / 'list.csv'
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return [row.cells for row in read_rows(path, COLUMNS, encoding)]


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'utf-32'])
def test_a_list_says_its_encoding_by_its_byte_order_mark(tmp_path, encoding):
    assert rows_of(tmp_path, TEXT.encode(encoding)) == [{'path': 'ü/ä.jpg', 'pid': '1'}]


@pytest.mark.parametrize('encoding', ['cp1252', 'utf-16-le', 'utf-16-be'])
def test_another_encoding_is_asked_for_and_then_read(tmp_path, encoding):
    with pytest.raises(ValueError, match=r"list\.csv, line [12]: .*csv_encoding='(cp1252|utf-16)"):
        rows_of(tmp_path, TEXT.encode(encoding))
    assert rows_of(tmp_path, TEXT.encode(encoding), encoding)[0]['path'] == 'ü/ä.jpg'
    with pytest.raises(ValueError, match="csv_encoding is 'klingon', which is no encoding"):
        rows_of(tmp_path, TEXT.encode(encoding), 'klingon')


@pytest.mark.parametrize('delimiter', [',', ';', '\t'])
@pytest.mark.parametrize('end', ['\n', '\r\n', '\r'])
def test_delimiters_and_line_ends_of_spreadsheets_are_read(tmp_path, delimiter, end):
    lines = ['', 'path, pid ', '"a' + delimiter + ' b.jpg",7', ',', ' c.jpg , 8']
    text = end.join(lines[:2] + [lines[2]] + lines[3:]).replace(',', delimiter)
    rows = rows_of(tmp_path, text)
    assert [row['path'] for row in rows] == [f'a{delimiter} b.jpg', 'c.jpg']
    assert [row['pid'] for row in rows] == ['7', '8']


@pytest.mark.parametrize(
    'text, error',
    [
        ('', 'line 1: columns are none; path is needed'),
        ('path,pids\na.jpg,1\n', r'line 1: columns are path, pids; path is needed, .*not known'),
        ('path,pid,pid\na.jpg,1,2\n', 'line 1: columns are path, pid, pid; pid twice: leave one'),
        ('pid\n1\n', 'line 1: columns are pid; path is needed'),
        ('path,pid\na.jpg,1,2\n', r"line 2: 3 cells \('a.jpg', '1', '2'\), but 2 columns"),
        ('path,pid\na.jpg,1\nb.jpg\n', 'line 3: 1 cells'),
        ('path\na, left.jpg\n', "line 2: 2 cells .*put quotes around a cell with ',' in it"),
        ('path,pid\na.jpg,1\nb\0.jpg,1\n', 'line 3: a NUL character'),
        ('path,pid\n"a.jpg,1\nb.jpg,1\n', 'line 2: a cell goes on over the end of the line'),
        (f'path,pid\na.jpg,1\n{"x" * 200_000},1\n', r'line 3: field larger .*is a quote opened'),
        (b'PK\x03\x04\xff', r'line 1: byte 0xff is not utf-8; save the list'),
    ],
)
def test_a_damaged_list_names_the_line_and_the_fix(tmp_path, text, error):
    with pytest.raises(ValueError, match=rf'list\.csv, {error}'):
        rows_of(tmp_path, text)
