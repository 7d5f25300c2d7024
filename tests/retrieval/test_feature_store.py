import json
import os

import numpy as np
import pytest
import torch

from reidgen.datasets.records import Record
from reidgen.retrieval.feature_store import FeatureStore
from reidgen.retrieval.store_writer import StoreWriter


@pytest.fixture
def rows(write_store):
    return write_store.rows(10, 8)


@pytest.fixture
def folder(write_store, rows):
    """Ten rows in shards of 4, 4 and 2."""
    return write_store(rows)


def shard(folder, number):
    (path,) = folder.glob(f'shard_{number:05d}_*.npy')
    return path


def test_rows_are_read_as_they_were_written_in_any_order(folder, rows):
    store = FeatureStore(folder)
    assert (len(store), store.dims) == (10, 8)
    assert np.array_equal(store.features().numpy(), rows)
    assert np.array_equal(store.features([9, 0, 4, 4]).numpy(), rows[[9, 0, 4, 4]])
    read = list(store.shards())
    assert [first for first, _ in read] == [0, 4, 8]
    assert np.array_equal(torch.cat([part for _, part in read]).numpy(), rows)
    assert store.records([7, 2]) == {2: Record('2.png', 1, 2), 7: Record('7.png', 3, 1)}
    pids, camids = store.labels()
    assert (pids.tolist(), camids.tolist()) == (
        [0, 0, 1, 1, 2, 2, 3, 3, 4, 4],
        [0, 1, 2, 0, 1, 2, 0, 1, 2, 0],
    )


def test_a_path_with_comma_quote_and_line_break_is_kept(tmp_path, write_store, rows):
    odd = 'a, "b"\nc.png'
    writer = StoreWriter(tmp_path / 'odd', write_store.manifest(), [Record(odd, 1, 0)])
    writer.prepare()
    writer.write(0, rows[:1])
    assert FeatureStore(tmp_path / 'odd').records([0])[0].path == odd


def test_half_precision_takes_half_the_bytes_and_is_read_as_float32(write_store, rows):
    folder = write_store(rows, dtype='float16')
    read = FeatureStore(folder).features()
    assert read.dtype == torch.float32
    assert np.array_equal(read.numpy(), rows.astype(np.float16).astype(np.float32))
    assert (
        shard(folder, 0).stat().st_size == 128 + 4 * 8 * 2 + 32
    )  # head of a .npy file, rows, hash


@pytest.mark.parametrize('kept', [0, 5, 100, 128, 128 + 4 * 8 * 4 - 1])
def test_a_shard_cut_anywhere_is_named_with_the_fix(kept, folder):
    path = shard(folder, 1)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match='cut short or damaged') as error:
        FeatureStore(folder)
    assert str(path) in str(error.value)
    assert 'run the same `reidgen extract` again' in str(error.value)


def test_a_shard_of_other_dimensions_is_named(folder):
    np.save(shard(folder, 1), np.zeros((4, 6), np.float32))
    with pytest.raises(ValueError, match=r'shard_00001_.* has shape \(4, 6\).* 8 dimensions'):
        FeatureStore(folder)


def test_a_shard_with_other_rows_or_numbers_is_named(folder):
    np.save(shard(folder, 1), np.zeros((3, 8), np.float32))
    with pytest.raises(ValueError, match=r'shard_00001_.* holds \(3, 8\) float32.*\(4, 8\)'):
        FeatureStore(folder)
    np.save(shard(folder, 1), np.zeros((4, 8)))
    with pytest.raises(ValueError, match=r'float64, manifest.json says \(4, 8\) float32'):
        FeatureStore(folder)


def test_missing_shards_are_counted_and_the_first_named(folder):
    shard(folder, 1).unlink()
    shard(folder, 2).unlink()
    with pytest.raises(FileNotFoundError, match=r'lacks 2 of 3 shards, the first .*shard_00001_'):
        FeatureStore(folder)


def test_a_shard_of_another_checkpoint_is_named(folder, write_store, rows):
    other = write_store(rows, 'other', hash_='def')
    shard(folder, 1).unlink()
    foreign = shard(other, 1).rename(folder / shard(other, 1).name)
    with pytest.raises(ValueError, match='is of another checkpoint') as error:
        FeatureStore(folder)
    assert str(foreign) in str(error.value)


def test_a_changed_or_missing_list_of_images_is_refused(folder):
    path = folder / 'images.csv'
    path.write_text(path.read_text().replace('3.png', '4.png'))
    with pytest.raises(ValueError, match=r'images.csv is not the list of images'):
        FeatureStore(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r'images.csv is missing'):
        FeatureStore(folder)


def test_a_bad_manifest_is_refused(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no feature store in .*`reidgen extract MODEL'):
        FeatureStore(tmp_path)
    path = folder / 'manifest.json'
    whole = path.read_text()
    path.write_text(whole[:100])
    with pytest.raises(ValueError, match=r'manifest.json is damaged'):
        FeatureStore(folder)
    path.write_text(json.dumps(dict(json.loads(whole), version=7)))
    with pytest.raises(ValueError, match='has version 7, this reidgen reads 3'):
        FeatureStore(folder)


# ---- writing ----


def writer_of(write_store, folder, count=10, **kwargs):
    records = [Record(f'{row}.png', row // 2, row % 3) for row in range(count)]
    return StoreWriter(folder, write_store.manifest(**kwargs), records)


def test_only_what_is_not_whole_is_left_to_do(folder, write_store):
    shard(folder, 0).unlink()
    shard(folder, 2).write_bytes(shard(folder, 2).read_bytes()[:-1])
    writer = writer_of(write_store, folder)
    writer.prepare()
    assert writer.todo() == [0, 2]


@pytest.mark.parametrize(
    'changed,message',
    [
        (dict(hash_='def'), r'checkpoint_sha256 abc and def \(/c.pth, /c.pth\)'),
        (dict(count=9), 'num_images there 10, now 9'),
        (dict(shard_size=5), 'shard_size there 4, now 5'),
        (dict(dtype='float16'), 'dtype there float32, now float16'),
        (dict(dims=6), 'dims there 8, now 6'),
    ],
)
def test_another_extraction_is_not_mixed_into_a_folder(changed, message, folder, write_store):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ValueError, match=f'holds other features: .*{message}'):
        writer_of(write_store, folder, **changed).prepare()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_store_without_a_shard_accepts_another_extraction(folder, write_store, rows):
    for path in folder.glob('shard_*.npy'):
        path.unlink()
    writer = writer_of(write_store, folder, count=9, hash_='def', shard_size=9)
    writer.prepare()
    assert writer.todo() == [0]
    writer.write(0, rows[:9])
    assert np.array_equal(FeatureStore(folder).features().numpy(), rows[:9])


def test_a_write_that_fails_leaves_nothing_behind(folder, write_store, rows, monkeypatch):
    path = shard(folder, 0)
    path.unlink()

    def full(descriptor):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match=r'could not write .*shard_00000_.*No space left'):
        writer_of(write_store, folder).write(0, rows[:4])
    assert not list(folder.glob('shard_00000_*'))


def test_wrong_shapes_and_empty_lists_are_refused(tmp_path, write_store, rows):
    with pytest.raises(ValueError, match=r'shard 2 has 2 rows of 8 .* \(4, 8\) were given'):
        writer_of(write_store, tmp_path).write(2, rows[:4])
    with pytest.raises(ValueError, match='0 images in shards of 4'):
        writer_of(write_store, tmp_path, count=0)
    with pytest.raises(ValueError, match="dtype is 'int8'; it must be one of float32, float16"):
        writer_of(write_store, tmp_path, dtype='int8')
