"""Translators, and the data sets that translate_dataset writes with them."""

from pathlib import Path

import pytest
import torch

from reidgen.datasets import ShapesReID
from reidgen.datasets.image_files import read_rgb
from reidgen.engine.translation import ModelTranslator, translate_dataset
from reidgen.models import AdversarialModel


class Inverted:
    """A translator that inverts the colours and adds the style."""

    stamp = dict(name='inverted')

    def __call__(self, raw, style: int) -> torch.Tensor:
        return (255 - raw.img).permute(0, 2, 3, 1) // 2 + style


class Darker(AdversarialModel):
    """Translates by a shift of the normalised image; only in eval mode."""

    def __init__(self):
        super().__init__(networks={}, loss_weights={})

    def translate(self, batch, to, style=0):
        assert not self.training
        return batch.img - (0.5 if to == 'target' else 0.0)


@pytest.fixture(scope='module')
def source() -> ShapesReID:
    return ShapesReID(
        domain='a', num_identities=3, images_per_identity=2, size=(16, 8), split='train'
    )


def pictures(folder):
    return sorted(path for path in folder.iterdir() if path.suffix == '.png')


def styled_name(path, style: int) -> str:
    return f'{Path(path).stem}_fake_{style}.png'


def test_each_image_is_translated_under_its_own_name_or_a_given_one(source, tmp_path):
    translate_dataset(Inverted(), source, tmp_path / 'own', {}, batch_size=4, style=3)
    translate_dataset(
        Inverted(), source, tmp_path / 'given', {}, batch_size=4, style=(1, 3), name=styled_name
    )
    assert len(pictures(tmp_path / 'own')) == len(source)
    assert len(pictures(tmp_path / 'given')) == 2 * len(source)
    for row, record in enumerate(source.records):
        inverted, path = (255 - source.plain()[row].img) // 2, Path(record.path)
        assert torch.equal(read_rgb(tmp_path / 'own' / path.name), inverted + 3)
        for style in (1, 3):
            given = tmp_path / 'given' / f'{path.stem}_fake_{style}.png'
            assert torch.equal(read_rgb(given), inverted + style)


def test_jpeg_files_take_the_options_of_the_caller(source, tmp_path):
    def name(path, style: int) -> str:
        return f'{Path(path).stem}.jpg'

    for folder, options in (('fine', {}), ('coarse', dict(jpeg=dict(quality=20)))):
        translate_dataset(Inverted(), source, tmp_path / folder, {}, name=name, **options)
    first = f'{Path(source.records[0].path).stem}.jpg'
    expected = (255 - source.plain()[0].img) // 2
    pixels = [read_rgb(tmp_path / folder / first).float() for folder in ('fine', 'coarse')]
    errors = [(each - expected).abs().mean() for each in pixels]
    assert errors[0] < errors[1] < 30
    header = (tmp_path / 'fine' / first).read_bytes()
    # start of frame: three components, no chroma subsampling is 1 x 1 for each
    frame = header[header.index(b'\xff\xc0') :]
    assert [frame[11 + 3 * k] for k in range(3)] == [0x11] * 3


def test_an_interrupted_run_is_completed_and_what_is_there_is_kept(source, tmp_path):
    given = dict(style=(1, 2), name=styled_name)
    translate_dataset(Inverted(), source, tmp_path, {}, **given)
    first, *others = pictures(tmp_path)
    kept = first.stat().st_mtime_ns
    for path in others[:3]:  # one style of the first image, both of the second
        path.unlink()
    translate_dataset(Inverted(), source, tmp_path, {}, **given)
    assert first.stat().st_mtime_ns == kept
    assert pictures(tmp_path) == [first, *others]
    assert not list(tmp_path.glob('*.part'))


@pytest.mark.parametrize('change', ['stamp', 'style', 'translator'])
def test_a_folder_of_another_translation_is_refused(source, tmp_path, change):
    translate_dataset(Inverted(), source, tmp_path, dict(seed=0))
    translator = Inverted()
    translator.stamp = dict(name='other') if change == 'translator' else Inverted.stamp
    stamp, style = dict(seed=int(change == 'stamp')), int(change == 'style')
    with pytest.raises(ValueError, match=r"holds a translation by .*'seed': 0.*delete the folder"):
        translate_dataset(translator, source, tmp_path, stamp, style=style)


def test_a_folder_of_other_styles_is_refused(source, tmp_path):
    translate_dataset(Inverted(), source, tmp_path, {}, style=(1, 2), name=styled_name)
    with pytest.raises(ValueError, match=r"'style': \[1, 2\].*this is .*'style': \[1, 2, 3\]"):
        translate_dataset(Inverted(), source, tmp_path, {}, style=(1, 2, 3), name=styled_name)


def test_a_file_in_place_of_the_folder_is_refused(source, tmp_path):
    (tmp_path / 'out').touch()
    with pytest.raises(NotADirectoryError, match='out is a file; give a folder'):
        translate_dataset(Inverted(), source, tmp_path / 'out', {})


def test_two_translations_of_one_name_are_refused(source, tmp_path):
    first = Path(source.records[0].path).name
    with pytest.raises(ValueError, match=f'2 translations would be called {first}.*one by one'):
        translate_dataset(Inverted(), source, tmp_path, {}, style=(1, 2))
    assert not list(tmp_path.iterdir())


def test_a_model_translates_in_eval_mode_and_has_its_mode_back(source):
    model, raw = Darker().train(), torch.utils.data.default_collate([source.plain()[0]])
    unchanged = ModelTranslator(model, 'source')(type(source[0])(*raw))
    darker = ModelTranslator(model, 'target')(type(source[0])(*raw))
    assert model.training
    img = raw[0].permute(0, 2, 3, 1)
    assert torch.equal(unchanged, img)
    # half a standard deviation of ImageNet: 0.229, 0.224 and 0.225 of 255
    expected = (img - 0.5 * 255 * torch.tensor([0.229, 0.224, 0.225])).clamp(0, 255)
    assert (darker - expected).abs().max() <= 0.51
    assert ModelTranslator(model, 'source').stamp != ModelTranslator(model, 'target').stamp
