"""Several processes: one DistributedDataParallel a network."""

import inspect

import torch
from mmengine.model import MMDistributedDataParallel, MMSeparateDistributedDataParallel
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from reidgen.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class SepDDP(MMSeparateDistributedDataParallel):
    """Wraps each network of a model in its own DDP, on gloo (CPU) or NCCL.

    One wrapper around the whole model would leave the gradients of a multi-optimizer step
    unsynchronised. mmengine's own class passes `device_ids` on a CPU too and a keyword that torch
    has deprecated.

    A network is called only through `forward`, any number of times before one backward. A network
    part of which gets no gradient from a phase's losses needs `find_unused_parameters=True`.

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
