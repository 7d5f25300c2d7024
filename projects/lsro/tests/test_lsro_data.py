"""Generated images as training images: lists, samplers, and the run that writes them."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from projects.lsro.lsro import GeneratedImages, RealAndGenerated
from reidgen.datasets import FolderReID, IdentitySampler, ShuffleSampler
from reidgen.datasets.image_files import read_rgb
from reidgen.structures import SeededIndex

SMOKE = Path(__file__).parents[1] / 'configs/lsro_smoke.py'
SHAPES = dict(type='ShapesReID', num_identities=2, images_per_identity=2, size=(64, 32))
CROP = [dict(type='ResizeRandomCrop', enlarged=(72, 36), size=(64, 32))]


@pytest.fixture
def folder(tmp_path) -> Path:
    """Folder of five generated images, one colour each."""
    for number in range(5):
        image = Image.new('RGB', (64, 64), (40 * number, 100, 0))
        image.save(tmp_path / f'gen_{number:05d}.jpg', quality=95, subsampling=0)
    return tmp_path


def test_real_images_come_first_and_generated_ones_have_neither_identity_nor_camera(folder):
    dataset = RealAndGenerated(dict(**SHAPES, transforms=CROP), count=3, folder=str(folder))
    assert (len(dataset), dataset.num_identities) == (7, 2)
    assert dataset.pids.tolist() == [0, 0, 1, 1, -1, -1, -1]
    for row in range(7):
        item = dataset[SeededIndex(row, 9)]
        assert item.img.shape == (3, 64, 32)
        assert item.index == row
        assert (item.pid, item.camid) == (dataset.pids[row], dataset.camids[row])
        if row < 4:
            assert torch.equal(item.img, dataset.real[SeededIndex(row, 9)].img)
        else:  # the first of the folder, in order
            assert item.img[0].float().mean().item() == pytest.approx(40 * (row - 4), abs=2)


def test_generated_images_are_augmented_as_the_real_ones_by_the_seed(folder):
    noise = torch.randint(256, (64, 64, 3), generator=torch.Generator().manual_seed(0))
    Image.fromarray(noise.to(torch.uint8).numpy()).save(folder / 'gen_00000.jpg')
    dataset = RealAndGenerated(dict(**SHAPES, transforms=CROP), count=2, folder=str(folder))
    first, again, other = (dataset[SeededIndex(4, seed)].img for seed in (7, 7, 8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_images_that_are_not_written_yet_are_told():
    dataset = RealAndGenerated(SHAPES, count=2)
    with pytest.raises(RuntimeError, match='the 2 images have not been generated yet; add'):
        dataset[4]


def test_all_images_are_shuffled_together_and_identities_are_never_drawn_of_generated_ones(folder):
    dataset = RealAndGenerated(SHAPES, count=4, folder=str(folder))
    rows = ShuffleSampler(dataset, batch_size=8).rows_of_pass(0)
    assert sorted(rows.tolist()) == list(range(8))
    for listed in (dataset, GeneratedImages(4, str(folder))):
        with pytest.raises(ValueError, match=r'generated images hands out 4 images without ident'):
            IdentitySampler(listed, batch_size=4, num_identities=2, num_images=2)


@pytest.mark.parametrize('split', ['query', 'gallery', 'query+gallery'])
def test_generated_images_are_neither_query_nor_gallery(split, folder):
    with pytest.raises(ValueError, match=r"is for training, but its dataset .* set split='train'"):
        RealAndGenerated(dict(**SHAPES, split=split), count=2, folder=str(folder))
    # their names have no person and no camera, so no test set that needs them reads them
    with pytest.raises(ValueError, match=r'gen_00000\.jpg.*does not fit the pattern'):
        FolderReID(str(folder), split)


def test_what_does_not_fit_is_named(folder):
    with pytest.raises(ValueError, match=r'has 5 images, count is 6; write more with `reidgen gen'):
        GeneratedImages(6, str(folder))
    with pytest.raises(ValueError, match='count is 0; it must be a whole number from 1'):
        GeneratedImages(0)
    with pytest.raises(TypeError, match='lists plain images, but its dataset is'):
        RealAndGenerated(dict(type='GeneratedImages', count=2), count=2)
    with pytest.raises(ValueError, match=r'labelled=False; set'):
        RealAndGenerated(dict(**SHAPES, labelled=False), count=2)
    (folder / 'gen_00002.jpg').write_bytes(b'half')
    with pytest.raises(ValueError, match=r'1 of 5 images cannot be decoded'):
        GeneratedImages(3, str(folder))


# ---- the run ----


@pytest.mark.slow
def test_one_run_trains_the_gan_writes_its_images_and_trains_with_and_without_them(build, tmp_path):
    runner = build(SMOKE)
    runner.train()
    out = tmp_path / 'lsro_smoke'
    report = (out / 'report.md').read_text()
    assert '| baseline,' in report
    assert '| lsro,' in report
    assert len(list((out / 'grids').glob('dcgan_*.png'))) == 1
    (written,) = (out / 'generated').iterdir()
    names = sorted(path.name for path in written.glob('gen_*.jpg'))
    assert names == [f'gen_{number:05d}.jpg' for number in range(16)]
    model = runner.model.eval()  # G stands still after its stage
    z = model.gan.latents(range(16))
    for name, img in zip(names, model.G(z)):
        assert (read_rgb(written / name) - (img.detach() + 1) * 127.5).abs().mean() < 3


@pytest.mark.slow
@pytest.mark.parametrize('lost', [0, 1, 16])
def test_a_resumed_run_completes_the_images_and_ends_the_same(lost, build, tmp_path):
    first = build(SMOKE)
    first.train()
    (written,) = (tmp_path / 'lsro_smoke/generated').iterdir()
    before = {path.name: path.read_bytes() for path in written.iterdir()}
    for number in range(lost):
        (written / f'gen_{number:05d}.jpg').unlink()
    again = build(
        SMOKE, {'load_from': str(tmp_path / 'lsro_smoke/stage_baseline.pth'), 'resume': True}
    )
    again.train()
    assert {path.name: path.read_bytes() for path in written.iterdir()} == before
    assert len(list((tmp_path / 'lsro_smoke/generated').iterdir())) == 1
    for (name, a), (_, b) in zip(
        first.model.state_dict().items(), again.model.state_dict().items(), strict=True
    ):
        assert torch.equal(a, b), name


@pytest.mark.slow
def test_another_number_of_generated_images_a_batch_is_a_loader_of_its_own(build, tmp_path):
    def apart(cfg) -> None:
        mixed = cfg.train_dataloader.pop('mixed')
        transforms = mixed.dataset.dataset.transforms
        generated = dict(type='GeneratedImages', count=6, transforms=transforms)
        cfg.train_dataloader.generated = dict(mixed, batch_size=2, dataset=generated)
        cfg.train_cfg.stages[2].loaders = ['identity', 'generated']

    build(SMOKE, change=apart).train()
    assert len(list((tmp_path / 'lsro_smoke/generated').glob('*/gen_*.jpg'))) == 6
    logged = [
        json.loads(line)
        for path in (tmp_path / 'lsro_smoke').glob('*/vis_data/scalars.json')
        for line in path.read_text().splitlines()
    ]
    assert all('I/loss_generated.s' in line for line in logged if 'I/loss' in line)


@pytest.mark.slow
def test_images_of_a_generator_that_nothing_trained_are_refused_before_training(build):
    stages = [
        dict(name='lsro', iters=1, phases=['I'], loaders=dict(identity='mixed')),
        dict(name='dcgan', iters=1, phases=['D', 'G'], loaders=['real']),
    ]
    with pytest.raises(ValueError, match=r'stage lsro trains on generated images, but nothing has'):
        build(SMOKE, {'train_cfg.stages': stages}).train()


@pytest.mark.slow
def test_sizes_and_identities_that_do_not_fit_are_named(build):
    size = {f'model.networks.{name}.image_size': [32, 32] for name in 'GD'}
    with pytest.raises(ValueError, match=r'G\.image_size is \(32, 32\) but the images of shapes_a'):
        _ = build(SMOKE, size).train_loop
    stages = [dict(name='lsro', iters=1, phases=['I'], loaders=dict(identity='mixed'))]
    identities = {'model.networks.C.num_identities': 5, 'train_cfg.stages': stages}
    with pytest.raises(ValueError, match=r'shapes_a and 16 generated images .* has 4 training id'):
        _ = build(SMOKE, identities).train_loop
