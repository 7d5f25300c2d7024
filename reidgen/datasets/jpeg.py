"""Decoding of ordinary JPEG files by OpenCV, to the pixels that Pillow gives, in a quarter of the
time."""

import functools
import io
import re

import cv2
import numpy as np
from PIL import Image

from reidgen.datasets.log_once import log_once

START, END = b'\xff\xd8\xff', b'\xff\xd9'
# markers of a file without EXIF, colour profile, Adobe's colours or several pictures: JFIF's head,
# tables, restarts, comments (ITU-T T.81, table B.1)
TABLES = frozenset((0xE0, 0xDB, 0xC4, 0xDD, 0xFE))
BASELINE, SCAN = 0xC0, 0xDA
# what has no business among the pixels, where bytes 0xFF are followed by 0 or number a restart;
# OpenCV would hand out what it read before an error behind them
MARKER = re.compile(rb'\xff[^\x00\xd0-\xd7]')
MODES = {'RGB': (1, 3), 'L': (1,)}  # mode -> numbers of components that both read alike


def decode_jpeg(data: bytes, mode: str) -> np.ndarray | None:
    """Pixels (H, W, 3) or (H, W) uint8 of a JPEG file's bytes, equal to Pillow's to the last bit.

    Args:
        mode: 'RGB' or 'L', Pillow's letters for luma.

    Returns:
        None for whatever Pillow has to judge: no JPEG, cut short, damaged, with EXIF, several
        scans, too many pixels, colours other than YCbCr and grey; everything, where the two differ.
    """
    if not data.startswith(START) or not data.endswith(END):
        return None
    height, width, components = frame_of(data)
    limit = Image.MAX_IMAGE_PIXELS
    too_large = limit is not None and height * width > limit
    if components not in MODES[mode] or too_large or not opencv_is_pillow():
        return None
    return _by_opencv(data, mode)


def frame_of(data: bytes) -> tuple[int, int, int]:
    """Height, width and number of components of an ordinary JPEG, baseline and in one scan;
    (0, 0, 0) for any other."""
    frame, place = (0, 0, 0), 2
    while place + 9 < len(data):
        if data[place] != 0xFF:
            break
        marker = data[place + 1]
        if marker == SCAN:
            found = MARKER.search(data, place + 2)
            return frame if found and found.start() == len(data) - 2 else (0, 0, 0)
        if marker == BASELINE:
            eight_bits = data[place + 4] == 8
            height = data[place + 5] << 8 | data[place + 6]
            width = data[place + 7] << 8 | data[place + 8]
            frame = (height, width, data[place + 9]) if eight_bits else (0, 0, 0)
        elif marker not in TABLES:
            break
        place += 2 + (data[place + 2] << 8 | data[place + 3])
    return 0, 0, 0


@functools.cache
def opencv_is_pillow() -> bool:
    """Whether OpenCV and Pillow decode JPEG to equal pixels here; told in the log if not.

    They do where both have libjpeg-turbo. Checked on noise, with and without subsampled colours.
    """
    noise = np.random.default_rng(0).integers(256, size=(37, 29, 3), dtype=np.uint8)
    files: list[tuple[np.ndarray, str, dict]] = [(noise[..., 0], 'L', {})]
    files += [(noise, 'RGB', dict(subsampling=way)) for way in ('4:4:4', '4:2:2', '4:2:0')]
    for pixels, mode, options in files:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, 'JPEG', **options)
        ours = _by_opencv(file.getvalue(), mode)
        if ours is None or not np.array_equal(ours, np.asarray(Image.open(file))):
            log_once(
                f'OpenCV {cv2.__version__} decodes JPEG to other pixels than Pillow here; Pillow '
                f'reads the images, which takes longer'
            )
            return False
    return True


def _by_opencv(data: bytes, mode: str) -> np.ndarray | None:
    flag = cv2.IMREAD_GRAYSCALE if mode == 'L' else cv2.IMREAD_COLOR
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    if pixels is None or mode == 'L':
        return pixels
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, pixels)
