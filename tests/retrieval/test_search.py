import sys

import numpy as np
import pytest
import torch

from reidgen.retrieval.faiss_index import FaissIndex, default_factory
from reidgen.retrieval.feature_store import FeatureStore
from reidgen.retrieval.search import search, search_other_cameras

QUERIES, ROWS, DIMS = 5, 50, 8


@pytest.fixture
def gallery(write_store):
    """Fifty rows, with copies of the first query and of one another far apart."""
    rows = write_store.rows(ROWS, DIMS)
    rows[[40, 3, 21]] = write_store.rows(QUERIES, DIMS, seed=1)[0]
    rows[[49, 2, 30, 31]] = rows[17]
    return rows


@pytest.fixture
def query(write_store):
    return write_store.rows(QUERIES, DIMS, seed=1)


def dense(query, gallery):
    """(Q, N) rows by distance, equal ones in gallery order, and the distances: the definition."""
    distances = np.zeros((len(query), len(gallery)))
    for i, one in enumerate(query.astype(np.float64)):
        for j, other in enumerate(gallery.astype(np.float64)):
            distances[i, j] = np.square(one - other).sum()
    return distances.argsort(axis=1, kind='stable'), np.sort(distances, axis=1)


@pytest.mark.parametrize('shard_size', [1, 7, 16, 64])
@pytest.mark.parametrize('top', [1, 6, 50])
def test_exact_search_is_the_dense_argsort_whatever_the_shards(
    shard_size, top, query, gallery, write_store
):
    store = FeatureStore(write_store(gallery, shard_size=shard_size))
    found = search(torch.from_numpy(query), store, top)
    rows, distances = dense(query, gallery)
    assert found.rows.tolist() == rows[:, :top].tolist()
    assert np.allclose(found.distances.numpy(), distances[:, :top], atol=1e-12)
    assert found.rows[0, :3].tolist() == [3, 21, 40][:top]


def test_a_gallery_shorter_than_the_list_is_padded(query, gallery, write_store):
    store = FeatureStore(write_store(gallery[:6]))
    found = search(torch.from_numpy(query), store, 8)
    assert found.rows[:, :6].tolist() == dense(query, gallery[:6])[0].tolist()
    assert (found.rows[:, 6:] == -1).all()
    assert found.distances[:, 6:].isinf().all()


def test_only_kept_rows_are_found(query, gallery, write_store):
    store = FeatureStore(write_store(gallery))
    keep = np.arange(ROWS) % 5 == 2
    found = search(torch.from_numpy(query), store, 4, keep)
    kept = np.flatnonzero(keep)
    assert found.rows.tolist() == kept[dense(query, gallery[kept])[0][:, :4]].tolist()


def test_a_gallery_searched_for_itself_leaves_each_row_out(gallery, write_store):
    store = FeatureStore(write_store(gallery))
    own = torch.arange(ROWS)
    found = search(torch.from_numpy(gallery), store, 49, own=own)
    for row, order in enumerate(dense(gallery, gallery)[0].tolist()):
        assert found.rows[row].tolist() == [other for other in order if other != row]
    none = search(torch.from_numpy(gallery), store, 60, own=own.masked_fill(own < 9, -1))
    assert (none.rows >= 0).sum(dim=1).tolist() == [50] * 9 + [49] * 41


def test_images_of_the_querys_camera_are_left_out(query, gallery, write_store):
    store = FeatureStore(write_store(gallery))  # row i is of camera i % 3
    camids = np.array([0, 1, 2, 0, 7])
    found = search_other_cameras(torch.from_numpy(query), camids, store, 5)
    for one, camera, order in zip(found.rows, camids, dense(query, gallery)[0]):
        assert one.tolist() == [row for row in order if row % 3 != camera][:5]
    with pytest.raises(ValueError, match='cameras of the queries are not known'):
        search_other_cameras(torch.from_numpy(query), np.full(5, -1), store)
    second = np.arange(ROWS) % 3 == 1
    message = r'camera 2: all chosen images of .* without --other-cameras or --cameras, or'
    with pytest.raises(ValueError, match=message):
        search_other_cameras(torch.from_numpy(query), camids, store, keep=second)


