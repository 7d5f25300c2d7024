"""A transform or pose map from its config, with errors that name what was misspelt."""

import inspect

from mmengine.registry import Registry

from reidgen.registry import find


def from_config(cfg: dict, registry: Registry):
    """The object that `dict(type='Name', ...)` describes.

    Raises:
        TypeError: no dict with a type, or an argument that the class does not take; those it takes
            are listed.
        ValueError: no such class; the known ones are listed.
    """
    if not isinstance(cfg, dict) or 'type' not in cfg:
        raise TypeError(f"a {registry.name} is given as dict(type='Name', ...), not as {cfg!r}")
    arguments = dict(cfg)
    kind = arguments.pop('type')
    made_by = find(kind, registry) if isinstance(kind, str) else kind
    parameters = inspect.signature(made_by).parameters
    open_ended = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    unknown = sorted(set(arguments) - set(parameters))
    if unknown and not open_ended:
        raise TypeError(
            f'{made_by.__name__} takes no {", ".join(unknown)}; '
            f'it takes {", ".join(parameters) or "no argument"}'
        )
    return made_by(**arguments)
