"""Batch norm of an encoder that is given real and translated images."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


def batch_norms(network: nn.Module) -> list[nn.Module]:
    """Every batch norm layer of a network."""
    return [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


@contextmanager
def statistics_of(network: nn.Module, bn_mode: str, real: bool) -> Iterator[None]:
    """Batch norm of a network in training as a mode of CrossDomainGCL has it.

    'frozen': running statistics are used and kept. 'real_only': those of the batch are used, and
    translated images leave the running ones alone. Otherwise as torch does.

    Args:
        real: whether the images of the forward within are real.
    """
    layers = batch_norms(network) if network.training else []
    if bn_mode == 'frozen':
        changed = [(layer, 'training', False) for layer in layers if layer.training]
    elif bn_mode == 'real_only' and not real:
        changed = [(m, 'track_running_stats', False) for m in layers if m.track_running_stats]
    else:
        changed = []
    for layer, attribute, value in changed:
        setattr(layer, attribute, value)
    try:
        yield
    finally:
        for layer, attribute, value in changed:
            setattr(layer, attribute, not value)
