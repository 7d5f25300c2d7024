"""Config loading: merged command line, data roots, and checks of names and keys."""

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner

from reidgen import registry
from reidgen.choices import hint, listed
from reidgen.command_line import find_config
from reidgen.shipped import import_from_root, root

from .config_file import read_config
from .config_types import check_values
from .optim import OptimizerPerGroup
from .option_types import check_option_types, fits

EXTRA_KEYS = set(OptimizerPerGroup.KEYS)  # beside an optimizer's own
OWN_KEYS = {'bn_group', 'compile', 'activation_checkpointing'}  # top-level, beside a Runner's
RECIPE = ('train_cfg', 'optim_wrapper')  # what a random start changes
# top-level keys of mmengine that do nothing here, and what does
NO_EFFECT = dict(
    sync_bn='bn_group=n takes batch-norm statistics over n images, on several processes too',
    find_unused_parameters='what wraps the networks is set by model_wrapper_cfg, see SepDDP',
)


def load_config(
    path: str | Path, options: dict[str, Any] | None = None, reads: Sequence[str] = ()
) -> Config:
    """Config of a file, ready for `ReIDRunner.from_cfg`.

    A Python config and its bases are programs, and are run: load those that you trust.

    Args:
        path: a Python, YAML or JSON config, or the name of one that comes with reidgen.
        options: dotted keys and values that override it, e.g. {'data_roots.market1501':
            '/data/market'}.
        reads: top-level keys that the caller reads beside a Runner's, so that options may set them.

    Returns:
        The config; `'{name}/sub'` strings are filled from `data_roots`. A root that is a list of
        places stays a list: the data set takes the first that exists.

    Raises:
        FileNotFoundError: no such file, or a base of it is not there.
        ValueError: a file that cannot be read (`read_config`); options that do not fit the config;
            an unknown registered name or key, with its place in the config and the known ones; a
            value of another type than its class takes.
    """
    path = find_config(path)
    if path.resolve().is_relative_to(root()):
        import_from_root()  # `projects.*`, which its custom_imports name
    cfg = read_config(path)
    if options:
        _check_options(cfg, options, reads)
        _merge(cfg, options, str(path))
        cfg.command_line = dict(options)
    roots = _data_roots(cfg)
    for key, value in list(cfg.items()):
        if key != 'data_roots':
            cfg[key] = _with_roots(value, roots)
    check_config(cfg)
    if cfg.get('random_start'):
        merge_random_start(deepcopy(cfg))  # its faults show where weights are, too
    return cfg


def _data_roots(cfg: Config) -> dict[str, str | list[str]]:
    roots = cfg.get('data_roots') or {}
    if not fits(roots, dict[str, str | list[str]]):
        raise ValueError(
            f'data_roots is {roots!r}; write folders, or lists of them, by name, such as '
            f"data_roots=dict(market1501='/data/market')"
        )
    return dict(roots)


def drop_pretrained(cfg: Config) -> None:
    """Removes the networks' pretrained weights from a config whose checkpoint has all; in place."""
    cfg.model = without_weights(cfg.model)


def without_weights(model: dict) -> dict:
    """Copy of a model's config without the networks' pretrained weights."""
    model = deepcopy(model)
    for network in model.get('networks', {}).values():
        if 'weights' in network:
            network['weights'] = None
    return model


def merge_random_start(cfg: Config) -> None:
    """Merges the config's `random_start`, the recipe without pretrained weights; in place.

    A recipe for pretrained weights does not train from a random start, so a config whose `weights`
    end at None has the changes for it: dotted keys below train_cfg and optim_wrapper, a stage by
    its name. What the command line has set stays.

    Raises:
        ValueError: an option does not fit the config.
    """
    places = {stage['name']: str(row) for row, stage in enumerate(cfg.train_cfg.stages)}
    options = {}
    for key, value in cfg.random_start.items():
        first, *rest = key.split('.')
        if first not in RECIPE:
            raise ValueError(f'random_start sets {key}; it may set what is below {RECIPE}')
        if rest[:1] == ['stages'] and len(rest) > 1:
            if rest[1] not in places:
                raise ValueError(f'random_start sets {key}; the stages are {list(places)}')
            rest[1] = places[rest[1]]
        options['.'.join([first, *rest])] = deepcopy(value)
    given = cfg.get('command_line', {}).items()
    options |= {key: value for key, value in given if key.split('.')[0] in RECIPE}
    _merge(cfg, options, 'the config, whose random_start they are')
    check_config(cfg)


def test_transforms(cfg: Config, config: str | Path) -> list[dict]:
    """Configs of the test transforms: those of the first validation loader, else the top-level
    `test_transforms` of a config without evaluation.

    Args:
        config: path, for the error.

    Raises:
        ValueError: the config has neither, or `test_transforms`, which a base may have brought, do
            not resize as its training does.
    """
    loaders = cfg.get('val_dataloader')
    if loaders:
        transforms = next(iter(loaders.values())).dataset.get('transforms', ())
    else:
        transforms = cfg.get('test_transforms')
        trained = [each.dataset for each in (cfg.get('train_dataloader') or {}).values()]
        sizes = _sizes(dataset.get('transforms', ()) for dataset in trained)
        own = _sizes([transforms or ()])
        if own and sizes and not own & sizes:
            raise ValueError(
                f'{config} has no val_dataloader, and its top-level test_transforms resize to '
                f'{sorted(own)}, the pictures of its training to {sorted(sizes)}; write '
                f'test_transforms of the training size into the config'
            )
    if transforms is None:
        raise ValueError(
            f'{config} does not tell how pictures are prepared for a test: it has neither a '
            f'val_dataloader, whose first data set has the transforms, nor, for a config without '
            f"evaluation, a top-level test_transforms = [dict(type='Resize', size=(256, 128))]"
        )
    return [transform.to_dict() for transform in transforms]


