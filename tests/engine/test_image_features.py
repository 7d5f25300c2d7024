import json
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as vision

from reidgen.cli import evaluate_images, parse
from reidgen.engine.image_features import (
    FeatureNetwork,
    ImageFolder,
    image_features,
    inception_extractor,
    reid_extractor,
)
from reidgen.files import sha256_of

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent


@pytest.fixture
def folder(tmp_path) -> Path:
    """Ten pictures of noise in two sub-folders, 64 x 32."""
    generator = torch.Generator().manual_seed(0)
    for number in range(10):
        pixels = torch.randint(0, 256, (64, 32, 3), generator=generator).to(torch.uint8)
        path = tmp_path / 'images' / 'ab'[number % 2] / f'{number:04d}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.numpy()).save(path)
    return tmp_path / 'images'


def test_images_are_sorted_spread_evenly_and_of_one_size(folder):
    images = ImageFolder(folder, (64, 32), num_images=5)
    assert [path.stem for path in images.paths] == ['0000', '0004', '0008', '0003', '0007']
    assert ImageFolder(folder, (16, 8))[0].shape == (3, 16, 8)
    assert len(ImageFolder(folder, (64, 32))) == 10
    with pytest.raises(ValueError, match='has 10 images, not 11'):
        ImageFolder(folder, (64, 32), num_images=11)
    with pytest.raises(ValueError, match='num_images is 0; it must be a whole number from 1'):
        ImageFolder(folder, (64, 32), num_images=0)
    with pytest.raises(FileNotFoundError, match=r'no folder .*nowhere'):
        ImageFolder(folder / 'nowhere', (64, 32))


def test_features_come_in_the_order_of_the_images_whatever_the_batch(folder):
    images = ImageFolder(folder, (64, 32))
    mean = FeatureNetwork('mean', 'mean_', lambda x: x.float().mean((2, 3)), '', '')
    expected = torch.stack([images[row].float().mean((1, 2)) for row in range(10)])
    for batch_size in (1, 3, 64):
        torch.testing.assert_close(image_features(mean, images, batch_size), expected)


def test_a_trained_model_makes_features_at_its_own_size(straight, folder):
    checkpoint = Path(straight.work_dir, 'stage_joint.pth')
    extractor = reid_extractor(HERE / 'gcl_tiny.py', checkpoint)
    assert (extractor.name, extractor.prefix) == ('reid:gcl_tiny', 'reid_')
    assert extractor.weights_sha256 == sha256_of(checkpoint)
    assert extractor.resize.startswith('64 x 32')
    images = ImageFolder(folder, (64, 32))
    features = image_features(extractor, images, batch_size=4)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(10))
    straight.model.eval()
    batch = torch.stack([images[row] for row in range(10)])
    with torch.no_grad():
        expected = straight.model.embed(straight.model.data_preprocessor(batch))
    torch.testing.assert_close(features, expected)
    enlarged = vision.resize(images[0], [128, 64])[None]
    assert extractor.network(enlarged).shape == (1, 8)


def test_inception_offline_names_cache_file_and_fix(tmp_path, monkeypatch):
    pytest.importorskip('torch_fidelity', reason="needs pip install 'reidgen[metrics]'")

    def download(url, *args, **kwargs):
        raise OSError('no route to host')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    with pytest.raises(FileNotFoundError) as error:
        inception_extractor()
    for part in (str(tmp_path / 'hub'), 'weights-inception-2015-12-05', 'route', '--inception'):
        assert part in str(error.value)


def test_inception_weights_that_would_run_code_are_refused(tmp_path):
    pytest.importorskip('torch_fidelity', reason="needs pip install 'reidgen[metrics]'")
    torch.save({'layer': Path('x')}, tmp_path / 'w.pth')
    with pytest.raises(ValueError, match='would run code'):
        inception_extractor(tmp_path / 'w.pth')


def test_without_torch_fidelity_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch_fidelity', None)
    with pytest.raises(ImportError, match=r"pip install 'reidgen\[metrics\]'"):
        inception_extractor()


def test_the_tool_writes_every_number_with_what_it_depends_on(straight, folder, tmp_path, capsys):
    pytest.importorskip('torchmetrics', reason="needs pip install 'reidgen[metrics]'")
    checkpoint, out = Path(straight.work_dir, 'stage_joint.pth'), tmp_path / 'out/quality.json'
    model = ['--config', str(HERE / 'gcl_tiny.py'), '--checkpoint', str(checkpoint)]
    metrics = ['--metrics', 'reid_fid', 'reid_kid', 'ssim']
    folders = [str(folder), str(folder / 'a')]
    args = parse('evaluate-images', [*folders, *metrics, *model, '--out', str(out)])
    evaluate_images.run(args)
    rows = {row['metric']: row for row in json.loads(out.read_text())}
    assert sorted(rows) == [
        'reid_fid',
        'reid_kid',
        'ssim_diversity_real',
        'ssim_diversity_translated',
    ]
    assert all(row['num_real'] == row['num_translated'] == 5 for row in rows.values())
    assert rows['reid_fid']['weights_sha256'] == sha256_of(checkpoint)
    assert rows['reid_kid']['subset_size'] == 5
    assert 'fewer images than the 8 features' in capsys.readouterr().out
    with pytest.raises(ValueError, match='need --config and --checkpoint'):
        evaluate_images.run(parse('evaluate-images', [*folders, *metrics]))
