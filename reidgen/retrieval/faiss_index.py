"""faiss indexes of feature stores, kept beside the features."""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reidgen.files import written_whole

from .feature_store import FeatureStore
from .topk import TopK, exact_distances, padded, smallest_k, without_self

FLAT_BELOW = 20_000  # rows up to which an exhaustive index is as fast as any other
TRAINED_ON = 64  # rows an inverted list, from which the lists are learned
QUERIES = 1024  # whose results are rescored at a time


def default_factory(num_rows: int) -> str:
    """Factory string of the index: 'Flat' for few rows, else some sqrt(N) inverted lists, SQ8."""
    if num_rows < FLAT_BELOW:
        return 'Flat'
    return f'IVF{2 ** round(num_rows.bit_length() / 2)},SQ8'


class FaissIndex:
    """In-memory faiss index over a store; distances of the results are exact.

    Args:
        store: its folder gets `faiss_<factory>_<key>.index` the first time.
        factory: a string of faiss's index_factory; None: `default_factory`. Anything but 'Flat' is
            approximate: neighbours may be lost.
        search: parameters of the search as faiss writes them; None: 'nprobe=16' for inverted lists.

    Attributes:
        approximate: whether it may lose neighbours.
        description: factory and parameters.

    Raises:
        ImportError: faiss is not installed.
        ValueError: a factory or parameter that faiss does not know; a damaged index file.
    """

    def __init__(self, store: FeatureStore, factory: str | None = None, search: str | None = None):
        try:
            import faiss
        except ImportError as error:
            raise ImportError(
                "the faiss index needs faiss: pip install 'reidgen[faiss]', or search with "
                '--index exact'
            ) from error
        self._faiss: Any = faiss  # its stubs know no strings of parameters
        self.store = store
        self.factory = factory or default_factory(len(store))
        self.approximate = self.factory != 'Flat'
        if search is None:
            search = 'nprobe=16' if 'IVF' in self.factory else ''
        self.description = f'faiss {self.factory}{f" {search}" if search else ""}'
        self.path = store.folder / (
            f'faiss_{re.sub(r"[^A-Za-z0-9]+", "_", self.factory)}_{store.manifest.key}.index'
        )
        if not self.path.exists():
            self._build()
        self._index = self._read()
        try:
            self._faiss.ParameterSpace().set_index_parameters(self._index, search)
        except RuntimeError as error:
            raise ValueError(
                f'{self.factory} takes no search parameters {search!r}: {_reason(error)}'
            ) from error

    def search(self, query: Tensor, top: int = 10, own: Tensor | None = None) -> TopK:
        """Approximate `top` nearest rows by the index; as `search.search`, on the CPU."""
        k = top if own is None else top + 1
        parts = []
        for part in query.cpu().split(QUERIES):
            _, rows = self._index.search(part.numpy(), min(k, len(self.store)))
            parts.append(self._rescored(part, torch.from_numpy(rows)))
        topk = TopK(*(torch.cat(each) for each in zip(*parts)))
        topk = padded(topk, k)
        return topk if own is None else without_self(topk, own)

    def _rescored(self, query: Tensor, rows: Tensor) -> TopK:
        """Exact distances from the features; rows (q, k) with -1 where faiss found fewer."""
        unique, index = rows.clamp(min=0).unique(return_inverse=True)
        distances = exact_distances(query, self.store.features(unique.numpy()), index)
        missing = rows < 0
        topk = smallest_k(
            rows.masked_fill(missing, len(self.store)),
            distances.masked_fill(missing, torch.inf),
            rows.shape[1],
        )
        return topk._replace(rows=topk.rows.masked_fill(topk.distances.isinf(), -1))

    def _build(self) -> None:
        faiss, store = self._faiss, self.store
        try:
            index = faiss.index_factory(store.dims, self.factory, faiss.METRIC_L2)
            if not index.is_trained:
                index.train(store.features(self._training_rows()).numpy())
        except RuntimeError as error:
            raise ValueError(
                f'faiss cannot build {self.factory!r} of {len(store)} rows with {store.dims} '
                f'dimensions: {_reason(error)}; give another --faiss-factory, such as Flat'
            ) from error
        for _, shard in store.shards():
            index.add(shard.numpy())
        with written_whole(self.path) as part:
            faiss.write_index(index, str(part))

    def _training_rows(self) -> range:
        """Evenly spaced training rows, as adjacent rows are often of one person."""
        lists = re.search(r'IVF(\d+)', self.factory)
        wanted = TRAINED_ON * max(1024, int(lists[1]) if lists else 0)
        return range(0, len(self.store), max(1, len(self.store) // wanted))

    def _read(self) -> Any:
        try:
            index = self._faiss.read_index(str(self.path))
        except RuntimeError as error:
            raise ValueError(_damaged(self.path, _reason(error))) from error
        if (index.ntotal, index.d) != (len(self.store), self.store.dims):
            raise ValueError(_damaged(self.path, f'{index.ntotal} rows, {index.d} dimensions'))
        return index


def _damaged(path: Path, what: str) -> str:
    return f'the index {path} is damaged or of other features ({what}); delete it: it is built anew'


def _reason(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[-1]
