"""Named endless training loaders, drawn in parallel."""

import inspect
import zlib
from collections import namedtuple
from collections.abc import Sequence

import torch
from mmengine.dist import get_dist_info
from torch.utils.data import DataLoader, Dataset, default_collate

from reidgen.choices import check_keys, listed
from reidgen.registry import DATA_SAMPLERS, FUNCTIONS, accepted, build, find, names
from reidgen.rng import seed_of

NEEDED = ('dataset', 'batch_size', 'sampler')  # keys that a loader cannot do without
# of a DataLoader, less the order, which is the sampler's, and what is set here
KEYS = [
    key
    for key in inspect.signature(DataLoader).parameters
    if key not in ('shuffle', 'batch_sampler', 'generator')
]


def build_loader(
    dataset: Dataset, cfg: dict, seed: int, name: str, group: str = 'train_dataloader'
) -> DataLoader:
    """Data loader of a config: `batch_size`, `num_workers`, `sampler`, `collate_fn`.

    The sampler gets its batch size and a seed of its own, (seed, name). The loader has a
    generator of its own, so drawing from it leaves the random state of training alone.

    Args:
        group: key of the config that the loader stands under, for errors.

    Raises:
        ValueError: a key or value that a loader or its sampler does not take, or one that it needs
            is missing; names its place in the config and the known keys.
    """
    cfg = dict(cfg)
    place = f'{group}.{name}'
    check_keys(cfg, KEYS, place)
    missing = [key for key in NEEDED if key not in cfg]
    if missing:
        raise ValueError(
            f'{place}: no {listed(missing)}; a loader needs {listed(NEEDED)}: set each'
        )
    cfg.pop('dataset')
    batch_size = cfg.pop('batch_size')
    collate = cfg.pop('collate_fn', None)
    if isinstance(collate, dict):
        collate = find(collate.get('type'), FUNCTIONS, place=f'{place}.collate_fn')
    seed = seed_of(seed, zlib.crc32(name.encode()))
    workers = cfg.pop('num_workers', 0)
    sampler = _sampler(cfg.pop('sampler'), dataset, batch_size, seed, f'{place}.sampler')
    options = dict(
        batch_size=batch_size,
        sampler=sampler,
        num_workers=workers,
        collate_fn=collate or default_collate,
        drop_last=cfg.pop('drop_last', False),
        persistent_workers=cfg.pop('persistent_workers', workers > 0),
        pin_memory=cfg.pop('pin_memory', torch.cuda.is_available()),
        generator=torch.Generator().manual_seed(seed),
    )
    try:
        return DataLoader(dataset, **options | cfg)
    except (TypeError, ValueError) as error:
        raise ValueError(f'{place}: {error}; correct the value') from error


def _sampler(cfg: dict, dataset: Dataset, batch_size: int, seed: int, place: str):
    given = dict(dataset=dataset, batch_size=batch_size, seed=seed)
    if isinstance(cfg, dict) and isinstance(cfg.get('type'), str):
        known = accepted(find(cfg['type'], DATA_SAMPLERS, place=place))
        cfg = {key: value for key, value in given.items() if known is None or key in known} | cfg
    return build(cfg, DATA_SAMPLERS, place)


def _check_resumable(loader: str, sampler) -> None:
    if hasattr(sampler, 'set_start'):
        return
    known = [name for name in names(DATA_SAMPLERS) if hasattr(DATA_SAMPLERS.get(name), 'set_start')]
    raise ValueError(
        f'train_dataloader.{loader}.sampler is {type(sampler).__name__}, which cannot be resumed, '
        f'as it has no set_start; set train_dataloader.{loader}.sampler.type to one of '
        f'{", ".join(known)}'
    )


class RankSampler(torch.utils.data.Sampler):
    """Sequential sampler of this rank's rows, every world_size-th; each row once over all ranks."""

    def __init__(self, dataset: Dataset):
        rank, world_size = get_dist_info()
        self.rows = range(rank, len(dataset), world_size)

    def __iter__(self):
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


