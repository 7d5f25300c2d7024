"""Registries of the classes that configs name as `type='Name'`, and builders.

Every mmengine root registry gets a child here, so that the scope `reidgen` is complete; some kinds
are our own. A module named in `locations` is imported at its registry's first look-up, so a
config's `custom_imports` is left to its user:

    @DISCRIMINATORS.register_module()
    class MyDiscriminator(nn.Module): ...

    custom_imports = dict(imports=['my_package.my_discriminator'])      # in the config
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from mmengine import registry as root
from mmengine.registry import Registry
from torch import nn

from reidgen.choices import hint, listed

T = TypeVar('T')

SCOPE = 'reidgen'
NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


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

NETWORKS = (ENCODERS, GENERATORS, DISCRIMINATORS, MODELS)


def names(*registries: Registry) -> list[str]:
    """Registered names in these registries, sorted."""
    found = set()
    for registry in registries:
        registry.import_from_location()
        found |= set(registry.module_dict) | set(
            registry.parent.module_dict if registry.parent else ()
        )
    return sorted(found)


def find(name: str, *registries: Registry, place: str = '') -> Any:
    """Class or function of a name, from the first registry that has it.

    Args:
        place: of the name in the config, for the error.

    Raises:
        ValueError: nothing of that name is registered; lists the nearest and all known names.
    """
    for registry in registries:
        registry.import_from_location()
        if name in registry.module_dict or registry.parent is not None:
            found = registry.get(name)
            if found is not None:
                return found
    kinds, known = ', '.join(registry.name for registry in registries), names(*registries)
    raise ValueError(
        f"{place and f'{place}: '}no {kinds} is registered as '{name}'{hint(name, known)}; known: "
        f"{listed(known)}. A class of your own must be named in the config's custom_imports"
    )


def find_all(name: str) -> list:
    """Distinct classes and functions of a name in all registries of this file and their parents; a
    name may be an import path (`mmengine.model.BaseModule`).
    """
    holders = [value for value in globals().values() if isinstance(value, Registry)]
    if '.' in name:
        found = [holder.get(name) for holder in holders]
    else:  # Registry.get would try to import each name it does not have, once a registry
        found = [_within(holder, name) for holder in holders]
    return list(dict.fromkeys(target for target in found if target is not None))


def _within(registry: Registry | None, name: str) -> Any:
    while registry is not None:
        registry.import_from_location()
        if name in registry.module_dict:
            return registry.module_dict[name]
        registry = registry.parent
    return None


def build(
    cfg: dict,
    registry: Registry | Sequence[Registry],
    place: str | None = None,
    default: str | None = None,
) -> Any:
    """Object built from a config `dict(type='Name', **arguments)`.

    Args:
        cfg: `type` is a registered name, or a class or function itself.
        registry: where the name is looked up; of several, the first that has it.
        place: of `cfg` in the config, such as `model.bank`, for errors; None: the registry's name.
        default: `type` of a config that names none.

    Raises:
        ValueError: `cfg` is no dict or has no `type`, nothing of that name is registered, or an
            argument is unknown or missing; gives place, value, nearest and known names.
    """
    registries = [registry] if isinstance(registry, Registry) else registry
    place = place or registries[0].name
    if not isinstance(cfg, dict) or not (default or 'type' in cfg):
        raise ValueError(
            f"{place} is {cfg!r}; give dict(type='Name', ...) with one of "
            f'{listed(names(*registries))}'
        )
    arguments = dict(cfg)
    kind = arguments.pop('type', default)
    made_by = find(kind, *registries, place=place) if isinstance(kind, str) else kind
    return with_options(made_by, arguments, place)


def with_options(kind: Callable[..., T], options: dict, place: str, *arguments: Any) -> T:
    """Result of `kind(*arguments, **options)` with checked options of a config.

    Raises:
        ValueError: an option that it does not take, or one that it needs is missing; `place` in the
            config, the nearest and all known ones.
    """
    if not isinstance(options, dict):
        raise ValueError(f'{place} is {options!r}; give the options of {kind.__name__}, dict(...)')
    parameters = list(inspect.signature(kind).parameters.values())
    given = [p.name for p in parameters[: len(arguments)]]
    known = accepted(kind)
    if known is not None:
        known = [name for name in known if name not in given]
        check_options(kind, options, known, place)
    needed = [p.name for p in parameters if p.default is p.empty and p.kind in NAMED]
    needed = needed[len(arguments) :]
    missing = [name for name in needed if name not in options]
    if missing:
        raise ValueError(
            f'{place}: {kind.__name__} needs {listed(missing)}; set '
            f'{listed(f"{place}.{name}" for name in missing)}. It takes '
            f'{listed(known or needed)}'
        )
    return kind(*arguments, **options)


def check_options(kind: Callable, options: Iterable[str], known: Sequence[str], place: str) -> None:
    """Raises ValueError for the first config option that a class or function does not take.

    Args:
        known: options that it takes.
    """
    for key in options:
        if key not in known:
            raise ValueError(
                f"{place}: {kind.__name__} takes no '{key}'{hint(key, known)}; known: "
                f'{listed(known)}'
            )


def accepted(kind: Callable) -> list[str] | None:
    """Argument names of a class or function, through `**kwargs` up its bases; None: any."""
    if not inspect.isclass(kind):
        parameters = inspect.signature(kind).parameters.values()
        open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
        return None if open_ended else [p.name for p in parameters if p.kind in NAMED]
    found: dict[str, None] = {}
    for cls in kind.__mro__:
        if '__init__' not in vars(cls):
            continue
        if cls is object:
            return list(found)
        parameters = list(inspect.signature(vars(cls)['__init__']).parameters.values())[1:]
        found |= {p.name: None for p in parameters if p.kind in NAMED}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return list(found)
    return None


def build_network(cfg: dict, place: str = 'network') -> nn.Module:
    """Network built from its config, of the encoders, generators, discriminators or models.

    Args:
        place: of `cfg` in the config, such as `model.networks.G`, for errors.
    """
    return build(cfg, NETWORKS, place)
