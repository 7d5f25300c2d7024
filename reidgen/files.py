"""Atomic writing, whole-file hashes, and stamps that identify the files of a folder."""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

LOCK = '.lock'  # in a folder that one process at a time writes into
FIX = 'make room or give another folder'


@contextlib.contextmanager
def written_whole(path: str | Path, fix: str = FIX) -> Iterator[Path]:
    """Context with the path of a file `<name>.part`, renamed to `path` at its end.

    A kill or a power failure leaves the old file, the new one or none, never half of one, and a
    reader that lists pictures by suffix does not see the part.

    Args:
        fix: what the user can do where writing fails, the end of the error.

    Raises:
        OSError: the disk is full or the folder not writable (torch and faiss report that as a
            RuntimeError); nothing of the new file is left.
    """
    path = Path(path)
    part = path.with_name(f'{path.name}.part')
    try:
        yield part
        with open(part, 'rb') as written:
            os.fsync(written.fileno())
        os.replace(part, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if not isinstance(error, OSError | RuntimeError):
            raise
        told = OSError(f'could not write {path}: {error}{_free_space(path.parent)}; {fix}')
        told.errno = getattr(error, 'errno', None)
        raise told from error


def _free_space(folder: Path) -> str:
    try:
        return f' ({shutil.disk_usage(folder).free / 1e6:,.0f} MB are free there)'
    except OSError:  # the folder itself is gone
        return ''


def link_whole(source: str | Path, path: str | Path, fix: str = FIX) -> None:
    """Gives a file a second name atomically: a hard link, or a copy where links cannot be made.

    A file of another folder is copied, so that it stays independent.

    Raises:
        OSError: as `written_whole`.
    """
    source, path = Path(source), Path(path)
    if path.exists() and os.path.samefile(source, path):
        return
    with written_whole(path, fix) as part:
        part.unlink(missing_ok=True)
        if source.resolve().parent == path.resolve().parent:
            with contextlib.suppress(OSError):  # a file system without hard links
                os.link(source, part)
        if not part.exists():
            shutil.copyfile(source, part)


def remove_parts(folder: str | Path) -> list[str]:
    """Removes the `*.part` files that a killed writer left in a folder; their names, in order.

    Only for a folder that nobody else writes into.
    """
    found = sorted(path for path in Path(folder).glob('*.part') if path.is_file())
    for path in found:
        path.unlink()
    return [path.name for path in found]


def write_bytes(path: str | Path, data: bytes | memoryview, fix: str = FIX) -> None:
    """Writes bytes atomically; raises as `written_whole`."""
    with written_whole(path, fix) as part, open(part, 'wb') as file:
        file.write(data)


def write_text(path: str | Path, text: str, fix: str = FIX) -> None:
    """Writes UTF-8 atomically; raises as `written_whole`."""
    write_bytes(path, text.encode(), fix)


def write_json(path: str | Path, content: Any, compact: bool = False, fix: str = FIX) -> None:
    """Writes JSON atomically; raises as `written_whole`.

    Args:
        compact: on one line without spaces, for large files; otherwise indented by one space.
    """
    options = dict(separators=(',', ':')) if compact else dict(indent=1)
    write_text(path, json.dumps(content, **options), fix)


@contextlib.contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Context in which no other process enters for the same folder.

    The system releases the lock when its owner ends, however that happens; worker processes do not
    inherit it (POSIX record lock).

    Raises:
        FileExistsError: another process has it; names that process.
    """
    path = Path(folder, LOCK)
    with open(path, 'a+') as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise FileExistsError(
                f'{folder} is in use by {file.read().strip() or "another process"}: wait for it, '
                f'end it, or give another --work-dir'
            ) from error
        except OSError as error:  # a network file system without locks
            text = f'{folder} cannot be locked ({error}): start one training there at a time'
            print_log(text, 'current', logging.WARNING)
        file.truncate(0)
        file.write(f'process {os.getpid()} on {socket.gethostname()}\n')
        file.flush()
        yield


def read_json(data: str | bytes) -> Any:
    """Value of a JSON text, for files of unknown origin.

    Raises:
        ValueError: it is no JSON or no Unicode; it is nested without end, or a whole number in it
            has thousands of digits; an object has a key twice, of which Python keeps the last.
    """
    try:
        return json.loads(data, object_pairs_hook=_each_once)
    except RecursionError as error:
        raise ValueError('lists or objects in one another without end') from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f'{key} is there twice')
        found[key] = value
    return found


def sha256_of(path: str | Path) -> str:
    """SHA-256 hex digest of a file."""
    with open(Path(path).expanduser(), 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def check_stamp(path: Path, stamp: dict, what: str, begun: bool, write: bool = True) -> None:
    """Writes the stamp of an incrementally filled folder, or checks the existing one.

    Args:
        path: of the stamp, in the folder.
        stamp: of what the files are made; plain JSON values.
        what: the files, for the error: 'pictures'.
        begun: there are such files in the folder.
        write: False in processes that leave writing to another.

    Raises:
        ValueError: the folder holds files without a stamp, with a damaged or with another one.
    """
    try:
        found = read_json(path.read_bytes()) if path.exists() else None
    except ValueError as error:
        raise ValueError(
            f'{path} is damaged ({error}), so what made the {what} beside it is not known; '
            f'delete the folder or choose another'
        ) from error
    if found is None and begun:
        raise ValueError(f'{path.parent} holds {what} and no {path.name}; choose an empty folder')
    if found is not None and found != json.loads(json.dumps(stamp)):
        raise ValueError(
            f'{path.parent} holds {what} by {found}, this is {stamp}; delete the folder or '
            f'choose another'
        )
    if found is None and write:
        write_json(path, stamp)
