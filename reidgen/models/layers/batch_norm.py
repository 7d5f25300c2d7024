"""Batch norm modes of an encoder for real and translated images."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

BN_MODES = ('mixed', 'real_only', 'frozen', 'target_recalib')


def batch_norms(network: nn.Module) -> list[_BatchNorm]:
    """Batch norm layers of a network."""
    return [m for m in network.modules() if isinstance(m, _BatchNorm)]


@contextmanager
def untracked_statistics(network: nn.Module) -> Iterator[None]:
    """Context with batch statistics, running ones neither read nor written."""
    layers = [layer for layer in batch_norms(network) if layer.track_running_stats]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


@contextmanager
def batch_statistics(network: nn.Module) -> Iterator[None]:
    """Context in which a network in eval mode takes batch statistics; running ones stand still."""
    layers = [layer for layer in batch_norms(network) if not layer.training]
    for layer in layers:
        layer.train()
    try:
        with untracked_statistics(network):
            yield
    finally:
        for layer in layers:
            layer.eval()


@contextmanager
def statistics_of(network: nn.Module, bn_mode: str, real: bool) -> Iterator[None]:
    """Context with the batch norm of a network in one of BN_MODES.

    'frozen': running statistics are used and kept. 'real_only': those of the batch are used, and
    translated images leave the running ones alone. Otherwise as torch does.

    Args:
        real: whether the images of the forward within are real.
    """
    if bn_mode == 'real_only' and network.training and not real:
        with untracked_statistics(network):
            yield
        return
    layers = [m for m in batch_norms(network) if m.training] if bn_mode == 'frozen' else []
    for layer in layers:
        layer.eval()
    try:
        yield
    finally:
        for layer in layers:
            layer.train()
