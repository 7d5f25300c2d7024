"""Ghost batch norms on the ranks of a group of processes."""

import torch
from torch import nn

from reidgen.engine.ddp import average_statistics
from reidgen.models.layers.ghost_batch_norm import set_bn_group


def share(value: torch.Tensor) -> torch.Tensor:
    """Images of this process, in the order in which samplers deal them."""
    return value.chunk(torch.distributed.get_world_size())[torch.distributed.get_rank()]


def evaluated(case: dict, group: int) -> dict[str, torch.Tensor]:
    """Output and gradients of this rank's share of a case, in groups of so many images.

    Args:
        case: x and weights (N, C, ...) of the global batch, and the state of the layer.
    """
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
