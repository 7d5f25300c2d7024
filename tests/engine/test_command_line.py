import argparse
import errno
import os
import re
from pathlib import Path

import pytest
from torch.utils.data import DataLoader, Dataset

from reidgen.command_line import (
    add_common_options,
    count,
    find_config,
    parse_value,
    positive,
    run,
)


def ended(command, folder) -> str:
    """Exit message of a command that fails."""
    with pytest.raises(SystemExit) as end:
        run(command, folder)
    return end.value.code


def fail(error: Exception):
    def command():
        raise error

    return command


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser(prog='tool.py')
    add_common_options(parser)
    return parser


def test_pairs_become_a_dictionary_of_numbers_lists_and_text(parser):
    pairs = ['a.b=1e-4', 'c=[1,(2,x)]', 'd=e=f', 'g=']
    options = parser.parse_args(['--cfg-options', *pairs, '--amp']).cfg_options
    assert options == {'a.b': 1e-4, 'c': [1, (2, 'x')], 'd': 'e=f', 'g': ''}
    assert parser.parse_args([]).cfg_options == {}


@pytest.mark.parametrize(
    'pairs,error_text',
    [
        (['optim_wrapper.I.lr'], "'optim_wrapper.I.lr' is not KEY=VALUE"),
        (['a=1', 'config.py'], "'config.py' is not KEY=VALUE"),
        (['=1'], "'=1' is not KEY=VALUE"),
        (['a=[1,2'], "brackets of the value in 'a=[1,2' do not close"),
    ],
)
def test_an_option_that_is_no_pair_ends_with_the_usage_and_the_form(
    pairs, error_text, parser, capsys
):
    with pytest.raises(SystemExit) as end:
        parser.parse_args(['--cfg-options', *pairs])
    assert end.value.code == 2
    assert f'tool.py: error: --cfg-options: {error_text}' in capsys.readouterr().err


@pytest.mark.parametrize(
    'text,value',
    [
        *[('3', 3), ('-2', -2), ('1e-4', 1e-4), ('.5', 0.5), ('inf', float('inf'))],
        *[('True', True), ('false', False), ('None', None), ("'None'", 'None'), ('"5"', '5')],
        *[('[1,2]', [1, 2]), ('(1, 2)', (1, 2)), ('(1,)', (1,)), ('[]', []), ('()', ())],
        *[('[D, G]', ['D', 'G']), ('[[1],(a,b)]', [[1], ('a', 'b')])],
        *[('[\'a, b\',"c]"]', ['a, b', 'c]']), ("[it's,b]", ["it's", 'b'])],
        *[('{a: 1, b: [x]}', {'a': 1, 'b': ['x']}), ('[/my drive/a, b]', ['/my drive/a', 'b'])],
    ],
)
def test_a_value_that_reads_as_one_of_python_is_that(text, value):
    assert parse_value(text) == value
    assert type(parse_value(text)) is type(value)


@pytest.mark.parametrize(
    'text',
    [
        *['/content/drive/My Drive/market', '/data/a,b', 'x,y', '1,2', ' a  b ', 'a=b', "it's"],
        *[
            '2024_01_01',
            '007',
            '0x10',
            '{market1501}',
            '{market1501}/a',
            '[old] market',
            '/a(1',
            '',
        ],
    ],
)
def test_any_other_text_is_kept_to_the_letter(text):
    assert parse_value(text) == text


def test_the_nearest_configs_are_proposed_wherever_they_lie(tmp_path, monkeypatch):
    for path in ('configs/gcl_smoke.py', 'projects/hhl/configs/hhl_smoke.py', 'mine/odd.py'):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
    monkeypatch.chdir(tmp_path)
    find_config('configs/gcl_smoke.py')
    for misspelt in ('configs/gcl_smok.py', 'gcl_smoke.py', 'mine/gcl_smoke'):
        with pytest.raises(
            FileNotFoundError, match=rf'no config {misspelt}; did you mean configs/gcl_smoke\.py'
        ):
            find_config(misspelt)
    with pytest.raises(FileNotFoundError, match=r'no config mine/xyz; there are: mine/odd\.py\. '):
        find_config('mine/xyz')


def test_a_model_file_in_the_place_of_a_config_is_told():
    with pytest.raises(ValueError, match=r'a\.safetensors is no config; .*CONFIG a\.safetensors'):
        find_config('a.safetensors')


def test_a_count_is_a_whole_number_from_0():
    assert [count('0'), count('12')] == [0, 12]
    for text in ('-3', '1.5', 'x', ''):
        with pytest.raises(argparse.ArgumentTypeError, match=f"'{text}' is not a whole number"):
            count(text)


def test_a_positive_number_is_a_whole_number_from_1():
    assert [positive('1'), positive('12')] == [1, 12]
    for text in ('0', '-3', '1.5', ''):
        with pytest.raises(argparse.ArgumentTypeError, match=f"'{text}' is not a whole number"):
            positive(text)


