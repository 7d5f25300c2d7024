import errno
import fcntl
import hashlib
import json
import os
import re
import signal
import time

import pytest

from reidgen import files
from reidgen.files import (
    check_stamp,
    link_whole,
    locked,
    remove_parts,
    sha256_of,
    write_bytes,
    write_json,
    write_text,
    written_whole,
)
from tests.forks import end_of, start


@pytest.mark.parametrize(
    'write,content,expected',
    [
        (write_bytes, b'\x00\xff', b'\x00\xff'),
        (write_text, 'Jürgen\n', 'Jürgen\n'.encode()),
        (write_json, dict(a=[1, 2]), b'{\n "a": [\n  1,\n  2\n ]\n}'),
    ],
)
def test_what_is_written_replaces_the_old_file_and_leaves_no_part(
    write, content, expected, tmp_path
):
    path = tmp_path / 'a.txt'
    path.write_text('old and longer than what comes')
    write(path, content)
    assert path.read_bytes() == expected
    assert os.listdir(tmp_path) == ['a.txt']


def test_compact_json_is_one_line_without_spaces(tmp_path):
    write_json(tmp_path / 'a.json', dict(a=[1, 2]), compact=True)
    assert (tmp_path / 'a.json').read_text() == '{"a":[1,2]}'


def write_half(path, error):
    with written_whole(path, 'give another --out') as part:
        part.write_bytes(b'half')
        raise error


@pytest.mark.parametrize(
    'error,raised',
    [
        (OSError(errno.ENOSPC, 'No space left on device'), OSError),
        (RuntimeError('PytorchStreamWriter failed writing file'), OSError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (ValueError('of what is written, not of writing'), ValueError),
    ],
)
def test_a_failing_write_keeps_the_old_file_and_removes_the_part(error, raised, tmp_path):
    path = tmp_path / 'a.bin'
    path.write_bytes(b'old')
    with pytest.raises(raised) as caught:
        write_half(path, error)
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['a.bin']
    if raised is OSError:
        free = r' \([\d,]+ MB are free there\)'
        assert re.fullmatch(
            rf'could not write {path}: {re.escape(str(error))}{free}; give another --out',
            str(caught.value),
        )
        assert caught.value.errno == getattr(error, 'errno', None)


def test_a_folder_that_is_not_there_is_refused_with_the_path(tmp_path):
    with pytest.raises(OSError, match=r'could not write .*no/a\.txt: .*No such file'):
        write_text(tmp_path / 'no/a.txt', 'a')


def test_the_hash_is_of_the_whole_file(tmp_path):
    data = bytes(range(256)) * 5000  # longer than one piece that is read
    (tmp_path / 'a').write_bytes(data)
    assert sha256_of(tmp_path / 'a') == hashlib.sha256(data).hexdigest()


# ---- stamps ----


def test_a_stamp_is_written_once_and_then_accepted(tmp_path):
    path, stamp = tmp_path / 'stamp.json', dict(model='a', size=(2, 1))
    check_stamp(path, stamp, 'pictures', begun=False)
    assert json.loads(path.read_text()) == dict(model='a', size=[2, 1])
    check_stamp(path, stamp, 'pictures', begun=True)  # raises nothing


def test_a_process_that_leaves_writing_to_another_writes_no_stamp(tmp_path):
    check_stamp(tmp_path / 'stamp.json', dict(a=1), 'pictures', begun=False, write=False)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    'there,message',
    [
        (None, r'holds pictures and no stamp\.json; choose an empty folder'),
        ('{"a": 2}', r"holds pictures by {'a': 2}, this is {'a': 1}; delete the folder"),
        ('{"a":', r'stamp\.json is damaged .*; delete the folder or choose another'),
    ],
)
def test_files_of_another_or_of_no_stamp_are_refused(there, message, tmp_path):
    path = tmp_path / 'stamp.json'
    if there is not None:
        path.write_text(there)
    with pytest.raises(ValueError, match=message):
        check_stamp(path, dict(a=1), 'pictures', begun=True)
    assert path.exists() == (there is not None)


# ---- names, parts and locks ----


def test_a_second_name_is_a_link_in_its_folder_and_a_copy_in_another(tmp_path):
    (tmp_path / 'a').write_bytes(b'new')
    (tmp_path / 'b').write_bytes(b'old')
    (tmp_path / 'folder').mkdir()
    link_whole(tmp_path / 'a', tmp_path / 'b')
    link_whole(tmp_path / 'a', tmp_path / 'folder/c')
    link_whole(tmp_path / 'a', tmp_path / 'b')  # it is that already
    assert (tmp_path / 'b').samefile(tmp_path / 'a')
    assert not (tmp_path / 'folder/c').samefile(tmp_path / 'a')
    assert (tmp_path / 'folder/c').read_bytes() == b'new'
    assert sorted(os.listdir(tmp_path)) == ['a', 'b', 'folder']


def test_where_links_cannot_be_made_the_second_name_is_a_copy(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EPERM, 'Operation not permitted')

    monkeypatch.setattr(os, 'link', refuse)
    (tmp_path / 'a').write_bytes(b'new')
    link_whole(tmp_path / 'a', tmp_path / 'b')
    assert (tmp_path / 'b').read_bytes() == b'new'
    assert not (tmp_path / 'b').samefile(tmp_path / 'a')


def test_parts_of_a_killed_writer_are_removed_and_nothing_else(tmp_path):
    for name in ('b.pth.part', 'a.json.part', 'a.json'):
        (tmp_path / name).touch()
    (tmp_path / 'set.part').mkdir()
    assert remove_parts(tmp_path) == ['a.json.part', 'b.pth.part']
    assert sorted(os.listdir(tmp_path)) == ['a.json', 'set.part']


@pytest.mark.slow
def test_a_lock_keeps_others_out_until_its_owner_is_dead(tmp_path):
    def hold() -> None:
        with locked(tmp_path):
            (tmp_path / 'held').touch()
            time.sleep(60)

    owner = start(hold, tmp_path / 'log')
    try:
        while not (tmp_path / 'held').exists():
            time.sleep(0.01)
        told = rf'is in use by process {owner} on .*--work-dir'
        with pytest.raises(FileExistsError, match=told), locked(tmp_path):
            pass
    finally:
        os.kill(owner, signal.SIGKILL)
        end_of(owner)
    with locked(tmp_path):
        assert str(os.getpid()) in (tmp_path / '.lock').read_text()


def test_a_folder_that_cannot_be_locked_is_told_and_used(tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError(errno.ENOLCK, 'No locks available')

    told = []
    monkeypatch.setattr(fcntl, 'lockf', refuse)
    monkeypatch.setattr(files, 'print_log', lambda text, *args: told.append(text))
    with locked(tmp_path):
        pass
    assert 'cannot be locked ([Errno 37]' in told[0]
