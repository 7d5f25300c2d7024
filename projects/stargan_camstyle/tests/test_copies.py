"""write_copies.py: file names, resuming and errors."""

import importlib.util
import io
import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from projects.stargan_camstyle.stargan_camstyle.copies import write_copies
from reidgen.datasets import FolderReID
from reidgen.datasets.image_files import read_rgb
from reidgen.engine.translation import STAMP

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[1]
SMOKE = PROJECT / 'configs/stargan_smoke.py'


class EvenColour(torch.nn.Module):
    """Translator to the image's mean colour, brighter for each further camera."""

    def forward(self, img, camid):
        mean = img.mean((2, 3), keepdim=True) / 2 + camid.view(-1, 1, 1, 1) / 4
        return mean.expand_as(img)


@pytest.fixture
def trained(build):
    """Untrained model and data set of the smoke config."""
    runner = build(SMOKE)
    return runner.model.eval(), runner.train_loop.dataloader.dataset['target']


def test_every_image_has_a_copy_in_every_camera_under_a_name_that_reads_back(trained, tmp_path):
    model, dataset = trained
    write_copies(model, dataset, tmp_path, {}, batch_size=3)
    pattern = r'(?P<pid>\d+)_c(?P<camid>\d+)'
    found = FolderReID(str(tmp_path), pattern=pattern)
    real = [(record.pid, record.camid) for record in dataset.records]
    assert [(record.pid, record.camid) for record in found.records] == [
        one for one in real for _ in range(2)
    ]


def test_a_copy_is_the_translation_of_that_image_for_that_camera(trained, tmp_path):
    model, dataset = trained
    model.G = EvenColour()
    write_copies(model, dataset, tmp_path, {})
    for row, camera in ((0, 1), (5, 2)):
        mean = dataset.read_image(dataset.records[row]).float().mean((1, 2)) / 127.5 - 1
        expected = (mean / 2 + (camera - 1) / 4 + 1) * 127.5
        name = f'{Path(dataset.records[row].path).stem}_fake_{camera}.jpg'
        written = read_rgb(tmp_path / name).float()
        assert (written - expected[:, None, None]).abs().max() < 3  # JPEG


def test_an_interrupted_run_is_completed_and_leaves_no_half_file(trained, tmp_path, monkeypatch):
    model, dataset = trained
    save, saved = Image.Image.save, []

    def failing(image, part, **kwargs):
        saved.append(part)
        if len(saved) == 6:
            Path(part).write_bytes(b'half a file')
            raise OSError('no space left on device')
        save(image, part, **kwargs)

    monkeypatch.setattr(Image.Image, 'save', failing)
    with pytest.raises(OSError, match='no space left'):
        write_copies(model, dataset, tmp_path, dict(checkpoint_sha256='a'))
    before = {path.name: path.read_bytes() for path in tmp_path.glob('*.jpg')}
    assert len(before) == 5
    write_copies(model, dataset, tmp_path, dict(checkpoint_sha256='a'))
    assert len(list(tmp_path.glob('*.jpg'))) == 16
    assert all((tmp_path / name).read_bytes() == content for name, content in before.items())
    assert not list(tmp_path.glob('*.part'))
    for path in tmp_path.glob('*.jpg'):
        with Image.open(path) as picture:
            assert picture.size == (32, 64)


def test_copies_of_another_model_or_quality_are_not_mixed(trained, tmp_path):
    model, dataset = trained
    write_copies(model, dataset, tmp_path, dict(checkpoint_sha256='a'))
    message = r"holds a translation by .*_sha256': 'a'.*delete the folder"
    for stamp, quality in ((dict(checkpoint_sha256='b'), 95), (dict(checkpoint_sha256='a'), 75)):
        with pytest.raises(ValueError, match=message):
            write_copies(model, dataset, tmp_path, stamp, quality=quality)
    (tmp_path / STAMP).unlink()
    with pytest.raises(ValueError, match=r'holds a translation and no translation\.json'):
        write_copies(model, dataset, tmp_path, dict(checkpoint_sha256='a'))


def test_two_images_of_one_name_are_an_error(trained, tmp_path):
    model, dataset = trained
    dataset.records = [*dataset.records, dataset.records[0]]
    with pytest.raises(ValueError, match=r'2 translations would be called 0001_c1_000_fake_1\.jpg'):
        write_copies(model, dataset, tmp_path, {})


def test_a_quality_out_of_range_is_refused(trained, tmp_path):
    model, dataset = trained
    with pytest.raises(ValueError, match='quality is 100; set 1 to 95'):
        write_copies(model, dataset, tmp_path, {}, quality=100)


def test_files_have_the_quality_and_the_chroma_of_the_published_code(trained, tmp_path):
    model, dataset = trained
    for quality in (75, 95):
        write_copies(model, dataset, tmp_path / str(quality), {}, quality=quality)
    name = f'{Path(dataset.records[0].path).stem}_fake_1.jpg'
    for quality in (75, 95):
        saved = io.BytesIO()
        Image.new('RGB', (32, 64)).save(saved, 'JPEG', quality=quality)
        expected = Image.open(saved)
        found = Image.open(io.BytesIO((tmp_path / str(quality) / name).read_bytes()))
        assert found.quantization == expected.quantization
        assert get_sampling(found) == get_sampling(expected) == 2  # 4:2:0


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location('tool', PROJECT / 'write_copies.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tool_writes_the_copies_of_a_checkpoint(build, tool, tmp_path, capsys):
    build(SMOKE).train()
    checkpoint, out = tmp_path / 'stargan_smoke/stage_cameras.pth', tmp_path / 'copies'
    assert tool.write(tool.parse_args([str(SMOKE), str(checkpoint), '--out', str(out)])) == out
    assert len(list(out.glob('*_fake_?.jpg'))) == 16
    assert f'16 copies of shapes_b in {out}' in capsys.readouterr().out
    stamp = json.loads((out / STAMP).read_text())
    assert (stamp['dataset'], stamp['style'], stamp['quality']) == ('shapes_b', [1, 2], 95)


def test_the_tool_refuses_a_config_of_another_model(tool):
    config = PROJECT.parent / 'cyclegan/configs/cyclegan_smoke.py'
    with pytest.raises(TypeError, match='trains a CycleGAN; give a config of StarGAN'):
        tool.write(tool.parse_args([str(config), 'none.pth']))
