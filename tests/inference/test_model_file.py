import json
import struct

import pytest
import torch
from safetensors.torch import save_file

from reidgen.inference import read_model_file, write_model_file
from reidgen.inference.model import Model
from reidgen.inference.zoo import find_model
from tests.inference.conftest import info_of

STATE = {'E_c.weight': torch.tensor([1.0, 2.0]), 'E_c.count': torch.tensor(3)}


def test_a_file_gives_back_what_was_written(tmp_path):
    write_model_file(tmp_path / 'a.safetensors', info_of(licence='CC0'), STATE)
    info, state = read_model_file(tmp_path / 'a.safetensors')
    assert info == info_of(licence='CC0')
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[key], STATE[key]) for key in STATE)


def test_each_changed_byte_of_the_weights_and_each_missing_end_is_refused(model_file):
    content = model_file.read_bytes()
    (header,) = struct.unpack('<Q', content[:8])
    for place in range(8 + header, len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        model_file.write_bytes(changed)
        with pytest.raises(ValueError, match=r'is cut short or damaged \(its SHA-256 is another'):
            read_model_file(model_file)
    for end in (0, 5, 8 + header // 2, len(content) - 1):
        model_file.write_bytes(content[:end])
        with pytest.raises(ValueError, match=r'stripes\.safetensors is cut short or damaged'):
            read_model_file(model_file)


def test_a_changed_description_is_refused(model_file):
    content = model_file.read_bytes()
    model_file.write_bytes(content.replace(b'not stated', b'public one', 1))
    with pytest.raises(ValueError, match='its SHA-256 is another'):
        read_model_file(model_file)


def write_forged(path, **changes):
    """A file whose description is changed, with its SHA-256 made anew."""
    from dataclasses import asdict

    from reidgen.inference.model_file import digest

    info = asdict(info_of()) | changes.pop('info', {})
    content = dict(version=1, info=info, sha256=digest(info, STATE)) | changes
    save_file(STATE, path, metadata={'reidgen': json.dumps(content)})


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(version=3), 'of version 3, this reidgen reads 1, 2; export the model again'),
        (
            dict(info=dict(model=dict(type='os.system', command='true'))),
            r"model\.type is 'os\.system', an import path",
        ),
        (dict(info=dict(dims='six')), "describes no model .*: dims is 'six', not int"),
        (dict(info=dict(colour='red')), 'describes no model .*colour'),
        (dict(info=dict(input_size=[16])), r'describes no model .*input_size is \[16\]'),
        (
            dict(info=dict(calibration=dict(slope=1))),
            r'describes no model .*the calibration is .*; its keys are slope, intercept',
        ),
    ],
)
def test_a_description_that_cannot_be_used_is_refused_by_name(tmp_path, changes, message):
    path = tmp_path / 'a.safetensors'
    write_forged(path, **changes)
    with pytest.raises(ValueError, match=message):
        read_model_file(path)


def test_weights_alone_and_a_missing_file_are_refused_with_the_command_that_makes_one(tmp_path):
    path = tmp_path / 'a.safetensors'
    with pytest.raises(FileNotFoundError, match=r'no model file .*`reidgen export CONFIG CHECK'):
        read_model_file(path)
    save_file(STATE, path)
    with pytest.raises(ValueError, match=r'has weights alone .*`reidgen export CONFIG '):
        read_model_file(path)
    with pytest.raises(ValueError, match=r'a name that ends in \.safetensors'):
        write_model_file(tmp_path / 'a.pth', info_of(), STATE)


def test_a_class_that_nothing_registers_is_named_with_the_module_to_import(tmp_path):
    path = tmp_path / 'a.safetensors'
    model = dict(type='IdentityModel', networks=dict(E_c=dict(type='NoSuchEncoder')))
    write_model_file(path, info_of(model=model, imports=['my.encoders']), STATE)
    with pytest.raises(ValueError, match=r"a\.safetensors needs 'NoSuchEncoder'.*import my\.enco"):
        Model(path)


def test_a_name_that_no_model_has_lists_those_there_are():
    with pytest.raises(FileNotFoundError, match=r"no model 'synht' \(did you mean 'synth'\?\)"):
        find_model('synht')


def test_a_folder_of_the_name_of_a_model_does_not_hide_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'synth').mkdir()
    assert find_model('synth').is_file()
