"""Types of config values that no registered class takes: parts, loaders, stages, groups."""

import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from reidgen import registry

from .optim import NetworkOptimWrapper, OptimizerPerGroup
from .option_types import check_option_types
from .stages import Stage

# parts of models whose `type` may be left out, by key
DEFAULT_TYPES = dict(
    bank='FeatureBank',
    bank_t='FeatureBank',
    cross_entropy='LabelSmoothCrossEntropy',
    triplet='BatchHardTriplet',
)
HOLDERS = (registry.MEMORIES, registry.LOSSES)


def _loader(
    dataset: dict,
    batch_size: int,
    sampler: dict,
    num_workers: int = 0,
    collate_fn: dict | None = None,
    drop_last: bool = False,
    persistent_workers: bool = False,
    pin_memory: bool = False,
) -> None:
    """Types of a loader's keys, of which none can be left to torch, as they are configs."""


def _randomness(
    seed: int | None, diff_rank_seed: bool = False, deterministic: bool = False
) -> None:
    """Types of the keys of `randomness`."""


def check_values(cfg: Mapping[str, Any]) -> None:
    """Raises ValueError for the first value of another type than its key takes.

    Checked are the parts of a config, and the keys of loaders, stages, groups of optimizers, hooks
    and `randomness`; those of registered classes are checked where these are looked up.

    Args:
        cfg: the whole config, as plain data.
    """
    _check_hooks(cfg.get('default_hooks'))
    check_option_types(Runner, {key: cfg[key] for key in cfg if key != 'default_hooks'}, '')
    for group in ('train_dataloader', 'val_dataloader'):
        _check_dicts(cfg.get(group) or {}, group, 'a loader')
        for name, loader in (cfg.get(group) or {}).items():
            _check_loader(loader, f'{group}.{name}')
    check_option_types(_randomness, cfg.get('randomness') or {}, 'randomness')
    _check_stages((cfg.get('train_cfg') or {}).get('stages', []))
    _check_groups(cfg.get('optim_wrapper') or {})
    for key, kind in DEFAULT_TYPES.items():
        node = (cfg.get('model') or {}).get(key)
        if isinstance(node, Mapping) and 'type' not in node:
            check_option_types(registry.find(kind, *HOLDERS), node, f'model.{key}')


def _check_hooks(hooks: Any) -> None:
    if not isinstance(hooks, Mapping) and hooks is not None:
        raise ValueError(f'default_hooks is {hooks!r:.200}; it must be hooks by name, dict(...)')
    given = {name: hook for name, hook in (hooks or {}).items() if hook is not None}  # None: off
    _check_dicts(given, 'default_hooks', 'a hook')
    for name, hook in given.items():
        if 'type' not in hook:
            raise ValueError(f'default_hooks.{name} has no type; set default_hooks.{name}.type')
        found = registry.find_all(hook['type']) if isinstance(hook['type'], str) else []
        if found and not any(inspect.isclass(kind) and issubclass(kind, Hook) for kind in found):
            raise ValueError(f'default_hooks.{name}.type is {hook["type"]!r}, which is no hook')


def _check_dicts(given: Mapping[str, Any], place: str, what: str) -> None:
    for name, value in given.items():
        if not isinstance(value, Mapping):
            raise ValueError(f'{place}.{name} is {value!r:.200}; it must be {what}, dict(...)')


def _check_loader(loader: Mapping[str, Any], place: str) -> None:
    check_option_types(_loader, loader, place)
    if 'dataset' not in loader:
        raise ValueError(f'{place} has no dataset; set {place}.dataset')


def _check_stages(stages: Any) -> None:
    if not isinstance(stages, list | tuple):
        raise ValueError(f'train_cfg.stages is {stages!r:.200}; it must be a list of stages')
    for number, stage in enumerate(stages):
        place = f'train_cfg.stages.{number}'
        if not isinstance(stage, Mapping):
            raise ValueError(f'{place} is {stage!r:.200}; it must be a stage, dict(name=...)')
        check_option_types(Stage, stage, place)


def _check_groups(groups: Mapping[str, Any]) -> None:
    for name, group in groups.items():
        place = f'optim_wrapper.{name}'
        if name in ('type', 'constructor'):
            continue
        if not isinstance(group, Mapping):
            raise ValueError(f'{place} is {group!r:.200}; it must be a group, dict(networks=...)')
        own = {key: group[key] for key in OptimizerPerGroup.KEYS if key in group}
        check_option_types(NetworkOptimWrapper, own, place)
