import json
import os
import shutil

import cv2
import numpy as np
import pytest

from reidgen.synthetic import check_files, read_manifest, reference_difference
from reidgen.synthetic.manifest import NAME, differ, fingerprint

pytestmark = pytest.mark.slow


@pytest.fixture
def copied(rendered, tmp_path):
    return shutil.copytree(rendered, tmp_path / 'copy')


def jpeg(pixels: np.ndarray, quality: int = 90) -> bytes:
    return cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def person(folder):
    return sorted((folder / 'bounding_box_train').iterdir())[0]


def test_fingerprint_holds_block_means_in_order():
    pixels = np.zeros((128, 64, 3), np.uint8)
    pixels[16:32, 48:] = 200  # second row of blocks, last of four
    means = np.frombuffer(bytes.fromhex(fingerprint(jpeg(pixels, 100), 'a.jpg')), np.uint8)
    expected = np.zeros(32)
    expected[7] = 200
    np.testing.assert_allclose(means, expected, atol=1)


def test_rounding_and_another_encoder_are_tolerated(rendered):
    data = person(rendered).read_bytes()
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    original = fingerprint(data, 'a.jpg')
    assert not differ(original, fingerprint(jpeg(pixels, 75), 'a.jpg'))
    noise = np.random.default_rng(0).integers(-2, 3, pixels.shape)
    moved = np.clip(pixels.astype(int) + noise, 0, 255).astype(np.uint8)
    assert not differ(original, fingerprint(jpeg(moved, 95), 'a.jpg'))


def test_a_finished_rendering_agrees_with_its_manifest(rendered):
    check_files(rendered, read_manifest(rendered), 'all')


def test_a_changed_block_of_pixels_is_found(copied):
    path = person(copied)
    pixels = cv2.imread(str(path))
    pixels[40:48, 20:28] = 255 - pixels[40:48, 20:28] // 4
    path.write_bytes(jpeg(pixels))
    with pytest.raises(ValueError, match=f'{path.name} is not what was rendered'):
        check_files(copied, read_manifest(copied), 'all')
    check_files(copied, read_manifest(copied), 'none')


def test_one_changed_label_of_a_part_mask_is_found(copied):
    path = sorted((copied / 'parts').iterdir())[0]
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    pixels[0, 0] = 3
    cv2.imwrite(str(path), pixels)
    with pytest.raises(ValueError, match=r'parts/.* is not what was rendered'):
        check_files(copied, read_manifest(copied), 'all')


def test_a_truncated_file_is_found(copied):
    path = sorted((copied / 'mask').iterdir())[0]
    path.write_bytes(b'')
    with pytest.raises(ValueError, match=f'{path.name} is not what was rendered'):
        check_files(copied, read_manifest(copied), 'all')


def test_missing_and_foreign_files_are_found_by_a_sample(copied):
    path = person(copied)
    path.rename(path.with_name('0009_c1s1_000001_01.jpg'))
    with pytest.raises(ValueError, match='2 files are not those') as raised:
        check_files(copied, read_manifest(copied))
    assert f'{path.name} is missing' in str(raised.value)
    assert '0009_c1s1_000001_01.jpg does not belong here' in str(raised.value)
    assert 'Delete' in str(raised.value)


def test_a_sample_is_drawn_anew_each_time(copied, monkeypatch):
    monkeypatch.setattr('reidgen.synthetic.manifest.NUM_SAMPLED', 3)
    path = person(copied)
    path.write_bytes(jpeg(np.zeros((128, 64, 3), np.uint8)))
    manifest, found = read_manifest(copied), []
    for seed in range(120):
        try:
            check_files(copied, manifest, rng=np.random.default_rng(seed))
        except ValueError:
            found.append(seed)
    assert 0 < len(found) < 60


def test_a_damaged_manifest_says_what_to_delete(copied):
    (copied / NAME).write_text('{"version"')
    with pytest.raises(ValueError, match=r'is damaged .* delete'):
        read_manifest(copied)


@pytest.mark.parametrize(
    'key, value, told',
    [
        ('files', {'query/a.jpg': 'zz'}, 'the fingerprint of query/a.jpg is'),
        ('splits', {'train': [1, 2]}, 'they are train, query, gallery'),
        ('maps', 1, 'maps is 1, not a bool'),
        ('num_images', None, 'num_images is None'),
    ],
)
def test_a_manifest_of_another_form_is_damaged(rendered, tmp_path, key, value, told):
    content = json.loads((rendered / NAME).read_text())
    (tmp_path / NAME).write_text(json.dumps(content | {key: value}))
    with pytest.raises(ValueError, match=rf'manifest.json is damaged \(.*{told}.*delete'):
        read_manifest(tmp_path)


def test_a_pipe_in_place_of_a_picture_is_found_and_not_waited_for(copied):
    path = person(copied)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ValueError, match=f'{path.name} is no file'):
        check_files(copied, read_manifest(copied), 'all')


def test_unknown_checks_are_refused(rendered):
    with pytest.raises(ValueError, match="check is 'some'; it must be one of none, sample, all"):
        check_files(rendered, read_manifest(rendered), 'some')


def test_pictures_of_another_renderer_differ_from_the_reference(rendered):
    manifest = read_manifest(rendered)
    # four people are not the twenty of 'tiny'
    assert 'are not those of synth-1.0' in reference_difference(manifest)
    assert 'synth-0.9' in reference_difference({**manifest, 'version': 'synth-0.9'})
