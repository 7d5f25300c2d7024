"""Batch norm over groups of images, the same for any number of processes."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as nnf
from mmengine.dist import get_world_size
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .batch_norm import batch_norms


def set_bn_group(network: nn.Module, group: int | None, others: Sequence[int | None] = ()) -> None:
    """Turns the batch norms of a network into ghost batch norms, in place; None leaves them.

    Parameters, buffers and their names stay.

    Args:
        group: images whose batch gives mean and variance, see `GhostBatchNorm`.
        others: groups that `use_bn_group` will set later.

    Raises:
        ValueError: a group is no whole number from 2, or a batch norm is of a class that is not
            known here (the layer is named).
    """
    given = [each for each in (group, *others) if each is not None]
    for each in given:
        if not isinstance(each, int) or isinstance(each, bool) or each < 2:
            raise ValueError(
                f'bn_group is {each!r}; it is a number of images from 2, as one has no variance, '
                f'or None for the batch of a process'
            )
    names = {module: name for name, module in network.named_modules()}
    for layer in batch_norms(network) if given else ():
        kind = KINDS.get(type(layer).__name__)
        if kind is None:
            raise ValueError(
                f'bn_group is {given[0]}, but {names[layer]} is a {type(layer).__name__}; groups '
                f'are known of {", ".join(KINDS)}: take one of these, or leave bn_group out'
            )
        ghost: Any = layer
        ghost.__class__, ghost.bn_group, ghost.usual_group = kind, group, group


def use_bn_group(network: nn.Module, group: int | None) -> None:
    """Sets the group of a network's ghost batch norms; None: that of `set_bn_group`."""
    for layer in network.modules():
        if isinstance(layer, GhostBatchNorm):
            layer.bn_group = layer.usual_group if group is None else group


def ranks_of_group(group: int, batch: int, world_size: int, place: str = 'a batch norm') -> int:
    """Number of processes that a group of images is on.

    Args:
        batch: images on each process.
        place: what has this batch, for the error.

    Raises:
        ValueError: the group neither divides the batch, nor is a multiple of it on a number of
            processes that divides theirs.
    """
    if batch % group == 0:
        return 1
    ranks, rest = divmod(group, batch)
    if rest == 0 and world_size % ranks == 0:
        return ranks
    fitting = [n for n in range(2, batch * world_size + 1) if _fits(n, batch, world_size)]
    near = min(fitting, key=lambda n: abs(n - group), default=batch)
    raise ValueError(
        f'bn_group is {group}, but {place} has {batch} images on each of {world_size} process(es); '
        f'a group is a divisor of {batch}, or the images of some processes whose number divides '
        f'{world_size}: set bn_group={near}, or another batch size'
    )