def test_bad_queries_are_refused(query, gallery, write_store):
    store = FeatureStore(write_store(gallery))
    with pytest.raises(ValueError, match=r'shape \(5, 6\), those of .* 8 dimensions'):
        search(torch.from_numpy(query[:, :6]), store)
    with pytest.raises(ValueError, match='top=0'):
        search(torch.from_numpy(query), store, 0)
    with pytest.raises(ValueError, match='keeps 0 of the 50 rows'):
        search(torch.from_numpy(query), store, keep=np.zeros(50, bool))
    query[1, 2] = np.nan
    with pytest.raises(ValueError, match='NaN or Inf in 1 of 5 query rows: 1'):
        search(torch.from_numpy(query), store)


# ---- faiss ----


@pytest.fixture
def faiss():
    return pytest.importorskip('faiss', reason='the optional extra faiss is not installed')


def test_the_flat_index_finds_what_the_exact_search_finds(faiss, query, gallery, write_store):
    gallery = gallery[[row for row in range(ROWS) if row not in (49, 30, 31)]]
    store = FeatureStore(write_store(gallery))
    index = FaissIndex(store)
    assert (index.description, index.approximate) == ('faiss Flat', False)
    found, exact = (
        index.search(torch.from_numpy(query), 6),
        search(torch.from_numpy(query), store, 6),
    )
    assert found.rows.tolist() == exact.rows.tolist()
    assert torch.equal(found.distances, exact.distances)


def test_inverted_lists_are_named_approximate_and_their_distances_are_exact(
    faiss, write_store, query, gallery
):
    store = FeatureStore(write_store(gallery))
    index = FaissIndex(store, 'IVF4,SQ8', 'nprobe=1')
    assert index.approximate
    assert index.description == 'faiss IVF4,SQ8 nprobe=1'
    found = index.search(torch.from_numpy(query), 30)
    assert (found.rows == -1).any()  # one list of four is looked at
    for number, (rows, distances) in enumerate(zip(found.rows.numpy(), found.distances.numpy())):
        known = rows >= 0
        expected = np.square(query[number].astype(float) - gallery[rows[known]]).sum(1)
        assert np.allclose(distances[known], expected, atol=1e-12)
        assert (np.diff(distances[known]) >= 0).all()
        assert np.isinf(distances[~known]).all()
    everything = FaissIndex(store, 'IVF4,Flat', 'nprobe=4').search(torch.from_numpy(query), 3)
    assert everything.rows.tolist() == dense(query, gallery)[0][:, :3].tolist()


def test_an_index_leaves_each_row_out_that_is_its_own_query(faiss, write_store):
    rows = write_store.rows(12, DIMS)
    store = FeatureStore(write_store(rows))
    found = FaissIndex(store).search(torch.from_numpy(rows), 20, torch.arange(12))
    for row, order in enumerate(dense(rows, rows)[0].tolist()):
        assert found.rows[row].tolist() == [other for other in order if other != row] + [-1] * 9


def test_an_index_is_built_once(faiss, gallery, write_store):
    store = FeatureStore(write_store(gallery))
    built = FaissIndex(store).path.stat()
    again = FaissIndex(store).path.stat()
    assert (built.st_ino, built.st_mtime_ns) == (again.st_ino, again.st_mtime_ns)
    assert default_factory(1_000_000) == 'IVF1024,SQ8'
    assert default_factory(1000) == 'Flat'


def test_a_damaged_index_and_unknown_names_are_refused(faiss, gallery, write_store):
    store = FeatureStore(write_store(gallery))
    path = FaissIndex(store).path
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match=r'Flat_\w+.index is damaged .* delete it'):
        FaissIndex(store)
    other = FeatureStore(write_store(gallery[:9], 'other'))
    FaissIndex(other).path.rename(path)
    with pytest.raises(ValueError, match='9 rows, 8 dimensions'):
        FaissIndex(store)
    with pytest.raises(ValueError, match="cannot build 'Trees' of 50 rows"):
        FaissIndex(store, 'Trees')
    with pytest.raises(ValueError, match="IVF2,Flat takes no search parameters 'probes=3'"):
        FaissIndex(store, 'IVF2,Flat', 'probes=3')


def test_without_faiss_the_error_says_what_to_install(gallery, write_store, monkeypatch):
    monkeypatch.setitem(sys.modules, 'faiss', None)
    with pytest.raises(ImportError, match=r"pip install 'reidgen\[faiss\]'.*--index exact"):
        FaissIndex(FeatureStore(write_store(gallery)))
