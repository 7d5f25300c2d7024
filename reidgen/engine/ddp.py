"""Distributed training: one DistributedDataParallel a network."""

import inspect
import os
from collections.abc import Sequence
from datetime import timedelta

import torch
from mmengine.dist import all_reduce_params, get_world_size
from mmengine.model import MMDistributedDataParallel, MMSeparateDistributedDataParallel
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from reidgen.models.adversarial import AdversarialModel
from reidgen.registry import MODEL_WRAPPERS

from .stages import Stage


@MODEL_WRAPPERS.register_module()
class SepDDP(MMSeparateDistributedDataParallel):
    """Wraps each network of a model in its own DDP, on gloo (CPU) or NCCL.

    One wrapper around the whole model would leave the gradients of a multi-optimizer step
    unsynchronised. mmengine's own class passes `device_ids` on a CPU too and a keyword that torch
    has deprecated.

    A network is called only through `forward`, any number of times before one backward. A network
    part of which gets no gradient from a phase's losses needs `find_unused_parameters=True`; it
    then costs a walk through the graph at each forward. CrossDomainGCL needs it where E_c trains
    without one of its losses: with memory=0 nothing reaches the embedding. With memory on it does
    not, nor in the stage 'identity', nor where E_c is frozen. `ReIDRunner` sets it by
    `leaves_parameters_unused`; `model_wrapper_cfg` in the config overrides that.

    Args:
        module: the model, on its device; what is frozen now is never synchronised.
        find_unused_parameters: as DDP's.
        device_ids: of this rank; ignored without CUDA.

    Raises:
        ValueError: a parameter belongs to the model itself, where nothing would synchronise it.
    """

    def __init__(
        self,
        module: nn.Module,
        find_unused_parameters: bool = False,
        device_ids: list[int] | None = None,
    ):
        super(DistributedDataParallel, self).__init__()
        own = [
            name
            for name, parameter in module.named_parameters(recurse=False)
            if parameter.requires_grad
        ]
        if own:
            raise ValueError(
                f'the parameters {own} belong to the model itself; move them into a network'
            )
        options = dict(find_unused_parameters=find_unused_parameters)
        signature = inspect.signature(DistributedDataParallel.__init__).parameters
        options[
            'forward_sync_buffers' if 'forward_sync_buffers' in signature else 'broadcast_buffers'
        ] = False
        if torch.cuda.is_available():
            options['device_ids'] = device_ids
        self.module = module
        for name, child in module.named_children():
            if any(parameter.requires_grad for parameter in child.parameters()):
                setattr(module, name, MMDistributedDataParallel(child, **options))


def leaves_parameters_unused(model: AdversarialModel, stages: Sequence[Stage]) -> bool:
    """Whether a stage trains the encoder with a loss family off, so that parameters may get no
    gradient."""
    for stage in stages:
        phases = [p for p in model.phases() if stage.phases is None or p.name in stage.phases]
        trains = any(model.encoder_name in phase.trains for phase in phases)
        if trains and model.encoder_name not in stage.frozen:
            weights = model.loss_weights | stage.loss_weights
            weights = {key: weights[key] for key in set(weights) - set(model.default_weights)}
            if any(weight == 0 for weight in weights.values()):
                return True
    return False


def average_statistics(model: AdversarialModel) -> None:
    """Averages batch-norm statistics over the processes, so that all evaluate, and the first one
    saves, the same network; after each iteration. Layers in eval mode are equal and left alone.

    Of ghost batch norms it completes the move of the running statistics, which is by the mean over
    all groups of the global batch."""
    if get_world_size() > 1:
        layers = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.training]
        buffers = [buffer for layer in layers for buffer in layer.buffers(recurse=False)]
        all_reduce_params([b for b in buffers if b.is_floating_point()], op='mean')


def join_over_gloo(timeout: timedelta) -> None:
    """Joins torchrun's process group over gloo.

    After a restart by torchrun the agent's store still has the addresses of the ended processes,
    to which gloo would connect (torch 2.14); so each start has keys of its own.

    Args:
        timeout: of collectives.
    """
    store, rank, world_size = next(torch.distributed.rendezvous('env://', timeout=timeout))
    start = os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')
    torch.distributed.init_process_group(
        'gloo',
        store=torch.distributed.PrefixStore(f'start{start}', store),
        rank=rank,
        world_size=world_size,
        timeout=timeout,
    )
