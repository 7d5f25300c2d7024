"""Random numbers of a training step, equal for any number of processes."""

from collections.abc import Callable

import numpy as np
import torch
from mmengine.dist import get_dist_info
from torch import Tensor


def seed_of(*numbers: int) -> int:
    """Seed of 63 bits from several non-negative integers (numpy's SeedSequence)."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


class StepRNG:
    """Random numbers of label smoothing, flips, penalty points, noise and negatives.

    A CPU generator seeded by (seed, iteration), equal on all ranks. Numbers for the samples of a
    batch are drawn for the batch of all ranks together and each rank takes its rows: two processes
    with half the batch get the numbers of one process with the whole batch. A resumed run needs no
    state but the iteration.

    Attributes:
        iteration: of the whole training, from 0.
        step: of the phase that is running, from 0: of one with `every=n`, the n-th part.
    """

    def __init__(self, seed: int = 0):
        self.seed = seed
        self.generator = torch.Generator()
        self.begin(0)

    def begin(self, iteration: int) -> None:
        """Reseeds for an iteration, counted from 0 over all stages."""
        self.iteration = self.step = iteration
        self.generator.manual_seed(seed_of(self.seed, iteration))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Uniform number in [low, high), equal on all ranks."""
        return low + (high - low) * torch.rand((), generator=self.generator).item()

    def rows(self, num_rows: int, *shape: int, device: torch.device | str = 'cpu') -> Tensor:
        """Uniform numbers (num_rows, *shape) in [0, 1), this rank's rows of a global draw."""
        return self._take(torch.rand, num_rows, shape, device)

    def normal_rows(self, num_rows: int, *shape: int, device: torch.device | str = 'cpu') -> Tensor:
        """Standard normal numbers (num_rows, *shape), this rank's rows of a global draw."""
        return self._take(torch.randn, num_rows, shape, device)

    def _take(
        self,
        sample: Callable[..., Tensor],
        num_rows: int,
        shape: tuple[int, ...],
        device: torch.device | str,
    ) -> Tensor:
        rank, world_size = get_dist_info()
        drawn = sample((num_rows * world_size, *shape), generator=self.generator)
        return drawn[rank * num_rows : (rank + 1) * num_rows].to(device)
