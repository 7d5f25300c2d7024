import os
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from reidgen.datasets import image_files
from reidgen.datasets.image_files import find_corrupt, list_images, read_grey, read_rgb, scan_images


def test_listing_is_sorted_and_counts_what_is_no_image(tmp_path, draw_image, log):
    for name in ('b.PNG', 'a.jpg', '._a.jpg', 'sub/c.jpg', '.ipynb_checkpoints/a.jpg'):
        draw_image(tmp_path / name)
    for folder in ('@eaDir', '__MACOSX', 'sub/.thumbnails'):
        draw_image(tmp_path / folder / 'a.jpg')
    for name in ('notes.txt', 'LIST.TXT', 'README', 'sub/.DS_Store'):
        (tmp_path / name).write_text('no image')
    images, left_out = scan_images(tmp_path, recursive=True)
    assert [path.relative_to(tmp_path).as_posix() for path in images] == [
        'a.jpg',
        'b.PNG',
        'sub/c.jpg',
    ]
    assert left_out == {
        '.txt files': 2,
        'files without suffix': 1,
        'hidden files': 2,
        'hidden folders': 2,
        '@eaDir folders': 1,
        '__MACOSX folders': 1,
    }
    for _ in range(2):
        assert [path.name for path in list_images(tmp_path)] == ['a.jpg', 'b.PNG']
    assert [each.message for each in log.records] == [
        f'{tmp_path}: 2 images; left out: .txt files: 2, @eaDir folders: 1, __MACOSX folders: 1, '
        f'files without suffix: 1, hidden files: 1, hidden folders: 1, sub-folders: 1'
    ]


def test_links_to_folders_are_counted_and_may_lead_in_circles(tmp_path, draw_image):
    picture = draw_image(tmp_path / 'here/a.jpg')
    draw_image(tmp_path / 'there/x.jpg')
    (tmp_path / 'here/circle').symlink_to(tmp_path / 'here')
    (tmp_path / 'here/more').symlink_to(tmp_path / 'there')
    (tmp_path / 'here/b.jpg').symlink_to(picture)
    (tmp_path / 'here/gone.jpg').symlink_to(tmp_path / 'nowhere')
    (tmp_path / 'here/itself.jpg').symlink_to(tmp_path / 'here/itself.jpg')
    images, left_out = scan_images(tmp_path / 'here', recursive=True)
    assert [path.name for path in images] == ['a.jpg', 'b.jpg', 'gone.jpg', 'itself.jpg']
    assert left_out == {'links to folders': 2}
    assert list(find_corrupt([str(path) for path in images])) == [str(each) for each in images[2:]]
    (tmp_path / 'link').symlink_to(tmp_path / 'there')
    assert [path.name for path in list_images(tmp_path / 'link')] == ['x.jpg']


def test_a_folder_without_images_tells_what_it_holds(tmp_path):
    for number in range(20):
        (tmp_path / f'image.{number:03d}').write_bytes(b'')
    with pytest.raises(
        FileNotFoundError, match=r'holds no image .*; left out: \.000 files: 1, .*, others: 12; g'
    ):
        list_images(tmp_path)


@pytest.fixture
def pipe(tmp_path):
    path = tmp_path / 'pipe.jpg'
    os.mkfifo(path)
    return path


def test_a_pipe_is_refused_without_waiting_for_it(pipe, draw_image):
    draw_image(pipe.parent / 'a.jpg')
    folder = pipe.parent / 'folder.jpg'
    folder.mkdir()
    images, left_out = scan_images(pipe.parent)
    assert ([path.name for path in images], left_out['pipes or devices']) == (
        ['a.jpg'],
        1,
    )
    for path in (pipe, folder, '/dev/zero'):
        with pytest.raises(OSError, match=rf'cannot read the image {path}: it is no regular file'):
            read_rgb(path)
        assert 'no regular file' in find_corrupt([str(path)])[str(path)]


def test_pixels_are_rgb_with_channels_first(tmp_path):
    Image.new('RGB', (3, 2), (10, 20, 30)).save(tmp_path / 'a.png')
    image = read_rgb(tmp_path / 'a.png')
    assert image.shape == (3, 2, 3)
    assert image[:, 1, 2].tolist() == [10, 20, 30]
    Image.new('L', (3, 2), 77).save(tmp_path / 'grey.png')
    assert read_rgb(tmp_path / 'grey.png')[:, 0, 0].tolist() == [77, 77, 77]
    assert read_grey(tmp_path / 'grey.png').shape == (1, 2, 3)


@pytest.mark.slow
def test_truncated_and_foreign_files_are_found_and_named(tmp_path, draw_image):
    good = draw_image(tmp_path / 'good.jpg', (64, 32))
    cut = draw_image(tmp_path / 'cut.jpg', (64, 32))
    cut.write_bytes(cut.read_bytes()[:-200])
    text = tmp_path / 'text.jpg'
    text.write_text('not a picture')
    found = find_corrupt([str(good), str(cut), str(text), str(tmp_path / 'gone.jpg')])
    assert list(found) == [str(cut), str(text), str(tmp_path / 'gone.jpg')]
    assert 'truncated' in found[str(cut)]
    with pytest.raises(OSError, match=r'cannot read the image .*cut\.jpg: .*truncated'):
        read_rgb(cut)


