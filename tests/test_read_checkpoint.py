import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from reidgen.checkpoint import read_checkpoint


class Command:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


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
    torch.save({**state, 'hook': Command(tmp_path / 'ran')}, tmp_path / 'evil.pth')
    with pytest.raises(ValueError, match=r'evil.pth holds Python objects .* refused'):
        read_checkpoint(tmp_path / 'evil.pth')
    assert not (tmp_path / 'ran').exists()


def test_a_plain_pickle_or_a_text_is_no_checkpoint_and_not_run(tmp_path):
    (tmp_path / 'plain.pth').write_bytes(pickle.dumps(Command(tmp_path / 'ran'), protocol=2))
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
