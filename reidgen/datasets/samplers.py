"""Endless seeded training samplers with random access and one sequence for all ranks."""

from collections.abc import Callable, Iterator

import numpy as np
from mmengine.dist import get_dist_info
from torch.utils.data import Sampler

from reidgen.choices import check_count, is_whole
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.registry import DATA_SAMPLERS
from reidgen.rng import seed_of
from reidgen.structures import SeededIndex

RowsOfPass = Callable[[int], np.ndarray]  # number of a pass -> its rows, in order


class EndlessSampler(Sampler[SeededIndex]):
    """Base of the endless samplers: a global sequence of batches, split among the ranks.

    Pass p is a pure function of (seed, p) and its incomplete last global batch is dropped. So one
    process with a batch of 8 and two with 4 get the same sequence, and any place of it is reached
    without replay.

    Args:
        batch_size: images of a batch on one rank.
        rank, world_size: None: those of the running process group.

    Raises:
        ValueError: batch_size is below 1, or the data set is smaller than one global batch.
    """

    def __init__(
        self,
        dataset: ReIDDataset,
        batch_size: int,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ):
        if not is_whole(seed):
            raise ValueError(
                f'seed is {seed!r}; a sampler needs a number of 0 or more (randomness.seed)'
            )
        check_count('batch_size', batch_size)
        running_rank, running_world = get_dist_info()
        self.rank = running_rank if rank is None else rank
        self.world_size = running_world if world_size is None else world_size
        check_count('world_size', self.world_size)
        if not is_whole(self.rank) or self.rank >= self.world_size:
            raise ValueError(f'rank is {self.rank!r}; it must be in 0..{self.world_size - 1}')
        self.dataset, self.batch_size, self.seed = dataset, batch_size, seed
        self.start = 0

    @property
    def global_batch(self) -> int:
        """Batch size summed over ranks."""
        return self.batch_size * self.world_size

    @property
    def batches_per_pass(self) -> int:
        """Global batches of a pass over the data set."""
        raise NotImplementedError

    def rows_of_pass(self, number: int) -> np.ndarray:
        """Data set rows of a pass in order, (batches_per_pass * global_batch,) int64."""
        raise NotImplementedError

    def set_start(self, batches: int) -> None:
        """Sets the batch at which the next `iter` starts, counted over the training."""
        if not is_whole(batches):
            raise ValueError(f'a sampler starts at a batch from 0, not at {batches!r}')
        self.start = batches

    def __len__(self) -> int:
        """Images of a pass on this rank; iteration does not end there."""
        return self.batches_per_pass * self.batch_size

    def __iter__(self) -> Iterator[SeededIndex]:
        # what a running iterator yields does not change when set_start or set_labels is called
        return self._draws(self.start, self.batches_per_pass, self._frozen_rows())

    def _frozen_rows(self) -> RowsOfPass:
        return self.rows_of_pass

    def _draws(
        self, batch: int, batches_per_pass: int, rows_of_pass: RowsOfPass
    ) -> Iterator[SeededIndex]:
        while True:
            number, first = divmod(batch, batches_per_pass)
            rows = rows_of_pass(number).reshape(batches_per_pass, self.world_size, self.batch_size)
            for mine in rows[first:, self.rank].tolist():
                position = batch * self.global_batch + self.rank * self.batch_size
                for offset, row in enumerate(mine):
                    yield SeededIndex(row, seed_of(self.seed, position + offset))
                batch += 1

    def _check_enough(self) -> None:
        num_images = len(self.dataset)
        if num_images < self.global_batch:
            raise ValueError(
                f'{self.dataset.name} has {num_images} images, fewer than one batch of '
                f'{self.global_batch} ({self.batch_size} x {self.world_size} processes); set '
                f'batch_size to {max(num_images // self.world_size, 1)} or less, or take more '
                f'images'
            )


def permutation(length: int, *seed: int) -> np.ndarray:
    """Random permutation (length,) int64 determined by the seed numbers."""
    return np.random.default_rng(seed_of(*seed)).permutation(length)


@DATA_SAMPLERS.register_module()
class ShuffleSampler(EndlessSampler):
    """Shuffled passes over all images."""

    def __init__(
        self,
        dataset: ReIDDataset,
        batch_size: int,
        seed: int = 0,
        rank: int | None = None,
        world_size: int | None = None,
    ):
        super().__init__(dataset, batch_size, seed, rank, world_size)
        self._check_enough()

    @property
    def batches_per_pass(self) -> int:
        return len(self.dataset) // self.global_batch

    def rows_of_pass(self, number: int) -> np.ndarray:
        rows = permutation(len(self.dataset), self.seed, number)
        return rows[: self.batches_per_pass * self.global_batch]