def _fits(group: int, batch: int, world_size: int) -> bool:
    whole = group % batch == 0 and world_size % (group // batch) == 0
    return batch % group == 0 or whole


class GhostBatchNorm(_BatchNorm):
    """Batch norm whose statistics are those of consecutive groups of the global batch.

    Ghost batch norm (Hoffer et al., NeurIPS 2017) where a process has several groups, batch norm
    over processes (Peng et al., CVPR 2018) where a group is on several; either way the same groups
    for any number of processes, since the samplers deal consecutive images to them. A network is
    to be given the batch of one loader at a time: batches joined before it would lie in another
    order.

    The running statistics move once a forward, by the mean over all groups of their means and
    unbiased variances. A process moves its own by the groups that it has; the engine averages them
    over the processes after each iteration (`average_statistics`), and as each move is linear, that
    is the same. In eval mode the layer is the batch norm it was.

    Attributes:
        bn_group: images of a group; None: all of the process.
        usual_group: the same where a stage says nothing else.
    """

    bn_group: int | None
    usual_group: int | None

    def forward(self, x: Tensor) -> Tensor:
        """Normalised (B, C, ...), B the images of this process.

        Raises:
            ValueError: groups and batch do not fit, see `ranks_of_group`.
        """
        if self.training and self.bn_group is not None:
            self._check_input_dim(x)
            y = self._train(x, self.bn_group)
        else:
            y = super().forward(x)
        # timm's layer has an activation of its own
        for part in (getattr(self, name, None) for name in ('drop', 'act')):
            y = y if part is None else part(y)
        return y

    def _train(self, x: Tensor, group: int) -> Tensor:
        ranks = ranks_of_group(group, len(x), get_world_size())
        parts = x.split(min(group, len(x)))
        if ranks == 1:
            normalised = [self._within(part) for part in parts]
        else:
            normalised = [self._across(x, ranks)]
        if self.track_running_stats:
            self._follow(*(torch.stack([part[n] for part in normalised]).mean(0) for n in (1, 2)))
        return normalised[0][0] if len(normalised) == 1 else torch.cat([y for y, *_ in normalised])

    def _within(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised images of a group, their means (C,) and unbiased variances (C,)."""
        kind = x.dtype if x.dtype == torch.float64 else torch.float32
        mean, var = torch.zeros(2, self.num_features, dtype=kind, device=x.device).unbind()
        # with a momentum of 1, statistics are those of the batch
        y = nnf.batch_norm(x, mean, var, self.weight, self.bias, True, 1.0, self.eps)
        return y, mean, var

    def _across(self, x: Tensor, ranks: int) -> tuple[Tensor, Tensor, Tensor]:
        """As `_within`, of the images of several processes."""
        dims = [0, *range(2, x.dim())]
        exact = x if x.dtype == torch.float64 else x.float()
        var, mean = (each.double() for each in torch.var_mean(exact, dims, correction=0))
        # float64: the square of a large mean leaves a small variance its digits
        moments = torch.stack([mean, var + mean.square()])  # (2, C)
        mean, square = _MeanOverRanks.apply(moments, ranks).unbind()
        var = square - mean.square()
        scale = (var + self.eps).rsqrt()
        scale = scale if self.weight is None else scale * self.weight
        shift = -mean * scale if self.bias is None else self.bias - mean * scale
        shape = (-1, *[1] * (x.dim() - 2))
        y = exact * scale.to(exact).view(shape) + shift.to(exact).view(shape)
        count = ranks * x.numel() // x.shape[1]
        return y.to(x.dtype), mean.detach(), var.detach() * (count / (count - 1))

    @torch.no_grad()
    def _follow(self, mean: Tensor, var: Tensor) -> None:
        """Moves the running statistics towards means and variances (C,)."""
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None, 'it is there with the running statistics'
        self.num_batches_tracked.add_(1)
        share = self.momentum
        if share is None:
            share = 1 / self.num_batches_tracked.item()
        # new tensors: the old ones may be saved for the backward pass of an earlier forward
        self.running_mean = self.running_mean.lerp(mean.to(self.running_mean), share)
        self.running_var = self.running_var.lerp(var.to(self.running_var), share)


class GhostBatchNorm1d(GhostBatchNorm, nn.BatchNorm1d):
    """GhostBatchNorm of (B, C) or (B, C, L)."""


class GhostBatchNorm2d(GhostBatchNorm, nn.BatchNorm2d):
    """GhostBatchNorm of (B, C, H, W)."""


# the last is timm's, whose package need not be there
KINDS = dict(
    BatchNorm1d=GhostBatchNorm1d, BatchNorm2d=GhostBatchNorm2d, BatchNormAct2d=GhostBatchNorm2d
)


class _MeanOverRanks(torch.autograd.Function):
    """Mean of a tensor over consecutive ranks. The operation is its own adjoint: each process's
    loss depends on each process's tensor in the same way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, ranks: int) -> Tensor:
        ctx.ranks = ranks
        total = x.clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(total, group=_neighbours(ranks))
        return total / ranks

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _MeanOverRanks.apply(grad, ctx.ranks), None


def _neighbours(ranks: int) -> Any:
    """Process group of the consecutive ranks that share a group of images with this one."""
    world = torch.distributed.group.WORLD
    return world if ranks == torch.distributed.get_world_size() else _subgroup(ranks, world)


@cache
def _subgroup(ranks: int, world: Any) -> Any:
    # all ranks come here at the same layer, as making groups asks of them
    return torch.distributed.new_subgroups(ranks)[0]