def test_a_file_is_decoded_once_until_it_changes(tmp_path, draw_image, monkeypatch):
    path = draw_image(tmp_path / 'a.png')
    decoded = []
    monkeypatch.setattr(image_files, '_decode_reason', lambda path: decoded.append(path) or '')
    find_corrupt([str(path)])
    find_corrupt([str(path)])
    assert len(decoded) == 1
    os.utime(path, ns=(0, 12345))
    find_corrupt([str(path)])
    assert len(decoded) == 2


def write_tiff_16(path, pixels: np.ndarray, order: str) -> None:
    """An uncompressed grey TIFF by hand: Pillow writes one order of bytes alone."""
    height, width = pixels.shape
    tags = [(256, width), (257, height), (258, 16), (259, 1), (262, 1), (273, 8)]
    tags += [(277, 1), (278, height), (279, 2 * height * width)]
    letters = {'<': b'II', '>': b'MM'}[order]
    data = pixels.astype(f'{order}u2').tobytes()
    head = letters + struct.pack(f'{order}HI', 42, 8 + len(data))
    entries = b''.join(struct.pack(f'{order}HHIHH', tag, 3, 1, value, 0) for tag, value in tags)
    end = struct.pack(f'{order}H', len(tags)) + entries + bytes(4)
    path.write_bytes(head + data + end)


@pytest.mark.parametrize('kind', ['png', '<', '>'])
def test_16_bits_are_scaled_to_8_so_that_black_and_white_stay(tmp_path, kind):
    deep = np.array([[0, 128, 129, 257, 32768, 65407, 65406, 65535]], dtype=np.uint16)
    path = tmp_path / 'deep.png'  # what a file holds is told by its first bytes, not by its name
    if kind == 'png':
        Image.fromarray(deep).save(path)
    else:
        write_tiff_16(path, deep, kind)
    # n / 257 to the nearest: 128 / 257 < 1/2, 32768 / 257 = 127.502, 65406 / 257 = 254.498
    expected = [0, 0, 1, 1, 128, 255, 254, 255]
    assert read_grey(path).tolist() == [[expected]]
    assert read_rgb(path).tolist() == [[expected]] * 3
    assert find_corrupt([str(path)]) == {}


@pytest.mark.parametrize('dtype', [np.int32, np.float32])
def test_pixels_whose_range_is_not_known_are_refused(tmp_path, dtype):
    path = tmp_path / 'depth.png'
    Image.fromarray(np.full((2, 2), 300, dtype)).save(path, format='TIFF')
    for read in (read_rgb, read_grey):
        with pytest.raises(OSError, match=r'depth\.png: pixels of .* save it with 8 or 16 bits'):
            read(path)
    assert 'black and white' in find_corrupt([str(path)])[str(path)]


# where the first row and the first column of what is stored are in the scene (EXIF 2.3, 4.6.4 A)
SCENE = {
    1: ('top', 'left'),
    2: ('top', 'right'),
    3: ('bottom', 'right'),
    4: ('bottom', 'left'),
    5: ('left', 'top'),
    6: ('right', 'top'),
    7: ('right', 'bottom'),
    8: ('left', 'bottom'),
}


@pytest.mark.parametrize('orientation', [*SCENE, 0, 9])
@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp'])
def test_a_rotated_photograph_is_read_upright(tmp_path, suffix, orientation):
    stored = np.zeros((16, 32, 3), dtype=np.uint8)
    stored[:8, :16] = 255  # where the first row and the first column meet
    image, path = Image.fromarray(stored), tmp_path / f'a{suffix}'
    exif = image.getexif()
    exif[274] = orientation
    image.save(path, exif=exif, **({'lossless': True} if suffix == '.webp' else {}))
    sides = SCENE.get(orientation, SCENE[1])
    grey = read_grey(path)[0]
    assert tuple(grey.shape) == ((16, 32) if sides[0] in ('top', 'bottom') else (32, 16))
    height, width = grey.shape
    rows = slice(0, height // 2) if 'top' in sides else slice(height // 2, None)
    columns = slice(0, width // 2) if 'left' in sides else slice(width // 2, None)
    assert grey[rows, columns].float().mean() > 250
    assert grey.float().mean() < 70
    assert torch.equal(read_rgb(path)[0] > 128, grey > 128)


def png_head(width: int, height: int) -> bytes:
    """A PNG of that size whose pixels are missing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
        )

    size = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', size) + chunk(b'IDAT', zlib.compress(b''))


@pytest.mark.parametrize('size', [(9500, 9500), (60000, 60000)])
@pytest.mark.filterwarnings('ignore::PIL.Image.DecompressionBombWarning')
def test_a_decompression_bomb_is_refused_with_the_limit(size, tmp_path):
    path = tmp_path / 'bomb.png'
    path.write_bytes(png_head(*size))
    with pytest.raises(OSError, match=r'bomb\.png: it has .*MAX_IMAGE_PIXELS = 89,478,485.*shrink'):
        read_rgb(path)
    assert 'MAX_IMAGE_PIXELS' in find_corrupt([str(path)])[str(path)]
