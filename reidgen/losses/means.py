"""Means over the images of all processes."""

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor


def mean_over_processes(total: Tensor, count: int | Tensor) -> Tensor:
    """Mean of the values of all processes, 0-d; 0 of none.

    Processes may have unequal numbers of values, of which the mean of their means would be another
    number. Each is given its own part of the mean times the number of processes, as gradients and
    logged numbers are averaged over them. Every process must call it.

    Args:
        total: 0-d sum of the values of this process.
        count: of them.
    """
    number = torch.as_tensor(count, dtype=total.dtype, device=total.device)
    world_size = get_world_size()
    if world_size > 1:
        number = number.detach().clone()
        all_reduce(number)
    return total * world_size / number.clamp_min(1)
