"""Pictures whose content is damaged, of an unusual kind, or made to harm."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from .case import Case
from .damage import BYTES
from .datasets import LAYOUTS, encoded, open_dataset, picture, rows, same_labels, write_dataset

SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp')
LAYOUT = LAYOUTS['Market-1501']
VICTIM = '0002_c2s1_000801_01'
READERS = {
    'checked when opened': {},
    'met when read': dict(check_images=False),
    'left out': dict(skip_corrupt=True),
}


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png(width: int, height: int, depth: int = 8, kind: int = 2, data: bytes = b'') -> bytes:
    """PNG whose head says a size and kind of pixels, with whatever data."""
    head = struct.pack('>IIBBBBB', width, height, depth, kind, 0, 0, 0)
    body = _chunk(b'IHDR', head) + _chunk(b'IDAT', zlib.compress(data)) + _chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + body


def with_chunk(data: bytes, kind: bytes, content: bytes) -> bytes:
    """PNG with one more chunk behind its head."""
    return data[:33] + _chunk(kind, content) + data[33:]


def _resized_jpeg(width: int, height: int) -> bytes:
    """JPEG whose head says another size."""
    data = bytearray(picture(VICTIM))
    at = data.index(b'\xff\xc0') + 5
    data[at : at + 4] = struct.pack('>HH', height, width)
    return bytes(data)


def _with_exif(exif: bytes) -> bytes:
    return encoded(Image.open(io.BytesIO(picture(VICTIM))), '.jpg', exif=exif)


def in_mode(mode: str) -> bytes:
    """Grey picture in a mode of Pillow, in a format that has it."""
    suffix = FORMAT_OF.get(mode, '.png')
    grey = np.random.default_rng(0).integers(0, 256, (16, 8), dtype=np.uint8)
    if mode == 'I;16':
        return encoded(Image.fromarray(grey.astype(np.uint16) * 257), suffix)
    if mode in ('I', 'F'):
        kind = np.int32 if mode == 'I' else np.float32
        return encoded(Image.fromarray(grey.astype(kind)), suffix)
    return encoded(Image.fromarray(grey).convert(mode), suffix)


MADE: dict[str, Callable[[Random], bytes]] = {
    'PNG of 60000 x 60000': lambda rng: png(60000, 60000),
    'PNG of 12000 x 12000': lambda rng: png(12000, 12000),
    'PNG of 2^31 pixels a line': lambda rng: png(2**31 - 1, 1),
    'PNG without pixels': lambda rng: png(0, 0),
    'PNG of an unknown depth': lambda rng: png(8, 16, depth=rng.randrange(256)),
    'PNG of an unknown kind': lambda rng: png(8, 16, kind=rng.randrange(256)),
    'PNG without data': lambda rng: png(8, 16),
    'PNG with a text that grows': lambda rng: with_chunk(
        picture(VICTIM, '.png'), b'zTXt', b'a\0\0' + zlib.compress(bytes(1 << 27))
    ),
    'PNG with a profile that grows': lambda rng: with_chunk(
        picture(VICTIM, '.png'), b'iCCP', b'a\0\0' + zlib.compress(bytes(1 << 27))
    ),
    'PNG with any chunk': lambda rng: with_chunk(
        picture(VICTIM, '.png'),
        rng.choice((b'tRNS', b'PLTE', b'eXIf', b'iTXt', b'acTL', b'fcTL', b'gAMA', b'pHYs')),
        rng.randbytes(rng.randrange(40)),
    ),
    'JPEG of 65535 x 65535': lambda rng: _resized_jpeg(65535, 65535),
    'JPEG of 0 x 0': lambda rng: _resized_jpeg(0, 0),
    'JPEG of 800 x 9': lambda rng: _resized_jpeg(800, 9),
    'EXIF of random bytes': lambda rng: _with_exif(b'Exif\0\0' + rng.randbytes(64)),
    'EXIF that begins well': lambda rng: _with_exif(
        b'Exif\0\0II*\0\x08\0\0\0' + rng.randbytes(rng.randrange(60))
    ),
    'EXIF orientation of any kind': lambda rng: _with_exif(
        b'Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01'
        + struct.pack('<HII', rng.randrange(14), rng.choice((0, 1, 2, 10**9)), rng.randrange(99))
        + bytes(4)
    ),
    'TIFF': lambda rng: encoded(Image.open(io.BytesIO(picture(VICTIM))), '.tiff'),
    'GIF': lambda rng: encoded(Image.open(io.BytesIO(picture(VICTIM))), '.gif'),
    'ICO': lambda rng: encoded(Image.open(io.BytesIO(picture(VICTIM))), '.ico'),
    'PPM': lambda rng: encoded(Image.open(io.BytesIO(picture(VICTIM))), '.ppm'),
    'JPEG 2000': lambda rng: encoded(Image.open(io.BytesIO(picture(VICTIM))), '.jp2'),
    'PPM of 99999 x 99999': lambda rng: b'P6 99999 99999 255\n' + bytes(99),
    'one byte': lambda rng: rng.randbytes(1),
    'the first 2 bytes of a JPEG': lambda rng: b'\xff\xd8',
    'EPS': lambda rng: b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\n',
}
MODES = ('L', 'LA', 'P', 'RGBA', '1', 'I;16', 'I', 'F', 'CMYK', 'YCbCr')
FORMAT_OF = {'I': '.tiff', 'F': '.tiff', 'CMYK': '.jpg', 'YCbCr': '.jpg'}


def case(rng: Random) -> Case:
    """Damage to the content of one picture."""
    suffix, kind = rng.choice(SUFFIXES), rng.random()
    if kind < 0.6:
        how, seed = rng.choice(list(BYTES)), rng.getrandbits(32)
        data = BYTES[how](picture(VICTIM, suffix), Random(seed))
        name = f'{suffix}: {how} (seed {seed})'
    elif kind < 0.9:
        how, seed = rng.choice(list(MADE)), rng.getrandbits(32)
        data, name = MADE[how](Random(seed)), f'{how} as {suffix} (seed {seed})'
    else:
        mode = rng.choice(MODES)
        data, name = in_mode(mode), f'mode {mode} as {suffix}'
    reader = rng.choice(list(READERS))

    def damage(root: Path) -> None:
        (root / 'bounding_box_train' / f'{VICTIM}{suffix}').write_bytes(data)

    def read(root: Path) -> list[tuple]:
        return rows(open_dataset(root, LAYOUT, 'train', **READERS[reader]), root)

    return Case(
        name=f'{name}, {reader}',
        world=suffix,
        build=lambda root: write_dataset(root, LAYOUT, suffix),
        damage=damage,
        read=read,
        names=(VICTIM,),
        harmless=same_labels,
    )
