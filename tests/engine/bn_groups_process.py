"""Ghost batch norms, and trainings with them, on groups of processes one after another.

python bn_groups_process.py '[[PORT, [[CASES.pth, OUT.pth, JOBS of one_process.py], ...]], ...]'

A group has a port and, for each rank, its files and jobs. A case has x and weights (N, C, ...) of
the global batch, groups, and the layer's state; out come output and gradients of a rank's share.
The processes are forked: imports take longer than what they do.
"""

import json
import multiprocessing
import os
import sys
import warnings

import torch
from one_process import train
from torch import nn

from reidgen.engine.ddp import average_statistics
from reidgen.models.layers.ghost_batch_norm import set_bn_group


def share(value: torch.Tensor) -> torch.Tensor:
    """Images of this process, in the order in which samplers deal them."""
    return value.chunk(torch.distributed.get_world_size())[torch.distributed.get_rank()]


def evaluated(case: dict, group: int) -> dict[str, torch.Tensor]:
    layer = {2: nn.BatchNorm1d, 4: nn.BatchNorm2d}[case['x'].dim()](case['x'].shape[1])
    layer.to(case['x']).load_state_dict(case['state'])
    set_bn_group(layer, group)
    x = share(case['x']).clone().requires_grad_()
    y, weights = layer(x), share(case['weights'])
    again = layer(x.square())  # a second forward before the backward
    (grad,) = torch.autograd.grad((y * weights).sum(), x, create_graph=True)
    ((y + again) * weights).sum().add(grad.square().sum()).backward()
    average_statistics(nn.Sequential(layer))
    return dict(
        y=y.detach(),
        x_grad=x.grad,
        weight_grad=layer.weight.grad,
        bias_grad=layer.bias.grad,
        **{key: value.clone() for key, value in layer.state_dict().items()},
    )


def work(rank: int, count: int, port: str, given: str, out: str, jobs: list) -> None:
    if count > 1:
        os.environ |= dict(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(count))
        os.environ |= dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
        torch.distributed.init_process_group('gloo')
        cases = torch.load(given, weights_only=True)
        torch.save(
            [{group: evaluated(case, group) for group in case['groups']} for case in cases], out
        )
    for job in jobs:
        train(*job)
    if count > 1:
        torch.distributed.destroy_process_group()


if __name__ == '__main__':
    warnings.simplefilter('ignore')
    torch.set_num_threads(1)
    fork = multiprocessing.get_context('fork')
    for port, ranks in json.loads(sys.argv[1]):
        running = [
            fork.Process(target=work, args=(rank, len(ranks), port, *argument))
            for rank, argument in enumerate(ranks)
        ]
        for process in running:
            process.start()
        for process in running:
            process.join()
        if any(process.exitcode for process in running):
            sys.exit(1)
