"""Models saved whole: their tensors are read, nothing in the file is called."""

import collections
import os
import pathlib
import subprocess
import sys

import pytest
import torch
from torch import nn

from reidgen.checkpoint import read_checkpoint, read_weights
from tests.checkpoint.checkpoint_model import Command
from tests.forks import run_program

CALLS = []


def remember(value) -> None:
    CALLS.append(value)


class Options(dict):
    """A class of dictionaries, as config libraries have them."""


class Layers(list):
    """A class of lists."""


class Network(nn.Module):
    """All that a module can hold."""

    def __init__(self):
        super().__init__()
        self.options = Options(depth=18, nested=Options(a=1))
        self.counts = collections.defaultdict(int, a=1)
        self.layers = Layers([1, 2])
        self.trunk = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.scale = nn.Parameter(torch.ones(2))
        self.register_buffer('mean', torch.ones(3), persistent=False)
        self.register_forward_hook(print)


@pytest.mark.parametrize(
    'wrap,prefix',
    [
        (lambda model: model, ''),
        (lambda model: dict(model=model, epoch=3), ''),
        (nn.DataParallel, 'module.'),
    ],
)
def test_a_model_saved_whole_gives_its_state_dict(wrap, prefix, tmp_path):
    model = Network()
    torch.save(wrap(model), tmp_path / 'whole.pth')
    expected = {prefix + key: value for key, value in model.state_dict().items()}
    state = read_weights(tmp_path / 'whole.pth').state
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[key], expected[key]) for key in expected)
    assert not any(value.requires_grad for value in state.values())


@pytest.mark.slow
def test_a_model_whose_classes_are_not_here_is_read_and_nothing_is_imported(tmp_path, monkeypatch):
    (tmp_path / 'their_code.py').write_text(
        "import os\nfrom torch import nn\nos.environ['THEIR_CODE'] = 'ran'\n\n\n"
        'class Theirs(nn.Linear):\n    pass\n'
    )
    code = "import torch, their_code; torch.save(their_code.Theirs(2, 3), 'whole.pth')"
    (tmp_path / 'their_script.py').write_text(code)
    run_program(['their_script.py'], cwd=tmp_path).check_returncode()
    monkeypatch.syspath_prepend(tmp_path)  # it could be imported
    state = read_weights(tmp_path / 'whole.pth').state
    assert {key: tuple(value.shape) for key, value in state.items()} == dict(
        weight=(3, 2), bias=(3,)
    )
    assert 'their_code' not in sys.modules
    assert 'THEIR_CODE' not in os.environ


@pytest.mark.parametrize('place', ['beside', 'inside', 'alone'])
@pytest.mark.parametrize(
    'function,argument,refused',
    [
        (os.system, 'mkdir {ran}', True),  # torch's reader resolves no name of os
        (os.mkdir, '{ran}', True),
        (exec, "import os; os.mkdir('{ran}')", False),
        (eval, "__import__('os').mkdir('{ran}')", False),
        (subprocess.getoutput, 'mkdir {ran}', False),
        (pathlib.Path.mkdir, pathlib.Path('{ran}'), True),  # what getattr gives is no name
    ],
)
def test_no_call_in_a_file_is_made(function, argument, refused, place, state, tmp_path):
    ran, path = tmp_path / 'ran', tmp_path / 'evil.pth'
    command = Command(function, type(argument)(str(argument).format(ran=ran)))
    network = Network()
    network.trunk[0].evil = command
    torch.save(dict(beside=state | dict(evil=command), inside=network, alone=command)[place], path)
    if refused or place == 'alone':
        with pytest.raises(ValueError, match=r'evil\.pth holds (Python objects|no tensors)'):
            read_weights(path)
    else:
        expected = network.state_dict() if place == 'inside' else state
        assert read_weights(path).state.keys() == expected.keys()
    with pytest.raises(ValueError, match=r'evil\.pth holds Python objects .* refused'):
        read_checkpoint(path)
    assert not ran.exists()
    torch.load(path, weights_only=False)  # the file is what it is meant to be
    assert ran.is_dir()


def test_what_this_process_allows_torch_to_call_is_not_called_either(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save(dict(net=nn.Linear(2, 2), command=Command(remember, 1)), path)
    with torch.serialization.safe_globals([remember]):
        allowed = set(torch.serialization.get_safe_globals())
        assert read_weights(path).state.keys() == {'weight', 'bias'}
        assert CALLS == []
        assert set(torch.serialization.get_safe_globals()) == allowed
    torch.load(path, weights_only=False)
    assert CALLS == [1]


@pytest.mark.parametrize('how', ['older format', 'protocol 4'])
def test_a_whole_model_that_cannot_be_read_safely_names_two_lines_that_help(how, tmp_path):
    options = {'older format': dict(_use_new_zipfile_serialization=False)}
    path, model = tmp_path / 'whole.pth', nn.Linear(2, 2)
    torch.save(model, path, **options.get(how, dict(pickle_protocol=4)))
    with pytest.raises(ValueError, match='holds Python objects beside tensors') as error:
        read_weights(path)
    first, second = str(error.value).splitlines()[1:]
    names = dict(torch=torch, PATH=tmp_path / 'new.pth')
    exec(f'{first.strip()}\n{second.strip()}', names)
    state = read_weights(names['PATH']).state
    assert state.keys() == {'weight', 'bias'}
    assert torch.equal(state['weight'], model.weight)
