"""Damage to bytes and files, whatever is in them."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

POINTER = (
    b'version https://git-lfs.github.com/spec/v1\n'
    b'oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n'
)
PAGE = b'<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n'


def truncated(data: bytes, rng: Random) -> bytes:
    return data[: rng.randrange(len(data))]


def flipped(data: bytes, rng: Random, count: int | None = None) -> bytes:
    """Data with one to sixteen bits flipped."""
    changed = bytearray(data)
    for _ in range(count or 2 ** rng.randrange(5)):
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def zeroed(data: bytes, rng: Random) -> bytes:
    """Data with zeros from somewhere to the end, as after a power failure."""
    start = rng.randrange(len(data))
    return data[:start] + bytes(len(data) - start)


def with_junk(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.randbytes(rng.randrange(1, 64)) + data[at:]


def lacking(data: bytes, rng: Random) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randrange(1, 64) :]


def doubled(data: bytes, rng: Random) -> bytes:
    return data + data


BYTES: dict[str, Callable[[bytes, Random], bytes]] = {
    'cut short': truncated,
    'bits flipped': flipped,
    'zeros to the end': zeroed,
    'bytes put in': with_junk,
    'bytes taken out': lacking,
    'all zeros': lambda data, rng: bytes(len(data)),
    'empty': lambda data, rng: b'',
    'random bytes': lambda data, rng: rng.randbytes(len(data)),
    'a web page': lambda data, rng: PAGE,
    'a pointer of git-lfs': lambda data, rng: POINTER,
    'gzipped': lambda data, rng: gzip.compress(data, mtime=0),
}


def damage_bytes(path: Path, how: str, seed: int) -> None:
    """Damages the content of a file by a name of BYTES."""
    path.write_bytes(BYTES[how](path.read_bytes(), Random(seed)))


def _link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def _folder_with_file(path: Path) -> None:
    path.mkdir()
    (path / 'notes.txt').write_text('no picture')


# what can stand under a file's name that is no file
ENTRIES: dict[str, Callable[[Path], None]] = {
    'a pipe': os.mkfifo,
    'an empty folder': Path.mkdir,
    'a folder with a file': _folder_with_file,
    'a link to itself': lambda path: path.symlink_to(path.name),
    'a link to nowhere': _link('nowhere'),
    'a link to its folder': _link('.'),
    'a link to /dev/zero': _link('/dev/zero'),
    'a link to /dev/null': _link('/dev/null'),
}


def replace_entry(path: Path, how: str) -> None:
    """Replaces a file by a name of ENTRIES."""
    path.unlink(missing_ok=True)
    ENTRIES[how](path)
