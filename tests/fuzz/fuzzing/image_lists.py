"""CSV lists of FolderReID and the lists of MSMT17, damaged as text and as bytes."""

from collections.abc import Callable
from pathlib import Path
from random import Random

from .case import Case
from .damage import BYTES, ENTRIES, replace_entry
from .datasets import LAYOUTS, Layout, open_dataset, picture, rows, write_dataset, write_picture

CSV = 'people.csv'
PATHS = ('a/one.png', 'a/two.png', 'b/three.png', 'b/four.png')
HEADER = 'pid,camid,split,path'  # the path at the end: wherever a row is cut, it is not whole
LINES = [f'{row // 2},{row % 2 + 1},train,{path}' for row, path in enumerate(PATHS)]
TEXT = '\n'.join([HEADER, *LINES, ''])
LAYOUT = Layout('FolderReID', dict(csv_file=CSV))


def _cell(column: int, value: str) -> Callable[[Random], bytes]:
    """List with another value in a column of any row."""

    def changed(rng: Random) -> bytes:
        lines, at = list(LINES), rng.randrange(len(LINES))
        cells = lines[at].split(',')
        cells[column] = value
        lines[at] = ','.join(cells)
        return '\n'.join([HEADER, *lines, '']).encode()

    return changed


def _header(text: str) -> Callable[[Random], bytes]:
    return lambda rng: TEXT.replace(HEADER, text).encode()


def _text(change: Callable[[str], str], encoding: str = 'utf-8') -> Callable[[Random], bytes]:
    return lambda rng: change(TEXT).encode(encoding)


def _repeated(rng: Random) -> bytes:
    return TEXT.encode() + LINES[rng.randrange(4)].encode() + b'\n'


def _cut(rng: Random) -> bytes:
    """List cut within a row or its header; between rows it would be another whole list."""
    data = TEXT.encode()
    inside = [at for at in range(1, len(data)) if b'\n' not in data[at - 1 : at + 1]]
    return data[: rng.choice(inside)]


def _with(junk: bytes) -> Callable[[Random], bytes]:
    """List with bytes that no text has somewhere."""

    def changed(rng: Random) -> bytes:
        at = rng.randrange(len(TEXT))
        return TEXT[:at].encode() + junk + TEXT[at:].encode()

    return changed


