"""Compilation of networks by torch.compile."""

import os
import shutil
from collections.abc import Mapping

import torch

from reidgen.choices import hint, listed
from reidgen.models import AdversarialModel
from reidgen.models.layers.activation_checkpointing import is_checkpointed

# a network is compiled again for each combination of what requires a gradient, train and eval mode
# and size that stages, phases and evaluation bring; from then on each is looked up. Beyond the
# limit, torch's 8, a network runs uncompiled
VARIANTS = 64
KEYS = ('networks', 'backend', 'mode', 'dynamic', 'fullgraph', 'options')


def compile_networks(model: AdversarialModel, options: bool | Mapping | None) -> tuple[str, ...]:
    """Compiles networks in place, so that keys of checkpoints stay as they are.

    Args:
        model: not yet wrapped.
        options: True: all networks but those that a gradient penalty differentiates twice, which
            torch.compile cannot, and those with checkpointed activations; or a dict of arguments
            of torch.compile and `networks`, names. False or None: nothing is compiled.

    Returns:
        Names of the networks that are compiled, each at its first call.

    Raises:
        ValueError: an unknown key or network, one under a penalty or with checkpointed
            activations, or no C++ compiler.
    """
    if options is None or options is False:
        return ()
    given = {} if options is True else dict(options)
    unknown = sorted(set(given) - set(KEYS))
    if unknown:
        raise ValueError(
            f'compile.{unknown[0]}{hint(unknown[0], KEYS)}: it takes {listed(KEYS)}; correct the '
            f'key'
        )
    twice = networks_under_penalty(model)
    names = given.pop('networks', None)
    if names is None:
        left = [name for name in model.network_names if name not in twice]
        names = [name for name in left if not is_checkpointed(getattr(model, name))]
    for name in names:
        if name not in model.network_names:
            raise ValueError(
                f"compile.networks names '{name}'{hint(name, model.network_names)}; the model has "
                f'{listed(sorted(model.network_names))}'
            )
        if is_checkpointed(getattr(model, name)):
            raise ValueError(
                f"compile and activation_checkpointing both name '{name}'; leave it out of one"
            )
        if name in twice:
            raise ValueError(
                f"compile.networks names '{name}', which the gradient penalty differentiates "
                f'twice; torch.compile cannot: leave it out'
            )
    compiler = os.environ.get('CXX', 'g++')
    if given.get('backend', 'inductor') == 'inductor' and shutil.which(compiler) is None:
        raise ValueError(
            f"compile: the C++ compiler '{compiler}' is not found, which torch.compile starts; "
            f'install one, name it in the environment variable CXX, or set compile=False'
        )
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, VARIANTS)
    for name in names:
        getattr(model, name).compile(**given)
    return tuple(names)


def networks_under_penalty(model: AdversarialModel) -> frozenset[str]:
    """Names of the networks that the model's gradient penalty differentiates twice."""
    if getattr(model, 'penalty', None) is None:
        return frozenset()
    return frozenset(n for phase in model.phases() if phase.name == 'D' for n in phase.trains)
