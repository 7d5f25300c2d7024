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


def test_each_image_is_translated_under_its_own_name_or_a_given_one(source, tmp_path):
    translate_dataset(Inverted(), source, tmp_path / 'own', {}, batch_size=4, style=3)
    names = [f'{row}_fake_1.png' for row in range(len(source))]
    translate_dataset(Inverted(), source, tmp_path / 'given', {}, style=3, names=names)
    assert len(pictures(tmp_path / 'own')) == len(pictures(tmp_path / 'given')) == len(source)
    for row, record in enumerate(source.records):
        expected = (255 - source.plain()[row].img) // 2 + 3
        assert torch.equal(read_rgb(tmp_path / 'own' / Path(record.path).name), expected)
        assert torch.equal(read_rgb(tmp_path / 'given' / names[row]), expected)


def test_an_interrupted_run_is_completed_and_what_is_there_is_kept(source, tmp_path):
    translate_dataset(Inverted(), source, tmp_path, {})
    first, *others = pictures(tmp_path)
    kept = first.stat().st_mtime_ns
    for path in others[::2]:
        path.unlink()
    translate_dataset(Inverted(), source, tmp_path, {})
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


@pytest.mark.parametrize(
    'names, message',
    [
        (['a.png'], '6 images, but 1 names are given'),
        (['a.png'] * 6, '6 images have 1 names, so one translation would overwrite another'),
    ],
)
def test_names_that_do_not_fit_are_refused(source, tmp_path, names, message):
    with pytest.raises(ValueError, match=message):
        translate_dataset(Inverted(), source, tmp_path, {}, names=names)


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