class Rows(Dataset):
    """Some rows of a training or test set, in the order given."""

    def __init__(self, dataset, rows: Sequence[int]):
        self.dataset, self.rows = dataset, rows

    def plain(self) -> 'Rows':
        """The same rows without augmentation."""
        return Rows(self.dataset.plain(), self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int):
        return self.dataset[self.rows[number]]


def rank_loader(dataset: Dataset, batch_size: int = 128, num_workers: int = 0) -> DataLoader:
    """Loader of this rank's share of a data set in order, without augmentation."""
    return _plain_loader(dataset, batch_size, num_workers, sampler=RankSampler(dataset))


def statistics_loader(
    dataset: Dataset, rows: Sequence[int], batch_size: int = 128, num_workers: int = 0
) -> DataLoader:
    """Shuffled loader of some rows, for batch-norm statistics.

    Fewer rows than all are divided evenly, into batches of no more than `batch_size`, so that
    almost none is left out.
    """
    if len(rows) < len(dataset):
        batch_size = len(rows) // -(-len(rows) // batch_size)
        dataset = Rows(dataset, rows)
    return shuffled_loader(dataset, batch_size, num_workers)


def shuffled_loader(dataset: Dataset, batch_size: int = 128, num_workers: int = 0) -> DataLoader:
    """Loader of one pass in a fixed shuffled order, the same on all ranks, without augmentation,
    for batch-norm statistics; full batches only, if there is one."""
    return _plain_loader(
        dataset, batch_size, num_workers, shuffle=True, drop_last=len(dataset) >= batch_size
    )


def _plain_loader(dataset: Dataset, batch_size: int, num_workers: int, **kwargs) -> DataLoader:
    return DataLoader(
        dataset.plain(),
        batch_size=batch_size,
        num_workers=num_workers,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator().manual_seed(0),
        **kwargs,
    )


class ParallelLoader:
    """Named loaders, of which each iteration draws a batch from those of the stage.

    Yields NamedTuples with a field for each, `batch.source.img`. Only the loaders that are drawn
    run worker processes.

    Args:
        loaders: by name.
        length: iterations of the training, for mmengine's hooks.

    Raises:
        ValueError: a sampler that cannot be started at a batch.
    """

    def __init__(self, loaders: dict[str, DataLoader], length: int):
        for name, loader in loaders.items():
            _check_resumable(name, loader.sampler)
        self.loaders, self.length = loaders, length
        self._iterators: dict[str, object] = {}
        self._position: dict[str, int] = {}
        self._fields: dict[str, str] = {}

    def __len__(self) -> int:
        return self.length

    @property
    def dataset(self) -> dict[str, Dataset]:
        """Data sets by loader name."""
        return {name: loader.dataset for name, loader in self.loaders.items()}

    def start(self, fields: dict[str, str], positions: dict[str, int]) -> None:
        """Selects the loaders to draw from, each from the given batch on.

        Args:
            fields: field of the batch -> loader.
            positions: loader -> batch.
        """
        self._fields = dict(fields)
        for name in set(self._iterators) - set(fields.values()):
            self.stop(name)
        for name in fields.values():
            if name not in self._iterators or self._position[name] != positions[name]:
                self.restart(name, positions[name])

    def restart(self, name: str, position: int) -> None:
        """Restarts one loader at a batch, dropping prefetched ones."""
        loader = self.loaders[name]
        loader.sampler.set_start(position)
        self._iterators[name], self._position[name] = iter(loader), position

    def stop(self, name: str | None = None) -> None:
        """Stops the worker processes of one loader, or of all."""
        for ended in [name] if name else list(self._iterators):
            self._iterators.pop(ended, None)
            self.loaders[ended]._iterator = None  # persistent workers live here

    def __next__(self):
        batch = namedtuple('Batch', self._fields)(
            *(next(self._iterators[name]) for name in self._fields.values())
        )
        for name in self._fields.values():
            self._position[name] += 1
        return batch