def _sizes(lists: Iterable[Sequence[dict]]) -> set[tuple[int, int]]:
    """Sizes (height, width) of the Resize among lists of transforms."""
    return {tuple(each['size']) for one in lists for each in one if each['type'] == 'Resize'}


def only_evaluate(cfg: Config, keep_weights: bool = False) -> None:
    """Removes the training parts of a config; in place.

    Training data stay readable (`training_data`): batch-norm statistics may be re-estimated on
    them. Networks load no pretrained weights, as the checkpoint has all.

    Args:
        keep_weights: there is no checkpoint; networks start from their pretrained weights.
    """
    cfg.training_data = cfg.get('train_dataloader')
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = None
    if not keep_weights:
        drop_pretrained(cfg)
    cfg.default_hooks = dict(
        sampler_seed=None,
        param_scheduler=None,
        checkpoint=None,
        logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
        safe_checkpoint=dict(type='SafeCheckpointHook'),
    )


def _check_options(cfg: Config, options: dict[str, Any], reads: Sequence[str]) -> None:
    """Raises ValueError for an option without effect."""
    known = _runner_keys() | OWN_KEYS | {'data_roots', 'random_start', *reads}
    for option in options:
        first, *rest = option.split('.')
        if first in cfg and first not in known:
            raise ValueError(
                f'{option}: {first} is a variable of the config, which has been read by then; '
                f'override what was made of it, below {", ".join(sorted(known & set(cfg)))}'
            )
        if first not in known:
            raise ValueError(
                f"{option}: there is no key '{first}'{hint(first, known)}; known: "
                f'{listed(sorted(known))}'
            )
        roots = cfg.get('data_roots') or {}
        if first == 'data_roots' and rest and rest[0] not in roots:
            raise ValueError(
                f"{option}: no data root '{rest[0]}'{hint(rest[0], roots)}; known: {listed(roots)}"
            )


def _runner_keys() -> set[str]:
    return set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'}


def _merge(cfg: Config, options: dict[str, Any], what: str) -> None:
    try:
        cfg.merge_from_dict(options)
    except (KeyError, TypeError) as error:
        raise ValueError(f'the options {options} do not fit {what}: {error.args[0]}') from error


def _with_roots(node: Any, roots: dict[str, str | Sequence[str]]) -> Any:
    if isinstance(node, dict):
        for key, value in node.items():
            node[key] = _with_roots(value, roots)
        return node
    if isinstance(node, list | tuple):
        filled = []
        for value in node:
            new = _with_roots(value, roots)
            # a list of places within a list of places is one list
            filled += new if isinstance(value, str) and isinstance(new, list) else [new]
        return type(node)(filled)
    match = re.fullmatch(r'\{(\w+)\}(.*)', node) if isinstance(node, str) else None
    if match is None:
        return node
    if match[1] not in roots:
        raise ValueError(
            f"'{node}' names the data root '{match[1]}'; data_roots has {sorted(roots)}"
        )
    root = roots[match[1]]
    return root + match[2] if isinstance(root, str) else [place + match[2] for place in root]


def check_config(cfg: Config) -> None:
    """Raises ValueError for a `type` that is registered nowhere, a key its class does not take, or
    a misspelt top-level key.
    """
    known = _runner_keys() | OWN_KEYS
    for key, fix in NO_EFFECT.items():
        if key in cfg:
            raise ValueError(f"the top-level key '{key}' has no effect here; {fix}")
    for key in cfg:
        guess = get_close_matches(key, known, 1, cutoff=0.85)
        if key not in known and guess:
            raise ValueError(f"unknown top-level key '{key}': did you mean '{guess[0]}'?")
    nodes = cfg._cfg_dict.to_dict()
    for merged in ('command_line', 'random_start'):  # checked where they are merged
        nodes.pop(merged, None)
    check_values(nodes)
    for place, node in _typed(nodes, ''):
        _check_node(place, node)


def _typed(node: Any, place: str) -> Iterator[tuple[str, dict]]:
    if isinstance(node, dict):
        kind = node.get('type', 'none')
        if isinstance(kind, str) and 'type' in node:
            yield place, node
        elif not callable(kind) and not isinstance(kind, str):
            raise ValueError(f'{place}.type is {kind!r}; it must be a registered name')
        for key, value in node.items():
            yield from _typed(value, f'{place}.{key}' if place else str(key))
    elif isinstance(node, list | tuple):
        for number, value in enumerate(node):
            yield from _typed(value, f'{place}.{number}')


def _check_node(place: str, node: dict) -> None:
    found = registry.find_all(node['type'])
    if not found:
        registries = [value for value in vars(registry).values() if isinstance(value, Registry)]
        known = sorted(set().union(*(holder.module_dict for holder in registries)))
        raise ValueError(
            f"{place}: nothing is registered as '{node['type']}'{hint(node['type'], known)}; "
            f'known: {listed(known)}. A class of your own must be named in custom_imports'
        )
    known = [registry.accepted(target) for target in found]
    if any(keys is None for keys in known):
        return
    extra = EXTRA_KEYS if place.startswith('optim_wrapper.') else set()
    given = sorted(set(node) - {'type', '_delete_'})
    registry.check_options(found[0], given, sorted(extra.union(*known)), place)
    if len(found) == 1:
        check_option_types(found[0], {key: node[key] for key in given}, place)
