"""write_copies.py: file names, resuming and errors."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from projects.stargan_camstyle.stargan_camstyle import copies
from projects.stargan_camstyle.stargan_camstyle.copies import write_copies
from reidgen.datasets import FolderReID
from reidgen.datasets.image_files import read_rgb

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
    assert write_copies(model, dataset, tmp_path, {}, batch_size=3) == 8 * 2
    pattern = r'(?P<pid>\d+)_c(?P<camid>\d+)'
    found = FolderReID(str(tmp_path), pattern=pattern)
    real = [(record.pid, record.camid) for record in dataset.records]
    assert [(record.pid, record.camid) for record in found.records] == [
        one for one in real for _ in range(2)
    ]


def test_a_copy_is_what_the_model_paints_of_that_image_for_that_camera(trained, tmp_path):
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
    assert write_copies(model, dataset, tmp_path, dict(checkpoint_sha256='a')) == 11
    assert all((tmp_path / name).read_bytes() == content for name, content in before.items())
    assert not list(tmp_path.glob('*.part'))
    for path in tmp_path.glob('*.jpg'):
        assert Image.open(path).size == (32, 64)


def test_copies_of_another_model_are_not_mixed(trained, tmp_path):
    model, dataset = trained
    write_copies(model, dataset, tmp_path, dict(checkpoint_sha256='a'))
    with pytest.raises(ValueError, match=r"holds copies by .*_sha256': 'a'.*delete the folder"):
        write_copies(model, dataset, tmp_path, dict(checkpoint_sha256='b'))
    (tmp_path / copies.ABOUT).unlink()
    with pytest.raises(ValueError, match=r'holds copies and no copies\.json'):
        write_copies(model, dataset, tmp_path, dict(checkpoint_sha256='a'))


def test_two_images_of_one_name_are_an_error(trained, tmp_path):
    model, dataset = trained
    dataset.records = [*dataset.records, dataset.records[0]]
    with pytest.raises(ValueError, match='two images called 0001_c1_000'):
        write_copies(model, dataset, tmp_path, {})


def test_the_tool_writes_the_copies_of_a_checkpoint(build, tmp_path, capsys):
    build(SMOKE).train()
    spec = importlib.util.spec_from_file_location('tool', PROJECT / 'write_copies.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    checkpoint, out = tmp_path / 'stargan_smoke/stage_cameras.pth', tmp_path / 'copies'
    args = tool.parse_args([str(SMOKE), str(checkpoint), '--out', str(out), '--device', 'cpu'])
    assert tool.write(args) == out
    assert len(list(out.glob('*_fake_?.jpg'))) == 16
    assert '16 copies written, 0 were there' in capsys.readouterr().out
    assert json.loads((out / copies.ABOUT).read_text())['dataset'] == 'shapes_b'