CONTENTS: dict[str, Callable[[Random], bytes]] = {
    **{
        f'{column} {value!r:.40}': _cell(number, value)
        for number, column in enumerate(HEADER.split(',')[:2])
        for value in (
            *('anna', '1.0', '', 'nan', '1e3', '9' * 30, '0x1', '--1', '1 2', '\u00b2', 'None'),
            *('-3', '-' + '9' * 25, 'inf', "'1'", '=1+1'),
        )
    },
    **{
        f'path {value!r:.40}': _cell(3, value)
        for value in (
            *('', '../outside.png', '/etc/hostname', 'a/none.png', 'a', '.', '~/one.png', '*.png'),
            *('a/one.png/', 'C:\\data\\one.png', 'http://host/one.png', 'a' * 300, 'a/' * 3000),
            *('A/ONE.PNG', 'a/\ufeffone.png', 'a//../../x.png', 'a/one.png\x7f'),
        )
    },
    **{f'split {v!r}': _cell(2, v) for v in ('', 'test', 'TRAIN', 'val', 'train+query', '0')},
    'a column misspelt': _header('pid,camid,split,paths'),
    'a column twice': _header('pid,pid,split,path'),
    'a column of another name': _header('pid,camid,quality,path'),
    'columns in capitals': _header(HEADER.upper()),
    'no path': _header('pid,camid,split'),
    'a column without name': _header('pid,camid,,path'),
    'no header': _text(lambda text: text.removeprefix(f'{HEADER}\n')),
    'a header of tabs': _header(HEADER.replace(',', '\t')),
    'an empty cell more': _text(lambda text: text.replace('\n', ',\n')),
    'a byte order mark': _text(str, 'utf-8-sig'),
    'UTF-16': _text(str, 'utf-16'),
    'UTF-16 without mark': _text(str, 'utf-16-le'),
    'UTF-32': _text(str, 'utf-32'),
    'EBCDIC': _text(str, 'cp500'),
    'semicolons': _text(lambda text: text.replace(',', ';')),
    'tabs': _text(lambda text: text.replace(',', '\t')),
    'Windows lines': _text(lambda text: text.replace('\n', '\r\n')),
    'old lines of Macs': _text(lambda text: text.replace('\n', '\r')),
    'empty lines': _text(lambda text: text.replace('\n', '\n\n \n')),
    'quotes': _text(lambda text: text.replace('train', '"train"')),
    'spaces': _text(lambda text: text.replace(',', ' , ')),
    'backslashes': _text(lambda text: text.replace('/', '\\')),
    'a row twice': _repeated,
    'a path of two identities': lambda rng: TEXT.encode() + b'7,1,train,a/one.png\n',
    'a path of two cameras': lambda rng: TEXT.encode() + b'0,2,train,a/one.png\n',
    'a cell of 200 kB': lambda rng: TEXT.encode() + b'1,1,train,' + b'a' * 200_000,
    'a row of 9000 cells': lambda rng: TEXT.encode() + b',' * 9000,
    'a quote that stays open': lambda rng: TEXT.replace('train', '"train', 1).encode(),
    'only a header': lambda rng: f'{HEADER}\n'.encode(),
    'cut short': _cut,
    'Latin-1': _with(b'\xf6'),
    'a NUL byte': _with(b'\0'),
    'a lone byte of UTF-8': _with(b'\x80'),
    'a surrogate': _with(b'\xed\xa0\x80'),
    'a picture': lambda rng: picture('one', '.png'),
    **{
        how: lambda rng, how=how: BYTES[how](TEXT.encode(), rng)
        for how in ('all zeros', 'empty', 'random bytes', 'a web page', 'gzipped')
    },
}
OPTIONS = {
    'csv_encoding': ('utf-17', 'utf-16', 5, '', 'base64', 'rot13', ['utf-8'], 'ascii\0'),
    'csv_file': (5, '', '\0', 'none.csv', ['people.csv'], '..'),
    'first_camera': ('1', 1.5, None),
    'pattern': ('(', 5, '', r'(?P<id>\d+)', '(?P<pid>', [r'(?P<pid>\d+)']),
    'layout': ('Market', 5, None, 'csv', []),
    'split': ('test', 5, None, '', 'train+train', ['train']),
    'camera_ids': (5, '1', [], [99], ['1'], [None], {}),
    'transforms': (5, [5], ['Resize'], [dict(type='Resise')], [dict(size=(4, 4))], 'Resize'),
    'pose_map': (5, 'Grayscale', [], dict(type='Grey'), [5], {}, dict(type='Grayscale', x=1)),
    'on_missing': (5, 'skip', None, ['raise']),
}


def case(rng: Random) -> Case:
    """Damage to a list of images."""
    return rng.choice((_csv, _csv, _csv, _option, _entry, _msmt, _msmt))(rng)


def _build(root: Path) -> None:
    for path in PATHS:
        write_picture(root / path)
    (root / CSV).write_text(TEXT)


def _read(root: Path) -> list[tuple]:
    return rows(open_dataset(root, LAYOUT, 'train'), root)


def _csv(rng: Random) -> Case:
    how, seed = rng.choice(list(CONTENTS)), rng.getrandbits(32)

    def damage(root: Path) -> None:
        (root / CSV).write_bytes(CONTENTS[how](Random(seed)))

    # the picture where a path leads to none, or a number is out of range
    names = (CSV, '.png', '/input/a (')
    return Case(f'CSV: {how}', 'csv', _build, damage, _read, names, told=('left out', 'twice'))


