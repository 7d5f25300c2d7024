"""Ghost batch norms, and trainings with them, alone or as one of several processes.

python bn_groups_process.py '[[CASES.pth, OUT.pth], JOBS of one_process.py]'

A case has x and weights (N, C, ...) of the global batch, groups, and the layer's state; out come
output and gradients of this process's share.
"""

import json
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


if __name__ == '__main__':
    warnings.simplefilter('ignore')
    (given, out), jobs = json.loads(sys.argv[1])
    if 'RANK' in os.environ:
        torch.distributed.init_process_group('gloo')
        cases = torch.load(given, weights_only=True)
        torch.save(
            [{group: evaluated(case, group) for group in case['groups']} for case in cases], out
        )
    for job in jobs:
        train(*job)
    if 'RANK' in os.environ:
        torch.distributed.destroy_process_group()
