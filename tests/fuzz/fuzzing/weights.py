"""Files of weights, damaged as bytes, as tensors and as pickles."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import torch
from safetensors.torch import save as safetensors_bytes
from torch import Tensor, nn

from reidgen.checkpoint import load_for_evaluation, load_for_training, load_strictly, read_weights

from .case import Case, never
from .damage import BYTES, ENTRIES, replace_entry

KEY = 'E_c.linear.weight'
MARK = 'was_run'  # file that a pickle writes when its code is run


class _Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.neck = nn.Linear(4, 8), nn.BatchNorm1d(8)


class _Model(nn.Module):
    encoder_name, evaluated = 'E_c', ('E_c',)

    def __init__(self):
        super().__init__()
        self.E_c, self.G = _Encoder(), nn.Linear(8, 3)


def _model(seed: int) -> _Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _Model()


LOADERS = {'test': load_for_evaluation, 'load-from': load_for_training, 'resume': load_strictly}


def _read(path: Path, how: str) -> dict[str, tuple]:
    """Shape and numbers of each tensor of a model after loading the file."""
    model = _model(1)
    LOADERS[how](model, *read_weights(path))
    assert not (path.parent / MARK).exists(), 'code of the file was run'
    return {
        key: (tuple(value.shape), value.numpy().tobytes())
        for key, value in model.state_dict().items()
    }


def _same_shapes(result: dict, undamaged: dict) -> bool:
    """Whether the tensors have the same names and shapes, whatever their numbers.

    Safetensors and torch's format before 1.6 have no checksums: a flipped bit that leaves a number
    finite shows nowhere. A zip archive of torch has them, and its numbers must be equal.
    """
    return {key: shape for key, (shape, _) in result.items()} == {
        key: shape for key, (shape, _) in undamaged.items()
    }


def _zip(content: object) -> bytes:
    data = io.BytesIO()
    torch.save(content, data)
    return data.getvalue()


def _legacy(content: object) -> bytes:
    data = io.BytesIO()
    torch.save(content, data, _use_new_zipfile_serialization=False)
    return data.getvalue()


FORMATS: dict[str, Callable[[dict[str, Tensor]], bytes]] = {
    'zip': lambda state: _zip(dict(state_dict=state)),
    'legacy': lambda state: _legacy(dict(state_dict=state)),
    'safetensors': safetensors_bytes,
}


class _Foreign:
    """Object whose pickle calls a function."""

    def __init__(self, function: Callable, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


# state dict -> what is in the file
STATES: dict[str, Callable[[dict[str, Tensor]], object]] = {
    'NaN': lambda state: state | {KEY: state[KEY].where(torch.rand(8, 4) < 0.5, torch.nan)},
    'infinity': lambda state: state | {KEY: state[KEY] / 0},
    'whole numbers': lambda state: state | {KEY: state[KEY].long()},
    'booleans': lambda state: state | {KEY: state[KEY] > 0},
    'complex numbers': lambda state: state | {KEY: state[KEY].to(torch.complex64)},
    'sparse': lambda state: state | {KEY: state[KEY].to_sparse()},
    'quantised': lambda state: (
        state | {KEY: torch.quantize_per_tensor(state[KEY], 0.1, 0, torch.qint8)}
    ),
    'no numbers': lambda state: state | {KEY: torch.empty(8, 4, device='meta')},
    'float64': lambda state: state | {KEY: state[KEY].double()},
    'float64 beyond float32': lambda state: state | {KEY: state[KEY].double() * 1e300},
    'transposed': lambda state: state | {KEY: state[KEY].t()},
    'flat': lambda state: state | {KEY: state[KEY].flatten()},
    'a number': lambda state: state | {KEY: 5.0},
    'an array of numpy': lambda state: state | {KEY: state[KEY].numpy()},
    'a list': lambda state: state | {KEY: state[KEY].tolist()},
    'None': lambda state: state | {KEY: None},
    'a parameter': lambda state: state | {KEY: nn.Parameter(state[KEY])},
    'one number expanded': lambda state: state | {KEY: torch.zeros(1).expand(8, 4096)},
    'no rows': lambda state: state | {KEY: torch.empty(0, 4)},
    'a key less': lambda state: {key: value for key, value in state.items() if key != KEY},
    'a key more': lambda state: state | {'E_c.linear.scale': torch.ones(8)},
    'a key misspelt': lambda state: {k.replace('linear.w', 'liner.w'): v for k, v in state.items()},
    'keys of numbers': lambda state: dict(enumerate(state.values())),
    'keys of bytes': lambda state: {key.encode(): value for key, value in state.items()},
    'module. before keys': lambda state: {f'module.{key}': value for key, value in state.items()},
    'module. before some': lambda state: state | {f'module.{KEY}': state[KEY] + 1},
    'two state dicts': lambda state: dict(state_dict=state, model=state),
    'a state dict within': lambda state: dict(model=dict(net=dict(state_dict=state))),
    'no tensors': lambda state: dict(epoch=5),
    'nothing': lambda state: {},
    'a tensor alone': lambda state: state[KEY],
    'a list of tensors': lambda state: list(state.values()),
    'a model whole': lambda state: _model(0),
    'a call of os.system': lambda state: state | {'x': _Foreign(os.system, f'touch {MARK}')},
    'a call of eval': lambda state: (
        state | {'x': _Foreign(eval, f'open({MARK!r}, "w").close() or 5')}
    ),
    'a call of open': lambda state: state | {'x': _Foreign(open, MARK, 'w')},
    'a random state of numpy': lambda state: state | {'rng': np.random.RandomState(0)},
    'a path': lambda state: state | {'path': Path('data')},
    'itself': lambda state: _cycle(state),
}
MUST_BE_REFUSED = ('NaN', 'infinity', 'complex numbers', 'sparse', 'no numbers', 'quantised')


def _cycle(state: dict) -> dict:
    content = dict(state)
    content['again'] = content
    return content


def _script(state: dict) -> bytes:
    data = io.BytesIO()
    torch.jit.save(torch.jit.script(_model(0).G), data)
    return data.getvalue()


def _rezipped(change: Callable[[str, bytes], bytes | None]) -> Callable[[dict], bytes]:
    """Archive with other members, whose checksums are right."""

    def changed(state: dict) -> bytes:
        data = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(_zip(state))) as old, zipfile.ZipFile(data, 'w') as new:
            for name in old.namelist():
                content = change(name, old.read(name))
                if content is not None:
                    new.writestr(name, content)
        return data.getvalue()

    return changed


def _headed(head: bytes, size: int | None = None) -> Callable[[dict], bytes]:
    size = len(head) if size is None else size
    return lambda state: size.to_bytes(8, 'little') + head + bytes(128)


RAW: dict[str, Callable[[dict[str, Tensor]], bytes]] = {
    'a pickle': lambda state: pickle.dumps({key: value.numpy() for key, value in state.items()}),
    'a pickle that calls': lambda state: pickle.dumps(_Foreign(os.system, f'touch {MARK}')),
    'lists without end in a pickle': lambda state: b'\x80\x02' + b']' * 200_000 + b'.',
    'lists in lists in a pickle': lambda state: b'\x80\x02' + b']' * 50_000 + b'a' * 49_999 + b'.',
    'a program of torch.jit': _script,
    'an archive of numpy': lambda state: _npz(state),
    'an empty archive': _rezipped(lambda name, content: None),
    'an archive without data.pkl': _rezipped(
        lambda name, content: None if name.endswith('data.pkl') else content
    ),
    'an archive without numbers': _rezipped(
        lambda name, content: None if '/data/' in name else content
    ),
    'an archive with too few numbers': _rezipped(
        lambda name, content: content[:-4] if '/data/' in name else content
    ),
    'an archive with pickle opcodes changed': _rezipped(
        lambda name, content: content[::-1] if name.endswith('data.pkl') else content
    ),
    'a head of safetensors of 2^60 bytes': _headed(b'{}', 2**60),
    'a head of safetensors that is no JSON': _headed(b'{"a": '),
    'a head of safetensors that is a list': _headed(b'[]'),
    'a head of safetensors without tensors': _headed(b'{}'),
    'a tensor of safetensors beyond the file': _headed(
        b'{"E_c.linear.weight":{"dtype":"F32","shape":[8,4],"data_offsets":[0,99999]}}'
    ),
    'a tensor of safetensors of 2^60 rows': _headed(
        b'{"E_c.linear.weight":{"dtype":"F32","shape":[1152921504606846976],"data_offsets":[0,8]}}'
    ),
    'a tensor of safetensors of an unknown type': _headed(
        b'{"E_c.linear.weight":{"dtype":"F33","shape":[8,4],"data_offsets":[0,128]}}'
    ),
    'a text': lambda state: b'weights\n',
}


def _npz(state: dict) -> bytes:
    data = io.BytesIO()
    np.savez(data, **{key: value.numpy() for key, value in state.items()})
    return data.getvalue()


def case(rng: Random) -> Case:
    """Damage to a file of weights."""
    return rng.choice((_bytes, _bytes, _states, _states, _raw, _entry))(rng)


def _of(name: str, file: str, form: str, how: str, write: Callable[[Path], None], **kwargs) -> Case:
    def build(root: Path) -> None:
        (root / file).write_bytes(FORMATS[form](_model(0).state_dict()))

    return Case(
        name=f'{file}, {form}: {name}, for {how}',
        world=f'{file} {form}',
        build=build,
        damage=lambda root: write(root / file),
        read=lambda root: _read(root / file, how),
        names=(file,),
        told=('as built', 'not used', 'the tensors are read', 'by other names'),
        **kwargs,
    )


def _form(rng: Random) -> tuple[str, str, str]:
    form = rng.choice(list(FORMATS))
    file = 'model.safetensors' if form == 'safetensors' else 'model.pth'
    return form, file, rng.choice(list(LOADERS))


def _bytes(rng: Random) -> Case:
    form, file, how = _form(rng)
    damage, seed = rng.choice(list(BYTES)), rng.getrandbits(32)

    def write(path: Path) -> None:
        path.write_bytes(BYTES[damage](path.read_bytes(), Random(seed)))

    checked = {} if form == 'zip' else dict(harmless=_same_shapes)
    return _of(f'{damage} (seed {seed})', file, form, how, write, **checked)


def _states(rng: Random) -> Case:
    form, file, how = _form(rng)
    form = 'zip' if form == 'safetensors' else form
    name, file = rng.choice(list(STATES)), 'model.pth'

    def write(path: Path) -> None:
        here = os.getcwd()
        content = STATES[name](_model(0).state_dict())
        assert os.getcwd() == here
        path.write_bytes((_zip if form == 'zip' else _legacy)(content))

    refused = dict(harmless=never) if name in MUST_BE_REFUSED else {}
    return _of(name, file, form, how, write, **refused)


def _raw(rng: Random) -> Case:
    form, file, how = _form(rng)
    name = rng.choice(list(RAW))
    write = lambda path: path.write_bytes(RAW[name](_model(0).state_dict()))  # noqa: E731
    return _of(name, file, form, how, write)


def _entry(rng: Random) -> Case:
    form, file, how = _form(rng)
    name = rng.choice(list(ENTRIES))
    return _of(name, file, form, how, lambda path: replace_entry(path, name))
