"""Every random number of a training step, the same for any number of processes."""

import numpy as np
import torch
from mmengine.dist import get_dist_info
from torch import Tensor


def seed_of(*numbers: int) -> int:
    """One 63-bit seed from several non-negative numbers (numpy's SeedSequence)."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


class StepRNG:
    """Label smoothing, flips, penalty points, noise and negatives come from here.

    A CPU generator seeded by (seed, iteration), equal on all ranks. Numbers for the samples of a
    batch are drawn for the batch of all ranks together and each rank takes its rows: two processes
    with half the batch see what one process with the whole batch sees. A resumed run needs no state
    but the iteration.
    """

    def __init__(self, seed: int = 0):
        self.seed = seed
        self.generator = torch.Generator()
        self.begin(0)

    def begin(self, iteration: int) -> None:
        """Starts the numbers of this iteration (counted from 0 over all stages)."""
        self.iteration = iteration
        self.generator.manual_seed(seed_of(self.seed, iteration))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """One number in [low, high), for the whole batch on every rank."""
        return low + (high - low) * torch.rand((), generator=self.generator).item()

    def rows(self, num_rows: int, *shape: int, device: torch.device | str = 'cpu') -> Tensor:
        """(num_rows, *shape) uniform in [0, 1): this rank's rows of what is drawn for all ranks."""
        return self._take(torch.rand, num_rows, shape, device)

    def normal_rows(self, num_rows: int, *shape: int, device: torch.device | str = 'cpu') -> Tensor:
        """(num_rows, *shape) standard normal: this rank's rows of what is drawn for all ranks."""
        return self._take(torch.randn, num_rows, shape, device)

    def _take(self, sample, num_rows: int, shape: tuple[int, ...], device) -> Tensor:
        rank, world_size = get_dist_info()
        drawn = sample((num_rows * world_size, *shape), generator=self.generator)
        return drawn[rank * num_rows : (rank + 1) * num_rows].to(device)
