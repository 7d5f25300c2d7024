"""Loading state dicts: every tensor, or the networks that the names determine."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from mmengine.logging import print_log
from torch import Tensor, nn

from .matching import Match, check_values, match, plain_key

FIX = 'Use the config it was trained with'
COUNTER = 'num_batches_tracked'  # files of old torch do not have it, and nothing here reads it
# attributes of classifiers and memories: a row for each person or image of a training set
SIZES = ('num_identities', 'num_samples')


def load_strictly(
    model: nn.Module, state: dict[str, Tensor], source: str | Path, fix: str = FIX
) -> None:
    """Loads a state dict of which every key and shape must fit; wrappers before keys may differ.

    Args:
        source: of the state dict, for errors.
        fix: the end of the error where it does not fit.

    Raises:
        ValueError: gives how many keys are missing, unknown or of another shape, and names the
            first; or a tensor holds numbers that cannot be weights.
    """
    own = _own(model)
    read = match(own, state, str(source), _inside(model))
    _refuse(model, own, own, read, source, fix, strict=True)
    _load(model, own, read.found, source)
    if read.example:
        print_log(f'{source}: all {len(own)} tensors by other names{read.example}', 'current')


def load_for_evaluation(model: nn.Module, state: dict[str, Tensor], source: str | Path) -> None:
    """Loads the networks that `model.embed` evaluates, and others where they fit completely.

    Logs one line: what was taken, and what stays as it was built.

    Args:
        model: `evaluated` names the networks that must fit; without it, all must.

    Raises:
        ValueError: a network of `evaluated` is missing or does not fit.
    """
    needed = getattr(model, 'evaluated', None)
    if needed is None:
        load_strictly(model, state, source)
        return
    own = _own(model)
    read = match(own, state, str(source), _inside(model))
    fix = f'{FIX}; an evaluation needs {" and ".join(needed)} of it'
    for encoder in (part.rstrip('.') for part in _inside(model)):
        fix += f'. A trunk alone is read by the key model.networks.{encoder}.weights'
    _refuse(model, own, [key for key in own if _part(key) in needed], read, source, fix)
    parts = list(dict.fromkeys(map(_part, own)))
    taken = [part for part in parts if _fault(part, own, read) is None]
    _load(model, own, _only(taken, read.found), source)
    _report(source, own, read, taken)


def load_for_training(
    model: nn.Module,
    state: dict[str, Tensor],
    source: str | Path,
    needed: Collection[str] = (),
) -> None:
    """Loads the networks and memories of a file, each completely, as the start of a training.

    A classifier of other identities and a memory of other images are left as they are built, too.
    Logs one line: what was taken, and what was left.

    Args:
        needed: networks that the file must have, as their pretrained weights were not read.

    Raises:
        ValueError: the file has nothing of the model, a network that does not fit, or not what is
            needed.
    """
    own = _own(model)
    read = match(own, state, str(source), _inside(model))
    present = {_part(key) for key in read.found}
    sized = {part for part in present if _differs_in_rows(getattr(model, part), part, own, read)}
    keys = [key for key in own if _part(key) in present - sized]
    fix = FIX
    for encoder in (part.rstrip('.') for part in _inside(model)):
        fix += (
            f', or leave --load-from out and start {encoder} alone from it: '
            f'--cfg-options model.networks.{encoder}.weights=PATH'
        )
    _refuse(model, own, keys or own, read, source, fix, strict=not keys)
    parts = list(dict.fromkeys(map(_part, own)))
    taken = [part for part in parts if part in present - sized]
    for part in (part for part in needed if part not in taken):
        raise ValueError(
            f'{source} has no {part}, and it is loaded in place of its pretrained weights: give a '
            f'file that has it, set model.networks.{part}.weights to None for a random start, or '
            f'leave --load-from out'
        )
    _load(model, own, _only(taken, read.found), source)
    _report(source, own, read, taken)


def _own(model: nn.Module) -> dict[str, Tensor]:
    return {plain_key(key): value for key, value in model.state_dict().items()}


def _inside(model: nn.Module) -> tuple[str, ...]:
    """Key prefixes that a file may omit: that of the encoder, if the model has one."""
    encoder = getattr(model, 'encoder_name', None)
    return (f'{encoder}.',) if hasattr(model, encoder or '') else ()


def _part(key: str) -> str:
    """Network or memory that a tensor belongs to."""
    return key.partition('.')[0]


def _keys_of(part: str, own: Collection[str]) -> list[str]:
    return [key for key in own if _part(key) == part]


def _only(parts: Collection[str], found: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value for key, value in found.items() if _part(key) in parts}


def _missing(keys: Collection[str], found: Collection[str]) -> list[str]:
    return sorted(key for key in keys if key not in found and not key.endswith(COUNTER))


def _fault(part: str, own: dict[str, Tensor], read: Match) -> str | None:
    """Reason why a network does not load from the file; '' where the file has none of it."""
    keys, found = _keys_of(part, own), read.found
    present = [key for key in keys if key in found]
    wrong = [key for key in present if found[key].shape != own[key].shape]
    surplus = [name for name in read.surplus if _part(name) == part]
    if not present:
        return ''
    if wrong:
        return f'{wrong[0]} is {tuple(found[wrong[0]].shape)} there'
    for what, names in (('not there', _missing(keys, found)), ('not here', surplus)):
        if names:
            return f'{names[0]} is {what}'
    return None


def _differs_in_rows(module: object, part: str, own: dict[str, Tensor], read: Match) -> bool:
    """Whether a classifier or memory differs in its number of rows only."""
    module = getattr(module, 'module', module)  # out of a distributed wrapper
    keys, found = _keys_of(part, own), read.found
    return (
        any(isinstance(getattr(module, name, None), int) for name in SIZES)
        and not _missing(keys, found)
        and _fault(part, own, read) is not None
        and part not in map(_part, read.surplus)
        and all(
            found[key].ndim == own[key].ndim and found[key].shape[1:] == own[key].shape[1:]
            for key in keys
            if key in found
        )
    )


def _refuse(
    model: nn.Module,
    own: dict[str, Tensor],
    keys: Collection[str],
    read: Match,
    source: str | Path,
    fix: str,
    strict: bool = False,
) -> None:
    """Raises ValueError where one of these keys is missing or of another shape, or the file has
    others: of the same networks, or, if `strict`, of any.
    """
    found, parts = read.found, set(map(_part, keys))
    faults = {
        'missing': sorted(set(keys) - set(found)) if strict else _missing(keys, found),
        'unknown': read.left if strict else [n for n in read.surplus if _part(n) in parts],
        'of another shape': [
            f'{key} {tuple(found[key].shape)} instead of {tuple(own[key].shape)}'
            for key in keys
            if key in found and found[key].shape != own[key].shape
        ],
    }
    told = [
        f'{len(names)} {what} ({", ".join(names[:3])}{", ..." if len(names) > 3 else ""})'
        for what, names in faults.items()
        if names
    ]
    if told:
        raise ValueError(
            f'{source} does not fit {type(model).__name__}: of {len(own)} tensors '
            f'{"; ".join(told)}. {fix}'
        )


def _load(
    model: nn.Module, own: dict[str, Tensor], found: dict[str, Tensor], source: str | Path
) -> None:
    check_values(found, own, str(source))
    names = {plain_key(key): key for key in model.state_dict()}
    model.load_state_dict({names[key]: value for key, value in found.items()}, strict=False)


def _report(
    source: str | Path, own: dict[str, Tensor], read: Match, taken: Collection[str]
) -> None:
    faults = {part: _fault(part, own, read) for part in map(_part, own) if part not in taken}
    left = [f'{part} ({fault})' if fault else part for part, fault in faults.items()]
    unused = Counter(plain_key(key).split('.')[0] for key in read.left)
    listed = ', '.join(f'{name} ({count} tensors)' for name, count in unused.items())
    print_log(
        f'loaded {source}: {", ".join(taken)}{read.example}'
        + (f'; as built: {", ".join(left)}' if left else '')
        + (f'; not used: {listed}' if unused else ''),
        'current',
    )