@DATA_SAMPLERS.register_module()
class IdentitySampler(EndlessSampler):
    """Batches of P identities with K images each (Hermans et al., 2017, section 2), for triplets.

    A pass shows every identity once with K of its images, in random order, but for the last that do
    not fill a batch; over the passes an identity's images come in turn. One with fewer than K
    images repeats some. The P identities of a batch differ, on all ranks together if the data set
    has that many.

    Args:
        batch_size: P * K, on one rank.
        num_identities: P, on one rank.
        num_images: K.
        camera_aware: the K images are of as many cameras as the identity has.

    Raises:
        ValueError: P or K is below 1, P * K is not batch_size, fewer than P identities, or images
            without identity.
    """

    def __init__(
        self,
        dataset: ReIDDataset,
        batch_size: int,
        num_identities: int,
        num_images: int,
        seed: int = 0,
        camera_aware: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
    ):
        super().__init__(dataset, batch_size, seed, rank, world_size)
        check_count('num_identities', num_identities)
        check_count('num_images', num_images)
        if num_identities * num_images != batch_size:
            raise ValueError(
                f'num_identities * num_images is {num_identities} * {num_images} = '
                f'{num_identities * num_images}, but batch_size is {batch_size}; make them equal'
            )
        if not isinstance(camera_aware, bool):
            raise ValueError(f'camera_aware is {camera_aware!r}; it must be True or False')
        self.num_identities, self.num_images = num_identities, num_images
        self.camera_aware = camera_aware
        self.rows_of = self._grouped()

    def _grouped(self) -> list[np.ndarray]:
        """Rows grouped by identity."""
        pids = self.dataset.pids.numpy()
        if (pids < 0).any():
            raise ValueError(
                f'{self.dataset.name} hands out {(pids < 0).sum()} images without '
                f'identity; set labelled=True, or use ShuffleSampler, '
                'PseudoLabelSampler or ClusterSampler'
            )
        return self._enough([np.flatnonzero(pids == pid) for pid in np.unique(pids)], 'identities')

    def _enough(self, rows_of: list[np.ndarray], what: str) -> list[np.ndarray]:
        if len(rows_of) < self.num_identities:
            raise ValueError(
                f'{self.dataset.name} has {len(rows_of)} {what}, fewer than '
                f'num_identities={self.num_identities}; lower it and batch_size, which is '
                f'num_identities * num_images'
            )
        return rows_of

    @property
    def batches_per_pass(self) -> int:
        # with fewer identities than all ranks show at once, they are distinct on each rank alone
        return max(len(self.rows_of) // (self.num_identities * self.world_size), 1)

    def rows_of_pass(self, number: int) -> np.ndarray:
        return self._rows(self.rows_of, number)

    def _frozen_rows(self) -> RowsOfPass:
        rows_of = self.rows_of
        return lambda number: self._rows(rows_of, number)

    def _rows(self, rows_of: list[np.ndarray], number: int) -> np.ndarray:
        wanted = self.num_identities * self.world_size
        if len(rows_of) >= wanted:
            order = permutation(len(rows_of), self.seed, number)
            order = order[: len(rows_of) // wanted * wanted]
            turns = [number] * len(order)
        else:
            order = np.concatenate(
                [
                    permutation(len(rows_of), self.seed, number, rank)[: self.num_identities]
                    for rank in range(self.world_size)
                ]
            )
            turns = [
                number * self.world_size + place // self.num_identities
                for place in range(len(order))
            ]
        return np.concatenate(
            [self._images(rows_of[chosen], chosen, turn) for chosen, turn in zip(order, turns)]
        )

    def _images(self, rows: np.ndarray, identity: int, turn: int) -> np.ndarray:
        """Rows (K,) of an identity, continuing through its images over the passes."""
        groups = max(len(rows) // self.num_images, 1)
        shuffle, group = divmod(turn, groups)
        order = rows[permutation(len(rows), self.seed, shuffle, identity)]
        if self.camera_aware:
            order = self._by_turns_of_cameras(order)
        # np.resize repeats what is too short
        return np.resize(order[group * self.num_images :], self.num_images)

    def _by_turns_of_cameras(self, rows: np.ndarray) -> np.ndarray:
        """Rows interleaved by camera: the first images of all cameras, then their second ones."""
        camids = self.dataset.camids.numpy()[rows]
        nth = np.empty(len(rows), dtype=np.int64)  # how many of its camera came before
        for camid in np.unique(camids):
            nth[camids == camid] = np.arange((camids == camid).sum())
        return rows[np.argsort(nth, kind='stable')]
