import pytest
from PIL import Image

from reidgen.cli.demo import gallery
from reidgen.datasets.image_files import EXIF_ORIENTATION
from reidgen.datasets.scenes import warn_of_scenes
from reidgen.retrieval import open_images


def draw(folder, name, size, orientation=1):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    Image.new('RGB', size).save(folder / name, exif=exif)
    return folder / name


def test_a_warning_tells_that_most_pictures_are_scenes(tmp_path, log):
    wide = [draw(tmp_path, f'{n}.jpg', (60, 40)) for n in range(3)]
    warn_of_scenes([*wide, draw(tmp_path, '3.jpg', (40, 60))], tmp_path)
    (record,) = log.records
    assert record.levelname == 'WARNING'
    assert record.getMessage().startswith(
        f'{tmp_path}: 3 of 4 pictures are wider than high, the first {wide[0]}. Whole scenes?'
    )


def test_upright_pictures_and_what_is_none_are_passed_over(tmp_path, log):
    (tmp_path / 'text.jpg').write_text('no picture')
    turned = draw(tmp_path, 'turned.jpg', (60, 40), orientation=6)
    lying = draw(tmp_path, 'lying.jpg', (60, 40))
    warn_of_scenes([tmp_path / 'text.jpg', tmp_path / 'none.jpg', turned, lying], tmp_path)
    warn_of_scenes([draw(tmp_path, 'high.jpg', (40, 60)), lying], tmp_path)  # half of them
    assert log.records == []


@pytest.mark.parametrize('opened', [lambda path: open_images(path, []), gallery])
def test_folders_to_extract_translate_and_show_are_looked_at(opened, tmp_path, log):
    draw(tmp_path, 'lying.jpg', (60, 40))
    opened(tmp_path)
    assert 'Whole scenes?' in log.text
