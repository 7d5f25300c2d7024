import os
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from reidgen.checkpoint import read_checkpoint, read_weights
from tests.checkpoint.checkpoint_model import Command


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