def _entry(rng: Random) -> Case:
    how = rng.choice(list(ENTRIES))
    list_names = [f'list_{name}.txt' for name in ('train', 'val')]
    name = rng.choice([CSV, *list_names])
    if name == CSV:
        build, read, world = _build, _read, 'csv'
    else:
        build, read, world = _build_msmt, _read_msmt, 'msmt'
    damage = lambda root: replace_entry(root / name, how)  # noqa: E731
    return Case(f'{how} for {name}', world, build, damage, read, (name,))


def _option(rng: Random) -> Case:
    key = rng.choice(list(OPTIONS))
    value = rng.choice(OPTIONS[key])

    def read(root: Path) -> list[tuple]:
        if not (root / 'damaged').exists():
            return _read(root)
        given = dict(LAYOUT.options) | {key: value}
        split = given.pop('split', 'train')
        return rows(open_dataset(root, Layout('FolderReID', given), split), root)

    damage = lambda root: (root / 'damaged').write_text(key)  # noqa: E731
    names = (key, CSV) if key == 'csv_encoding' else (key,)
    return Case(f'{key}={value!r}', 'csv', _build, damage, read, names)


def _build_msmt(root: Path) -> None:
    write_dataset(root, LAYOUTS['MSMT17'])


def _read_msmt(root: Path) -> list[tuple]:
    return rows(open_dataset(root, LAYOUTS['MSMT17'], 'train'), root)


LINES_OF_MSMT: dict[str, Callable[[str], str | bytes]] = {
    'no identity': lambda line: line.rsplit(' ', 1)[0],
    'identity -1': lambda line: line.rsplit(' ', 1)[0] + ' -1',
    'identity 5000': lambda line: line.rsplit(' ', 1)[0] + ' 5000',
    'identity of 30 digits': lambda line: line.rsplit(' ', 1)[0] + ' ' + '9' * 30,
    'identity in words': lambda line: line.rsplit(' ', 1)[0] + ' anna',
    'a third column': lambda line: f'{line} 3',
    'commas': lambda line: line.replace(' ', ','),
    'camera 0': lambda line: line.replace('_01_', '_00_'),
    'camera 16': lambda line: line.replace('_01_', '_16_'),
    'no camera': lambda line: line.replace('_01_', '_'),
    'camera of 20 digits': lambda line: line.replace('_01_', f'_{10**19}_'),
    'the folder before it': lambda line: f'train/{line}',
    'the folder of V2 before it': lambda line: f'mask_train_v2/{line}',
    'the test folder before it': lambda line: f'test/{line}',
    'an absolute path': lambda line: f'/data/{line}',
    'a path outside': lambda line: f'../{line}',
    'backslashes': lambda line: line.replace('/', '\\'),
    'a picture that is not there': lambda line: line.replace('0008', '0009'),
    'a byte order mark': lambda line: '\ufeff' + line,
    'a tab': lambda line: line.replace(' ', '\t'),
    'Windows lines': lambda line: f'{line}\r',
    'twice': lambda line: f'{line}\n{line}',
    'of two identities': lambda line: f'{line}\n{line[:-1]}9',
    'a NUL byte': lambda line: line.replace('_', '\0', 1),
    'Latin-1': lambda line: line.encode().replace(b'_', b'\xf6', 1),
    'UTF-16': lambda line: line.encode('utf-16'),
    'empty': lambda line: '',
    'full-width digits': lambda line: line[:-1] + '\uff10',
    'cut short': lambda line: line[: len(line) // 2],
    'random bytes': lambda line: Random(line).randbytes(64),
}


def _msmt(rng: Random) -> Case:
    how = rng.choice(list(LINES_OF_MSMT))

    def damage(root: Path) -> None:
        path = root / 'list_train.txt'
        changed = LINES_OF_MSMT[how](path.read_text().rstrip('\n'))
        path.write_bytes(changed if isinstance(changed, bytes) else changed.encode())

    names = ('list_train.txt', '0000_000_')
    told = ('left out', 'twice')
    return Case(f'MSMT17: {how}', 'msmt', _build_msmt, damage, _read_msmt, names, told=told)
