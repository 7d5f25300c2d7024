"""Batch norm of an encoder that sees real and translated images."""

from contextlib import contextmanager

from torch import nn


def batch_norms(network: nn.Module) -> list[nn.Module]:
    """Every batch norm layer of a network."""
    return [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


@contextmanager
def untracked_statistics(network: nn.Module):
    """Batch statistics are used, running ones neither read nor written."""
    layers = [layer for layer in batch_norms(network) if layer.track_running_stats]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True
