"""Registries: where a config's `type='Name'` is looked up.

Every mmengine root registry gets a child here, so that the scope `reidgen` is complete; some kinds
are our own. A module named in `locations` is imported the first time its registry is asked, so a
config's
`custom_imports` is left to its user:

    @DISCRIMINATORS.register_module()
    class MyDiscriminator(nn.Module): ...

    custom_imports = dict(imports=['my_package.my_discriminator'])      # in the config
"""

import inspect

from mmengine import registry as root
from mmengine.registry import Registry
from torch import nn

SCOPE = 'reidgen'


def _child(name: str, *locations: str) -> Registry:
    parent = getattr(root, name)
    return Registry(
        parent.name,
        parent=parent,
        scope=SCOPE,
        locations=[f'{SCOPE}.{location}' for location in locations],
    )


def _own(name: str, *locations: str) -> Registry:
    # no parent: mmengine allows one child of a scope under each root registry
    return Registry(name, scope=SCOPE, locations=[f'{SCOPE}.{location}' for location in locations])


ENCODERS = _own('encoder', 'models')
GENERATORS = _own('generator', 'models')
DISCRIMINATORS = _own('discriminator', 'models')
LOSSES = _own('loss', 'losses')
MEMORIES = _own('memory', 'memory')
CLUSTERINGS = _own('clustering', 'memory')

MODELS = _child('MODELS', 'models')
MODEL_WRAPPERS = _child('MODEL_WRAPPERS', 'engine')
DATASETS = _child('DATASETS', 'datasets')
DATA_SAMPLERS = _child('DATA_SAMPLERS', 'datasets')
TRANSFORMS = _child('TRANSFORMS', 'datasets')
POSE_MAPS = _own('pose map', 'datasets')
RUNNERS = _child('RUNNERS', 'engine')
LOOPS = _child('LOOPS', 'engine')
HOOKS = _child('HOOKS', 'engine')
OPTIM_WRAPPERS = _child('OPTIM_WRAPPERS', 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('OPTIM_WRAPPER_CONSTRUCTORS', 'engine')
METRICS = _child('METRICS', 'evaluation')
VISUALIZERS = _child('VISUALIZERS', 'visualization')

# nothing of ours in these yet; without a child of this scope mmengine warns once for each
OPTIMIZERS = _child('OPTIMIZERS')
PARAM_SCHEDULERS = _child('PARAM_SCHEDULERS')
EVALUATOR = _child('EVALUATOR')
VISBACKENDS = _child('VISBACKENDS')
LOG_PROCESSORS = _child('LOG_PROCESSORS')
RUNNER_CONSTRUCTORS = _child('RUNNER_CONSTRUCTORS')
WEIGHT_INITIALIZERS = _child('WEIGHT_INITIALIZERS')
TASK_UTILS = _child('TASK_UTILS')
FUNCTIONS = _child('FUNCTIONS')
INFERENCERS = _child('INFERENCERS')
STRATEGIES = _child('STRATEGIES')

OWN = (ENCODERS, GENERATORS, DISCRIMINATORS, LOSSES, MEMORIES, CLUSTERINGS, POSE_MAPS)
NETWORKS = (ENCODERS, GENERATORS, DISCRIMINATORS, MODELS)


def names(*registries: Registry) -> list[str]:
    """Names a config may use for `type` in these registries, sorted."""
    found = set()
    for registry in registries:
        registry.import_from_location()
        found |= set(registry.module_dict) | set(
            registry.parent.module_dict if registry.parent else ()
        )
    return sorted(found)


def find(name: str, *registries: Registry):
    """The registered class or function of that name in the first registry that has it.

    Raises:
        ValueError: nothing of that name is registered; the known names are listed.
    """
    for registry in registries:
        registry.import_from_location()
        if name in registry.module_dict or registry.parent is not None:
            found = registry.get(name)
            if found is not None:
                return found
    kinds = ', '.join(registry.name for registry in registries)
    raise ValueError(
        f"no {kinds} is registered as '{name}'; known: {', '.join(names(*registries))}. "
        f"A class of your own must be named in the config's custom_imports"
    )


def find_all(name: str) -> list:
    """What the registries of this file have of that name, theirs or their parents', each once; an
    import path as mmengine takes it (`mmengine.model.BaseModule`) is one too.
    """
    holders = [value for value in globals().values() if isinstance(value, Registry)]
    if '.' in name:
        found = [holder.get(name) for holder in holders]
    else:  # Registry.get would try to import each name it does not have, once a registry
        found = [_within(holder, name) for holder in holders]
    return list(dict.fromkeys(target for target in found if target is not None))


def _within(registry: Registry | None, name: str):
    while registry is not None:
        registry.import_from_location()
        if name in registry.module_dict:
            return registry.module_dict[name]
        registry = registry.parent
    return None


def build(cfg: dict, *registries: Registry):
    """What a config `dict(type='Name', **arguments)` describes, looked up as `find` does.

    Raises:
        ValueError: nothing of that name is registered.
    """
    arguments = dict(cfg)
    return find(arguments.pop('type'), *registries)(**arguments)


def with_options(kind: type, options: dict, place: str, *arguments):
    """`kind(*arguments, **options)`, for options of a config that name no type.

    Raises:
        ValueError: an option that it does not take; `place` in the config and the known ones are
            told.
    """
    known = list(inspect.signature(kind).parameters)[len(arguments) :]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(f'{place} has no option {unknown}; known: {", ".join(known)}')
    return kind(*arguments, **options)


def build_network(cfg: dict) -> nn.Module:
    """A network from its config: looked up among encoders, generators, discriminators, then
    models.
    """
    return build(cfg, *NETWORKS)
