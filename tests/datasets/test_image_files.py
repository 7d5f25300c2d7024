import os

import pytest
from PIL import Image

from reidgen.datasets import image_files
from reidgen.datasets.image_files import find_corrupt, list_images, read_grey, read_rgb


def test_listing_is_sorted_and_passes_over_hidden_and_other_files(tmp_path, draw_image):
    for name in ('b.PNG', 'a.jpg', '._a.jpg', 'sub/c.jpg'):
        draw_image(tmp_path / name)
    (tmp_path / 'notes.txt').write_text('no image')
    assert [path.name for path in list_images(tmp_path)] == ['a.jpg', 'b.PNG']
    below = [path.name for path in list_images(tmp_path, recursive=True)]
    assert below == ['a.jpg', 'b.PNG', 'c.jpg']


def test_pixels_are_rgb_with_channels_first(tmp_path):
    Image.new('RGB', (3, 2), (10, 20, 30)).save(tmp_path / 'a.png')
    image = read_rgb(tmp_path / 'a.png')
    assert image.shape == (3, 2, 3)
    assert image[:, 1, 2].tolist() == [10, 20, 30]
    Image.new('L', (3, 2), 77).save(tmp_path / 'grey.png')
    assert read_rgb(tmp_path / 'grey.png')[:, 0, 0].tolist() == [77, 77, 77]
    assert read_grey(tmp_path / 'grey.png').shape == (1, 2, 3)


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
