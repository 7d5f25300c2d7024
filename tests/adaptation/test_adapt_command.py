"""The whole command on dressed stick figures in files, some iterations a stage."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.models import mobilenet_v2

import reidgen
from reidgen.adaptation import recipe
from reidgen.cli import adapt
from reidgen.cli.main import parse
from reidgen.datasets import ShapesReID
from reidgen.datasets.cluster_samplers import TooFewClusters

SIZES = recipe.Sizes('cpu', 2, 2, 2, 2, 4, 16, 1, 6)


def write(domain: str, folder: Path, name: str) -> None:
    """Pictures of 8 persons, 4 of each by two cameras, named by a format."""
    dataset = ShapesReID(domain, size=(64, 32))
    for row, record in enumerate(dataset.records):
        path = folder / name.format(pid=record.pid, camera=record.camid + 1, row=row)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dataset[row].img.permute(1, 2, 0).numpy()).save(path)


@pytest.mark.slow
@pytest.mark.parametrize('by_camera', [False, True])
def test_crops_become_a_model_a_report_and_measures(by_camera, tmp_path, monkeypatch, capsys):
    if by_camera:
        monkeypatch.setattr(recipe, 'FEWEST_BY_CAMERA', 16)
    write('a', tmp_path / 'people', '{pid}_c{camera}_{row}.png')
    write('b', tmp_path / 'crops', 'camera{camera}/{row}.png')
    (tmp_path / 'weights').mkdir()
    torch.manual_seed(0)
    save_file(mobilenet_v2().state_dict(), tmp_path / 'weights/mobilenet_v2_imagenet.safetensors')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(adapt, 'sizes_for', lambda *args: SIZES)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    command = ['--source', 'people', '--target', 'crops', '--out', 'mine']
    adapt.run(parse('adapt', command))
    told = capsys.readouterr().out
    assert 'target: camera 1 is camera1 (16 images), camera 2 is camera2 (16 images)' in told
    found = json.loads(Path('mine/adapt.json').read_text())
    assert found['adapted']['separation']['images'] == 32
    assert found['conclusion'] in told
    assert found['direct']['checkpoint'] == 'stage_identity.pth'
    assert found['direct']['source'] is None  # the folder has no query and gallery
    report = Path('mine/report.html').read_text()
    assert report.count('<img') >= 2  # grids of the two stages that translate
    assert found['conclusion'] in report
    assert 'Nothing was evaluated' not in report
    assert found['adabn_by'] == ('camera' if by_camera else None)
    model = reidgen.load('mine/model.safetensors')
    assert model.info.cameras == (['camera1', 'camera2'] if by_camera else [])
    picture = str(next(Path('crops/camera1').iterdir()))
    features = model.embed([picture], camera='camera1' if by_camera else None)
    assert features.norm(dim=1).tolist() == pytest.approx([1.0], abs=1e-5)
    # again: nothing is left to train, an edit of the config stays
    config = Path('mine/config.py')
    config.write_text(config.read_text() + '\n# mine\n')  # comments do not count
    monkeypatch.setattr(adapt, 'measure', lambda *args: found)
    monkeypatch.setattr(adapt, 'pack', lambda *args: 'packed')
    monkeypatch.setattr(adapt, 'write_camera_file', lambda *args: 'by camera')
    adapt.run(parse('adapt', command))
    assert config.read_text().endswith('# mine\n')
    assert 'Iter(train)' not in capsys.readouterr().out


def test_a_target_without_clusters_ends_with_the_joint_stage(tmp_path, monkeypatch, capsys):
    def train(args) -> None:
        raise TooFewClusters('bank_t: no cluster, all 32 images are outliers')

    monkeypatch.setattr(adapt.train, 'run', train)
    with pytest.raises(TooFewClusters):  # of an earlier stage, which nothing can replace
        adapt.train_config(tmp_path / 'config.py', tmp_path)
    (tmp_path / 'stage_joint.pth').touch()
    told = 'bank_t: no cluster, all 32 images are outliers'
    assert adapt.train_config(tmp_path / 'config.py', tmp_path) == told
    assert capsys.readouterr().out == f'stage clusters is left out: {told}\n'
