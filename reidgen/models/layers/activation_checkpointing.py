"""Activation checkpointing: memory for a second forward pass."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from types import MethodType

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from reidgen.choices import hint, listed

from .batch_norm import batch_norms


def checkpoint_activations(networks: Mapping[str, nn.Module], names: Sequence[str] | None) -> None:
    """Networks drop their activations, which the backward pass computes again (Chen et al.,
    "Training deep nets with sublinear memory cost", 2016).

    Of each evaluation of such a network input and output are kept; losses, gradients and running
    statistics of batch norm are the same numbers.

    Args:
        networks: by name.
        names: of those that recompute; None or empty: none.

    Raises:
        ValueError: an unknown network, or one with spectral norm, whose power iteration would go
            on in the second forward pass.
    """
    if isinstance(names, str):
        raise ValueError(f"activation_checkpointing is '{names}'; give a list of networks")
    for name in names or ():
        if name not in networks:
            raise ValueError(
                f"activation_checkpointing names '{name}'{hint(name, networks)}; the "
                f'model has {listed(sorted(networks))}'
            )
        network = networks[name]
        for path, layer in network.named_modules():
            if 'SpectralNorm' in type(layer).__name__:
                raise ValueError(
                    f"activation_checkpointing names '{name}', whose layer {path} has spectral "
                    f'norm: each forward pass is a step of its power iteration; leave it out'
                )
        network.forward = MethodType(_recomputed, network)


def is_checkpointed(network: nn.Module) -> bool:
    """Whether `checkpoint_activations` has been called for a network."""
    return getattr(network.forward, '__func__', None) is _recomputed


def _recomputed(self: nn.Module, *args, **kwargs):
    forward = MethodType(type(self).forward, self)
    if not torch.is_grad_enabled():
        return forward(*args, **kwargs)
    contexts = nullcontext(), _AsBefore(batch_norms(self))
    return checkpoint(forward, *args, use_reentrant=False, context_fn=lambda: contexts, **kwargs)


class _AsBefore:
    """Context with batch norm layers in the modes that they had when it was made, on copies of
    their running statistics."""

    def __init__(self, layers: Sequence[_BatchNorm]):
        self.layers = layers
        self.modes = [_mode(layer) for layer in layers]
        self.kept: list[tuple[dict, dict]] = []

    def __enter__(self) -> None:
        self.kept = [(_mode(layer), layer._buffers) for layer in self.layers]
        for layer, mode in zip(self.layers, self.modes):
            vars(layer).update(mode)
            layer._buffers = {
                key: value if value is None else value.clone()
                for key, value in layer._buffers.items()
            }

    def __exit__(self, *_) -> None:
        for layer, (mode, buffers) in zip(self.layers, self.kept):
            vars(layer).update(mode)
            layer._buffers = buffers


def _mode(layer: _BatchNorm) -> dict[str, bool]:
    return dict(training=layer.training, track_running_stats=layer.track_running_stats)
