"""Feature stores made by somebody else: changed rows are noticed, and no code in them runs."""

import json
import os

import numpy as np
import pytest

from reidgen.retrieval.feature_store import FeatureStore, shard_digest
from reidgen.retrieval.queries import open_extractor, read_queries
from reidgen.retrieval.search import search
from reidgen.retrieval.store_writer import StoreWriter


@pytest.fixture
def rows(write_store):
    return write_store.rows(10, 8)


def shard(folder, number):
    (path,) = folder.glob(f'shard_{number:05d}_*.npy')
    return path


@pytest.mark.parametrize('byte', [128, 128 + 4 * 8 * 4 - 1, -1])
def test_a_flipped_bit_of_rows_or_hash_is_noticed_when_the_shard_is_read(byte, write_store, rows):
    folder = write_store(rows)
    content = bytearray(shard(folder, 1).read_bytes())
    content[byte] ^= 1
    shard(folder, 1).write_bytes(content)
    store = FeatureStore(folder)
    assert np.array_equal(store.features([0, 9]), rows[[0, 9]])  # in other shards
    with pytest.raises(ValueError, match=r'shard_00001_\w+.npy was changed .*delete it and run'):
        store.features([4])
    with pytest.raises(ValueError, match=r'shard_00001_\w+.npy was changed'):
        search(store.features([0]), store)


@pytest.mark.parametrize('value', [2.0, 0.0, np.nan])
def test_rows_that_are_not_of_unit_length_are_named(value, write_store, rows):
    folder = write_store(rows)
    path, forged = shard(folder, 1), rows[4:8].copy()
    forged[2] *= value
    head = path.read_bytes()[:128]
    content = head + forged.tobytes()
    path.write_bytes(content + shard_digest(content, 1))
    with pytest.raises(ValueError, match=r'row 2 of .*shard_00001_\w+.npy has length (2|0|nan)'):
        FeatureStore(folder).features()


def test_half_precision_rows_are_of_unit_length(write_store):
    rows = write_store.rows(50, 4)
    assert len(FeatureStore(write_store(rows, dtype='float16')).features()) == 50


@pytest.mark.parametrize(
    'change',
    [
        dict(num_images=-1),
        dict(shard_size=0),
        dict(dims=1.5),
        dict(dims=True),
        dict(dtype='O'),
        dict(root=['/']),
        dict(encoder='none'),
        dict(surplus=1),
    ],
)
def test_a_forged_manifest_is_refused_by_name(change, write_store, rows):
    path = write_store(rows) / 'manifest.json'
    path.write_text(json.dumps(dict(json.loads(path.read_text()), **change)))
    with pytest.raises(ValueError, match=r'manifest.json is damaged') as error:
        FeatureStore(path.parent)
    assert next(iter(change)) in str(error.value) or 'EncoderInfo' in str(error.value)


def test_a_shard_of_pickled_objects_is_not_unpickled(write_store, rows, tmp_path):
    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'ran'),)

    folder = write_store(rows)
    array = np.empty((4, 8), object)
    array[0, 0] = Harmful()
    np.save(shard(folder, 1), array, allow_pickle=True)
    with pytest.raises(ValueError, match='cut short or damaged'):
        FeatureStore(folder)
    assert not (tmp_path / 'ran').exists()


@pytest.fixture
def tiny_store(tiny, write_store, tmp_path):
    """A store by the tiny encoder, its manifest as a dict, and a function that writes it again."""
    manifest = write_store.manifest(8)
    folder = tmp_path / 'of_tiny'
    object.__setattr__(manifest, 'encoder', tiny.extractor.info)
    record = next(iter(FeatureStore(write_store(write_store.rows(1, 8))).records([0]).values()))
    writer = StoreWriter(folder, manifest, [record])
    writer.prepare()
    writer.write(0, write_store.rows(1, 8))
    path = folder / 'manifest.json'

    def forged(change) -> FeatureStore:
        values = json.loads(path.read_text())
        change(values['encoder'])
        for old in folder.glob('shard_*'):
            old.unlink()
        path.write_text(json.dumps(values))
        store = FeatureStore.__new__(FeatureStore)
        from reidgen.retrieval.manifest import read_manifest

        store.folder, store.manifest = folder, read_manifest(folder)
        return store

    return forged


def test_the_encoder_is_built_from_data_as_from_its_config(tiny, tiny_store, pictures):
    def no_config(encoder):
        encoder['config'] = '/gone/config.py'

    again = open_extractor(tiny_store(no_config))
    assert again.info.model_sha256 == tiny.extractor.info.model_sha256
    store = tiny_store(no_config)
    path = next(iter(sorted(pictures.rglob('*.png'))))
    features = read_queries(path, store).features
    from reidgen.retrieval import open_images

    dataset = open_images(path, tiny.extractor.transforms)
    assert np.array_equal(features, next(tiny.extractor.batches(dataset, [[0]])))


def test_a_config_that_the_manifest_names_is_never_run(tiny_store, tmp_path):
    ran = tmp_path / 'ran'
    config = tmp_path / 'config.py'
    config.write_text(f'import os\nos.mkdir({str(ran)!r})\nmodel = dict()\n')
    open_extractor(tiny_store(lambda encoder: encoder.update(config=str(config))))
    assert not ran.exists()


@pytest.mark.parametrize('place', ['model', 'network', 'transform'])
def test_an_import_path_in_a_manifest_is_refused(place, tiny_store, tmp_path):
    ran = tmp_path / 'ran'
    call = dict(type='os.mkdir', path=str(ran))

    def change(encoder):
        if place == 'model':
            encoder['model'] = call
        elif place == 'network':
            encoder['model']['networks']['E_c'] = call
        else:
            encoder['transforms'].append(call)

    with pytest.raises(ValueError, match=r"type is 'os.mkdir', an import path.*give --config"):
        open_extractor(tiny_store(change))
    assert not ran.exists()


def test_an_unknown_class_says_how_a_trusted_config_is_given(tiny_store):
    def change(encoder):
        encoder['model']['networks']['E_c']['type'] = 'MyEncoder'

    with pytest.raises(ValueError, match=r"registered as 'MyEncoder'.*give --config /.*tiny.py"):
        open_extractor(tiny_store(change))


def test_overrides_without_a_config_are_refused(tiny_store):
    with pytest.raises(ValueError, match='cfg_options without a config'):
        open_extractor(tiny_store(lambda encoder: None), cfg_options={'model.amp': True})