@pytest.mark.parametrize('error', [ValueError('x is 3'), re.error('x is 3'), ImportError('x is 3')])
def test_an_error_ends_with_one_line_and_a_file_with_the_traceback(error, tmp_path):
    first, second = ended(fail(error), tmp_path).splitlines()
    assert first == f'{type(error).__name__}: x is 3'
    assert second == f'(traceback: {tmp_path / "error.txt"})'
    text = (tmp_path / 'error.txt').read_text()
    assert text.startswith('Traceback (most recent call last)')
    assert 'in command' in text


def test_an_error_that_names_a_file_whose_name_is_no_utf8_is_told(tmp_path):
    name = os.fsdecode(b'n\xff.png')
    assert name in ended(fail(ValueError(name)), tmp_path)
    assert 'n\\udcff.png' in (tmp_path / 'error.txt').read_text()
    elsewhere = ended(fail(ValueError(name)), tmp_path / 'no').split()[-1].rstrip(')')
    assert 'n\\udcff.png' in Path(elsewhere).read_text()


@pytest.mark.parametrize('error', [ValueError('x is 3'), re.error('x is 3'), ImportError('x is 3')])
def test_without_a_folder_the_traceback_is_in_a_temporary_file(error, tmp_path, monkeypatch):
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    first, second = ended(fail(error), tmp_path / 'work').splitlines()
    assert first == f'{type(error).__name__}: x is 3'
    (path,) = tmp_path.iterdir()
    assert second == f'(traceback: {path})'
    assert 'in command' in path.read_text()


def test_a_folder_that_cannot_be_written_to_does_not_hide_the_error(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError('No space left on device')

    monkeypatch.setattr(Path, 'write_text', full)
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    (tmp_path / 'work').mkdir()
    first, second = ended(fail(OSError('could not write')), tmp_path / 'work').splitlines()
    assert first == 'OSError: could not write'
    assert second.startswith(f'(traceback: {tmp_path}/reidgen_error_')


@pytest.mark.parametrize('inner', ['', 'runs/new'])
def test_a_folder_of_results_that_cannot_be_written_into_is_named_before_the_command_runs(
    inner, tmp_path, monkeypatch
):
    began = []
    (tmp_path / 'file').touch()
    message = ended(lambda: began.append(1), tmp_path / 'file' / inner)
    assert message.startswith(f'NotADirectoryError: cannot write into {tmp_path / "file" / inner}')
    assert f'{tmp_path / "file"}: Not a directory; give another folder for the results' in message
    make = os.mkdir

    def refuse(path, *args):  # the tests may be run by root, who may write anywhere
        if Path(path).parent == tmp_path:
            raise PermissionError(errno.EACCES, 'Permission denied')
        make(path, *args)

    monkeypatch.setattr(os, 'mkdir', refuse)
    message = ended(lambda: began.append(1), tmp_path / inner)
    assert message.startswith(f'PermissionError: cannot write into {tmp_path / inner}: {tmp_path}:')
    assert 'Permission denied; give another folder for the results (--work-dir' in message
    assert not began
    assert [path.name for path in tmp_path.iterdir() if path.name != 'error.txt'] == ['file']


def test_a_folder_of_results_is_not_made_before_the_command_makes_it(tmp_path):
    run(lambda: None, tmp_path / 'runs/new')
    assert not list(tmp_path.iterdir())


def test_a_command_that_ends_well_removes_the_error_of_an_earlier_one(tmp_path):
    ended(fail(ValueError('x is 3')), tmp_path)
    run(lambda: None, tmp_path)
    assert not list(tmp_path.iterdir())
    (tmp_path / 'error.txt').write_text('notes of somebody else')
    run(lambda: None, tmp_path)
    run(lambda: None, tmp_path / 'nowhere')
    assert (tmp_path / 'error.txt').read_text() == 'notes of somebody else'


class Broken(Dataset):
    """Data set whose one row fails with a message of two lines, from another error."""

    def __init__(self, kind: type[Exception]):
        self.kind = kind

    def __len__(self):
        return 1

    def __getitem__(self, row):
        try:
            raise SyntaxError('not a PNG file')
        except SyntaxError as error:
            raise self.kind('cannot read a.png:\n  it is broken; restore it') from error


class TwoArguments(Exception):
    """Error that torch cannot build again from a text."""

    def __init__(self, text: str, other: str = ''):
        if 'Traceback' in text:
            raise TypeError('takes no traceback')
        super().__init__(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    'kind,name',
    [
        (OSError, 'OSError'),
        (KeyError, 'KeyError'),
        (TwoArguments, f'{__name__}.TwoArguments'),
    ],
)
def test_an_error_of_a_loaders_worker_ends_with_its_own_message(kind, name, tmp_path):
    loader = DataLoader(Broken(kind), num_workers=1)
    error_text = ended(lambda: list(loader), tmp_path)
    message = 'cannot read a.png:\n  it is broken; restore it'
    expected = repr(message) if kind is KeyError else message
    assert error_text == f'{name}: {expected}\n(traceback: {tmp_path / "error.txt"})'
    assert 'in DataLoader worker process 0' in (tmp_path / 'error.txt').read_text()
