"""Random batch as the training loop passes it to CAGAN."""

import torch

from projects.cagan.cagan import SwapBatch


class Batch:
    """Batch of the loader `pairs`."""

    def __init__(self, num: int = 2, size: tuple[int, int] = (32, 16)):
        generator = torch.Generator().manual_seed(0)
        self.pairs = SwapBatch(*torch.rand(3, num, 3, *size, generator=generator) * 2 - 1)
