import collections
import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from reidgen.checkpoint import read_checkpoint, read_weights


class Command:
    """Calls a function when a pickle of it is read."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


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


@pytest.fixture
def state() -> dict:
    return {'weight': torch.arange(1000.0), 'bias': torch.ones(2)}


def write(path, state) -> None:
    if path.suffix == '.safetensors':
        save_file(state, path)
    else:
        torch.save(state, path)


@pytest.mark.parametrize('name', ['a.pth', 'a.safetensors'])
def test_both_formats_give_the_tensors_back(tmp_path, state, name):
    write(tmp_path / name, state)
    read = read_checkpoint(str(tmp_path / name))
    assert read.keys() == state.keys()
    assert all(torch.equal(read[key], state[key]) for key in state)


def test_the_older_format_of_torch_is_read_too(tmp_path, state):
    torch.save(state, tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    assert torch.equal(read_checkpoint(tmp_path / 'old.pth')['weight'], state['weight'])


@pytest.mark.parametrize('name', ['a.pth', 'a.safetensors'])
@pytest.mark.parametrize('share', [0.0, 0.5, 0.98])
def test_a_file_cut_short_is_named_as_such(tmp_path, state, name, share):
    path = tmp_path / name
    write(path, state)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=rf'{name} is cut short .* copy or download it again'):
        read_checkpoint(path)


def test_a_file_with_code_is_refused_and_not_run(tmp_path, state):
    torch.save({**state, 'hook': Command(os.mkdir, str(tmp_path / 'ran'))}, tmp_path / 'evil.pth')
    with pytest.raises(ValueError, match=r'evil.pth holds Python objects .* refused'):
        read_checkpoint(tmp_path / 'evil.pth')
    assert not (tmp_path / 'ran').exists()


def test_a_plain_pickle_or_a_text_is_no_checkpoint_and_not_run(tmp_path):
    (tmp_path / 'plain.pth').write_bytes(
        pickle.dumps(Command(os.mkdir, str(tmp_path / 'ran')), protocol=2)
    )
    (tmp_path / 'text.pth').write_text('version https://git-lfs.github.com/spec/v1\n')
    for name in ('plain.pth', 'text.pth'):
        with pytest.raises(ValueError, match=name):
            read_checkpoint(tmp_path / name)
    assert not (tmp_path / 'ran').exists()


def test_a_missing_file_is_named_with_the_folder_paths_start_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'checkpoint no.pth does not exist') as error:
        read_checkpoint('no.pth')
    assert str(tmp_path) in str(error.value)
    with pytest.raises(FileNotFoundError, match='is a folder'):
        read_checkpoint(tmp_path)


def test_a_bare_tensor_is_no_state_dict(tmp_path):
    torch.save(torch.ones(2), tmp_path / 'tensor.pth')
    with pytest.raises(ValueError, match='holds a Tensor, not a dictionary'):
        read_checkpoint(tmp_path / 'tensor.pth')


# ---- state dicts wherever a file has them ----


def assert_same(read, expected) -> None:
    assert list(read) == list(expected)
    assert all(torch.equal(read[key], expected[key]) for key in expected)


@pytest.mark.parametrize(
    'wrap,place',
    [
        (lambda state: state, ''),
        (lambda state: dict(state_dict=state, epoch=3, optimizer=dict(state={})), ''),
        (lambda state: dict(model=state, epoch=3), "['model']"),
        (lambda state: dict(net=state), "['net']"),
        (lambda state: dict(model_state_dict=state, loss=0.5), "['model_state_dict']"),
        (lambda state: dict(model=dict(state_dict=state)), "['model']"),
        # numpy's numbers, of trainers that keep their best score
        (lambda state: dict(state_dict=state, rank1=np.float64(0.5)), ''),
    ],
)
def test_a_state_dict_is_found_where_trainers_keep_it(wrap, place, state, tmp_path):
    path = tmp_path / 'a.pth'
    torch.save(wrap(state), path)
    weights = read_weights(path)
    assert_same(weights.state, state)
    assert weights.source == f'{path}{place}'


def test_a_dictionary_of_state_dicts_is_one_with_dotted_names(state, tmp_path):
    torch.save(dict(E_c=state, G=dict(up=state), epoch=3), tmp_path / 'a.pth')
    names = ['E_c.weight', 'E_c.bias', 'G.up.weight', 'G.up.bias']
    assert list(read_weights(tmp_path / 'a.pth').state) == names


# torch says of some kinds of tensors that they are new, of others that they are old
@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize(
    'content,told',
    [
        (
            lambda: dict(model=dict(a=torch.ones(1)), net=dict(a=torch.ones(1))),
            "under 'model' and 'net'",
        ),
        (
            lambda: dict(state_dict={}, epoch=3),
            r"holds no tensors by name \(\['state_dict', 'epoch'\]\)",
        ),
        (lambda: torch.ones(2), r'holds no tensors by name \(Tensor\)'),
        (lambda: Command(print, 'x'), r'holds no tensors by name \(a Python object\)'),
        (
            lambda: dict(a=dict(w=torch.eye(2).to_sparse())),
            r'a\.w is sparse; .*value\.to_dense\(\)',
        ),
        (lambda: dict(w=torch.eye(2).to_sparse_csr()), 'w is sparse'),
        (lambda: dict(w=torch.ones(2, device='meta')), 'w has a shape and no numbers'),
        (
            lambda: dict(w=torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)),
            'w is quantised',
        ),
        (lambda: dict(w=torch.nested.nested_tensor([torch.ones(1), torch.ones(2)])), 'w is nested'),
    ],
)
def test_what_is_no_state_dict_is_refused_by_name(content, told, tmp_path):
    torch.save(content(), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=told) as error:
        read_weights(tmp_path / 'a.pth')
    assert str(tmp_path / 'a.pth') in str(error.value)


def test_a_dictionary_that_contains_itself_is_refused(tmp_path):
    content = dict(a=torch.ones(1))
    content['b'] = content
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'a\.pth holds dictionaries without end'):
        read_weights(tmp_path / 'a.pth')


@pytest.mark.filterwarnings('ignore:.torch.jit.script. is deprecated')
def test_a_torchscript_program_is_refused_with_the_way_out(tmp_path):
    torch.jit.script(nn.Linear(2, 2)).save(tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'is a TorchScript program.*torch\.jit\.load\('):
        read_weights(tmp_path / 'a.pth')


# ---- models saved whole ----


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
    subprocess.run([sys.executable, '-c', code], cwd=tmp_path, check=True)
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
    assert_same(read_weights(names['PATH']).state, model.state_dict())
