"""AdaBN: batch-norm statistics of another domain, or of each of its cameras, without labels or
weight updates.

Li et al., "Revisiting batch normalization for practical domain adaptation", 2016; Pattern
Recognition 2018. By camera: Zhuang et al., "Rethinking the distribution gap of person
re-identification with camera-based batch normalization", ECCV 2020.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

ADABN_BY = ('domain', 'camera')


class Part(NamedTuple):
    """Images that are embedded with the same statistics."""

    rows: list[int]
    statistics: list[int]  # rows of the training set whose statistics they are


def adabn_parts(camids: Tensor, training_camids: Tensor, by: str) -> list[Part]:
    """Parts of a data set by the statistics that its images are embedded with.

    Args:
        camids: (N,) cameras of the images.
        training_camids: (M,) cameras of the training images that statistics are estimated on.
        by: 'domain': one part; 'camera': a part for each camera, whose statistics are those of its
            own training images. A camera with fewer than two of them takes those of all.
    """
    everything = list(range(len(training_camids)))
    if by == 'domain':
        return [Part(list(range(len(camids))), everything)]
    parts = []
    for camera in camids.unique().tolist():
        own = torch.nonzero(training_camids == camera)[:, 0].tolist()
        rows = torch.nonzero(camids == camera)[:, 0].tolist()
        parts.append(Part(rows, own if len(own) > 1 else everything))
    return parts


@contextmanager
def adapted_batch_norm(network: nn.Module, batches: Iterable[Tensor]) -> Iterator[nn.Module]:
    """Context with the network in eval mode and batch-norm statistics of `batches`.

    On exit, also by an exception, all is as before: buffers bit by bit, `num_batches_tracked`
    included, momenta, and every module's training flag.

    Args:
        batches: as in `reestimate_batch_norm`.

    Raises:
        ValueError: as `reestimate_batch_norm`.
    """
    modes = {module: module.training for module in network.modules()}
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    try:
        reestimate_batch_norm(network, batches)
        network.eval()
        yield network
    finally:
        with torch.no_grad():
            for buffer, saved in buffers:
                buffer.copy_(saved)
        _restore_modes(modes)


@torch.no_grad()
def reestimate_batch_norm(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Replaces the statistics of all batch norms, in place, by those of one pass of `batches`.

    A layer's mean is the plain average of its batches' means, its variance that of their unbiased
    variances (PyTorch's momentum=None); a shorter last batch counts as much as the others. Layers
    below normalise by the batch meanwhile. Everything but batch norm, dropout included, is in eval
    mode. Deviation from the paper: the variance is that within batches, not over the whole domain.
    Momenta, training flags and the groups of ghost batch norms, which do not apply here, are put
    back at the end. With several processes, every rank must be given the same batches.

    Args:
        network: returns anything; the output is ignored.
        batches: (B, 3, H, W) normalised images on the network's device. A batch of one image is
            skipped, since a vector has no variance there.

    Raises:
        ValueError: no batch norm that tracks statistics, or no batch of two images or more. After
            this or any other exception the statistics are as before.
    """
    layers = [
        module
        for module in network.modules()
        if isinstance(module, _BatchNorm) and module.running_mean is not None
    ]
    if not layers:
        raise ValueError(
            f'{type(network).__name__} has no batch norm with running statistics, so '
            f'AdaBN has nothing to adapt; leave it out for this network'
        )
    num_used = num_single = 0
    with _averaging(network, layers):
        for images in batches:
            if len(images) < 2:
                num_single += 1
                continue
            network(images)
            num_used += 1
        if num_used == 0:
            raise ValueError(
                f'no batch of two images or more to estimate from ({num_single} of '
                f'one image); give more images or a larger batch size'
            )


@contextmanager
def _averaging(network: nn.Module, layers: list[_BatchNorm]) -> Iterator[None]:
    """Context in which these layers average statistics anew and the rest is in eval mode."""
    modes = {module: module.training for module in network.modules()}
    momenta = [layer.momentum for layer in layers]
    groups: dict[Any, Any] = {
        layer: layer.bn_group for layer in layers if hasattr(layer, 'bn_group')
    }
    statistics = [(buffer, buffer.clone()) for layer in layers for buffer in layer.buffers()]
    try:
        network.eval()
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum, layer.training = None, True
        for layer in groups:
            layer.bn_group = None
        yield
    except BaseException:
        for buffer, saved in statistics:
            buffer.copy_(saved)
        raise
    finally:
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum
        for layer, group in groups.items():
            layer.bn_group = group
        _restore_modes(modes)


def _restore_modes(modes: dict[nn.Module, bool]) -> None:
    # not module.train(): a class may override it, and it would carry over to the children
    for module, training in modes.items():
        module.training = training
