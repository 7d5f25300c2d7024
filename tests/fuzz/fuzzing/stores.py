"""Feature stores: manifest, list of images and shards."""

import hashlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from reidgen.datasets.records import Record
from reidgen.retrieval import FeatureStore, read_queries, search
from reidgen.retrieval.feature_store import shard_digest
from reidgen.retrieval.manifest import EncoderInfo, Manifest
from reidgen.retrieval.store_writer import StoreWriter

from .case import Case
from .damage import BYTES, ENTRIES, replace_entry

NUM, DIMS, SHARD = 11, 8, 4
CHECKPOINT = 'c' * 64  # hash of a checkpoint


def _rows() -> np.ndarray:
    rows = np.random.default_rng(0).standard_normal((NUM, DIMS), np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def write_store(folder: Path, names: Callable[[int], str] = '{}.png'.format) -> None:
    """Writes a store of eleven rows in three shards."""
    encoder = EncoderInfo('/c.py', '/c.pth', CHECKPOINT, dict(type='Model', width=3), [])
    manifest = Manifest(encoder, 'random', '/images', '', 0, DIMS, SHARD)
    records = [Record(names(row), row // 2, row % 3) for row in range(NUM)]
    writer, rows = StoreWriter(folder, manifest, records), _rows()
    writer.prepare()
    for number in writer.todo():
        writer.write(number, rows[np.asarray(writer.manifest.rows(number))])


def _read(root: Path) -> dict[str, Any]:
    """Features, labels, records and a search of the store by itself."""
    store = FeatureStore(root / 'store')
    queries = read_queries(root / 'store', store)
    topk = search(queries.features, store, 3, own=queries.own)
    return dict(
        features=store.features().numpy().tobytes(),
        labels=[part.tolist() for part in store.labels()],
        records=store.records(range(len(store))),
        rows=topk.rows.tolist(),
        num_queries=len(queries.records),
    )


def case(rng: Random) -> Case:
    """Damage to a feature store."""
    return rng.choice((_bytes, _field, _field, _forged, _shard, _entry, _text))(rng)


def _of(name: str, damage: Callable[[Path], None], names: tuple[str, ...]) -> Case:
    return Case(
        name=name,
        world='store',
        build=lambda root: write_store(root / 'store'),
        damage=lambda root: damage(root / 'store'),
        read=_read,
        names=names,
    )


def _any_file(rng: Random) -> Callable[[Path], Path]:
    """Choice of manifest, list or shard."""
    pattern, which = rng.choice(('manifest.json', 'images.csv', 'shard_*.npy')), rng.randrange(3)

    def path(folder: Path) -> Path:
        found = sorted(folder.glob(pattern))
        return found[which % len(found)]

    path.pattern = pattern
    return path


def _names(pattern: str) -> tuple[str, ...]:
    # a list that is another is told with the manifest, shards that are not its with either
    return (pattern.split('*')[0], *(('shard_', 'images.csv') if 'manifest' in pattern else ()))


def _bytes(rng: Random) -> Case:
    path, how, seed = _any_file(rng), rng.choice(list(BYTES)), rng.getrandbits(32)

    def damage(folder: Path) -> None:
        file = path(folder)
        file.write_bytes(BYTES[how](file.read_bytes(), Random(seed)))

    return _of(f'{path.pattern}: {how} (seed {seed})', damage, _names(path.pattern))


def _entry(rng: Random) -> Case:
    path, how = _any_file(rng), rng.choice(list(ENTRIES))
    name = f'{how} for {path.pattern}'
    return _of(name, lambda folder: replace_entry(path(folder), how), _names(path.pattern))


# key -> values; those of the encoder's keys are below `encoder`
FIELDS: dict[str, tuple] = {
    'version': (1, 3, '2', None, 2.0, [2]),
    'num_images': (0, -1, 1, 4, 8, 12, 10**18, 10**30, '11', 11.5, None, True, float('nan')),
    'dims': (0, 7, 9, -8, 10**12, '8', None),
    'shard_size': (0, 3, 5, 11, 10**18, -4, '4', None, True),
    'dtype': ('float16', 'float64', 'object', '', None, 5),
    'normalisation': ('L1', 'none', None, 5),
    'images_sha256': ('', 'a' * 64, None, 5),
    'dataset': (None, 5, []),
    'root': (None, 5, 'a\0b', '/etc', '../..', '\ud800'),
    'encoder': (None, [], 'x', {}, 5),
    'encoder.checkpoint_sha256': ('', 'd' * 64, None, 5),
    'encoder.checkpoint': (None, 5),
    'encoder.config': (None, 5),
    'encoder.model': (None, [], {}, dict(type='Other'), dict(type='os.system', width=3)),
    'encoder.transforms': (None, {}, [5], 'x', [dict(type='os.system', command='touch x')]),
    'encoder.amp': (None, 1, 'false', True),
    'encoder.colour': ('red',),
    'colour': ('red',),
}
TEXTS: dict[str, Callable[[str, Random], str]] = {
    'lists without end': lambda text, rng: '[' * 100_000,
    'objects without end': lambda text, rng: '{"a":' * 100_000,
    'a model of lists without end': lambda text, rng: text.replace(
        '"width": 3', '"width": ' + '[' * 900 + ']' * 900
    ),
    'a list': lambda text, rng: f'[{text}]',
    'null': lambda text, rng: 'null',
    'a comma at the end': lambda text, rng: text.rstrip()[:-1] + ',}',
    'two objects': lambda text, rng: text + text,
    'a key twice': lambda text, rng: text.replace('"dims": 8', '"dims": 8, "dims": 8'),
    'a key twice, differently': lambda text, rng: text.replace(
        '"num_images": 11', '"num_images": 11, "num_images": 8'
    ),
    'a number of 9999 digits': lambda text, rng: text.replace('11', '1' * 9999),
    'a byte order mark': lambda text, rng: '\ufeff' + text,
    'Latin-1': lambda text, rng: text.replace('random', 'r\udcf6ndom'),
}


def _text(rng: Random) -> Case:
    how, seed = rng.choice(list(TEXTS)), rng.getrandbits(32)

    def damage(folder: Path) -> None:
        path = folder / 'manifest.json'
        text = TEXTS[how](path.read_text(), Random(seed))
        path.write_bytes(text.encode('utf-8', 'surrogateescape'))

    return _of(f'manifest.json: {how}', damage, _names('manifest.json'))


def _field(rng: Random) -> Case:
    key = rng.choice(list(FIELDS))
    value = rng.choice((*FIELDS[key], 'is missing'))
    first, _, second = key.partition('.')

    def damage(folder: Path) -> None:
        path = folder / 'manifest.json'
        told = json.loads(path.read_text())
        place, last = (told[first], second) if second else (told, first)
        if value == 'is missing':
            place.pop(last, None)
        else:
            place[last] = value
        path.write_text(json.dumps(told))

    return _of(f'manifest.json: {key} {value!r:.40}', damage, _names('manifest.json'))


def _shard_bytes(array: np.ndarray, **options) -> bytes:
    data = io.BytesIO()
    np.lib.format.write_array(data, array, **options)
    return data.getvalue() + shard_digest(data.getvalue(), 0)


def _scaled(rows: np.ndarray, value: float) -> np.ndarray:
    changed = rows.copy()
    changed[1] *= value
    return changed


ARRAYS: dict[str, Callable[[np.ndarray], bytes]] = {
    'a row of NaN': lambda rows: _shard_bytes(_scaled(rows, np.nan)),
    'a row of infinity': lambda rows: _shard_bytes(_scaled(rows, np.inf)),
    'a row of zeros': lambda rows: _shard_bytes(_scaled(rows, 0)),
    'a row twice as long': lambda rows: _shard_bytes(_scaled(rows, 2)),
    'float64': lambda rows: _shard_bytes(rows.astype(np.float64)),
    'float16': lambda rows: _shard_bytes(rows.astype(np.float16)),
    'whole numbers': lambda rows: _shard_bytes(rows.astype(np.int32)),
    'the other byte order': lambda rows: _shard_bytes(rows.astype('>f4')),
    'columns first': lambda rows: _shard_bytes(np.asfortranarray(rows)),
    'transposed': lambda rows: _shard_bytes(rows.T.copy()),
    'flat': lambda rows: _shard_bytes(rows.ravel()),
    'a row less': lambda rows: _shard_bytes(rows[1:]),
    'a row more': lambda rows: _shard_bytes(np.concatenate([rows, rows[:1]])),
    'no rows': lambda rows: _shard_bytes(rows[:0]),
    'Python objects': lambda rows: _shard_bytes(rows.astype(object), allow_pickle=True),
    'a structure': lambda rows: _shard_bytes(rows.view([('a', '<f4')])),
    'an archive': lambda rows: _archive(rows),
    'no hash': lambda rows: _shard_bytes(rows)[:-32],
    'another hash': lambda rows: _shard_bytes(rows)[:-32] + bytes(32),
    'a head of 2^60 rows': lambda rows: _shard_bytes(rows).replace(
        b'(4, 8), }' + b' ' * 17, b'(1152921504606846976, 8), }'[:26]
    ),
}


def _archive(rows: np.ndarray) -> bytes:
    data = io.BytesIO()
    np.savez(data, rows)
    return data.getvalue()


def _shard(rng: Random) -> Case:
    how = rng.choice([*ARRAYS, 'swapped with the next', 'of another store', 'is missing'])

    def damage(folder: Path) -> None:
        first, second, *_ = sorted(folder.glob('shard_*.npy'))
        if how == 'is missing':
            first.unlink()
        elif how == 'of another store':
            first.rename(first.with_name('shard_00000_01234567.npy'))
        elif how == 'swapped with the next':
            one, other = first.read_bytes(), second.read_bytes()
            first.write_bytes(other)
            second.write_bytes(one)
        else:
            first.write_bytes(ARRAYS[how](_rows()[:SHARD]))

    return _of(f'shard: {how}', damage, ('shard_',))


LISTS: dict[str, Callable[[str], str]] = {
    'a row less': lambda text: text.rsplit('\n', 2)[0] + '\n',
    'a row more': lambda text: text + '11.png,5,2\n',
    'a cell less': lambda text: text.replace('3.png,1,0', '3.png,1'),
    'a cell more': lambda text: text.replace('3.png,1,0', '3.png,1,0,7'),
    'an identity in words': lambda text: text.replace('3.png,1,0', '3.png,anna,0'),
    'an identity of 30 digits': lambda text: text.replace('3.png,1,0', f'3.png,{10**30},0'),
    'an empty camera': lambda text: text.replace('3.png,1,0', '3.png,1,'),
    'a camera -7': lambda text: text.replace('3.png,1,0', '3.png,1,-7'),
    'an empty line': lambda text: text.replace('3.png,1,0\n', '3.png,1,0\n\n'),
    'no header': lambda text: text.partition('\n')[2],
    'another header': lambda text: text.replace('path,pid,camid', 'path,camid,pid'),
    'nothing': lambda text: '',
    'an open quote': lambda text: text.replace('3.png', '"3.png'),
    'a cell of 200 kB': lambda text: text.replace('3.png', '3' * 200_000),
    'a NUL character': lambda text: text.replace('3.png', '3\0.png'),
    'an empty path': lambda text: text.replace('3.png', ''),
}


def _forged(rng: Random) -> Case:
    """Damage to the list of images in a store whose hashes are all right, as forged ones are."""
    how = rng.choice(list(LISTS))

    def damage(folder: Path) -> None:
        data = LISTS[how]((folder / 'images.csv').read_text()).encode('utf-8', 'surrogateescape')
        (folder / 'images.csv').write_bytes(data)
        told = json.loads((folder / 'manifest.json').read_text())
        told['images_sha256'] = hashlib.sha256(data).hexdigest()
        (folder / 'manifest.json').write_text(json.dumps(told))
        encoder = EncoderInfo(**told['encoder'])
        key = Manifest(**dict(told, encoder=encoder)).key
        for path in folder.glob('shard_*.npy'):
            os.rename(path, folder / f'{path.stem.rpartition("_")[0]}_{key}.npy')

    return _of(f'a forged images.csv: {how}', damage, ('images.csv',))
