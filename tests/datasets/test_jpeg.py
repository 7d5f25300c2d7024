import io
import random

import numpy as np
import pytest
from PIL import Image

from reidgen.datasets import jpeg
from reidgen.datasets.image_files import EXIF_ORIENTATION, load_upright, read_grey, read_rgb


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    pixels = np.random.default_rng(1).integers(256, size=(height, width, channels), dtype=np.uint8)
    return pixels if channels > 1 else pixels[..., 0]


def file_of(pixels: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, 'JPEG', **options)
    return file.getvalue()


@pytest.mark.parametrize(
    'options',
    [
        dict(subsampling='4:4:4', quality=95),
        dict(subsampling='4:2:2'),
        dict(subsampling='4:2:0', quality=30),
        dict(restart_marker_blocks=3, comment=b'a remark'),
    ],
)
@pytest.mark.parametrize('size', [(1, 1), (128, 64), (33, 17)])
def test_ordinary_files_are_decoded_to_pillows_pixels(size, options):
    data = file_of(noise(*size), **options)
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert jpeg.frame_of(data) == (*size, 3)
    assert np.array_equal(jpeg.decode_jpeg(data, 'RGB'), expected)
    assert jpeg.decode_jpeg(data, 'L') is None  # Pillow makes luma of red, green and blue


def test_grey_files_are_read_as_grey_and_as_colours():
    data = file_of(noise(9, 7, 1))
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(jpeg.decode_jpeg(data, 'L'), expected)
    assert np.array_equal(jpeg.decode_jpeg(data, 'RGB'), np.stack([expected] * 3, 2))


def turned() -> dict:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    return dict(exif=exif)


def test_files_that_pillow_has_to_judge_are_left_to_it(monkeypatch):
    data = file_of(noise(12, 8))
    cmyk = io.BytesIO()
    Image.fromarray(noise(12, 8)).convert('CMYK').save(cmyk, 'JPEG')
    for judged in (
        data[:-2],  # without its end
        data + b'\0',
        b'',
        data[:30] + jpeg.END,
        file_of(noise(12, 8), **turned()),
        file_of(noise(12, 8), progressive=True),
        file_of(noise(12, 8), icc_profile=b'profile'),
        cmyk.getvalue(),
    ):
        assert jpeg.decode_jpeg(judged, 'RGB') is None
    assert jpeg.decode_jpeg(data, 'RGB') is not None
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 95)
    assert jpeg.decode_jpeg(data, 'RGB') is None


def test_where_the_decoders_differ_pillow_reads_and_the_log_says_so(tmp_path, monkeypatch, log):
    def brighter(data: bytes, mode: str) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(data))) | 1

    (tmp_path / 'a.jpg').write_bytes(file_of(noise(12, 8)))
    expected = read_rgb(tmp_path / 'a.jpg')
    monkeypatch.setattr(jpeg, '_by_opencv', brighter)
    jpeg.opencv_is_pillow.cache_clear()
    try:
        assert read_rgb(tmp_path / 'a.jpg').equal(expected)
        assert 'decodes JPEG to other pixels than Pillow here' in log.records[-1].message
    finally:
        jpeg.opencv_is_pillow.cache_clear()


def verdict(read, path) -> np.ndarray | type:
    try:
        return np.asarray(read(path))
    except OSError:
        return OSError


@pytest.mark.filterwarnings('ignore:.*EXIF.*')
def test_damaged_files_get_pillows_verdict_and_pixels(tmp_path):
    draw = random.Random(0)
    path, good = tmp_path / 'a.jpg', file_of(noise(24, 16), quality=50)
    errors = 0
    for _ in range(150):
        data = bytearray(good)
        for _ in range(draw.choice((1, 1, 3))):
            data[draw.randrange(2, len(data))] = draw.randrange(256)
        if draw.random() < 0.3:  # bytes lost within
            start = draw.randrange(2, len(data))
            del data[start : start + draw.randrange(1, 40)]
        path.write_bytes(data)
        found = verdict(read_rgb, path)
        expected = verdict(pillows, path)
        errors += expected is OSError
        assert np.array_equal(found, expected)
    assert 10 < errors < 140


def pillows(path) -> np.ndarray:
    try:
        return np.asarray(load_upright(path).convert('RGB')).transpose(2, 0, 1)
    except (SyntaxError, ValueError, EOFError) as error:
        raise OSError(str(error)) from error


def test_grey_is_read_of_a_file_in_either_way(tmp_path):
    (tmp_path / 'grey.jpg').write_bytes(file_of(noise(9, 7, 1)))
    (tmp_path / 'colour.jpg').write_bytes(file_of(noise(9, 7)))
    for name in ('grey.jpg', 'colour.jpg'):
        expected = np.asarray(Image.open(tmp_path / name).convert('L'))
        assert np.array_equal(read_grey(tmp_path / name).numpy(), expected[None])
