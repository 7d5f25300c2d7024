import os
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf
from torchvision.transforms.v2 import functional as vision

from reidgen.retrieval.extraction import extract
from reidgen.retrieval.feature_extractor import FeatureExtractor
from reidgen.retrieval.feature_store import FeatureStore
from reidgen.retrieval.image_sources import open_dataset, open_images
from tests.forks import end_of, program, start
from tests.pictures import read_picture

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PATTERN = r'(?P<pid>\d+)_c(?P<camid>\d+)'


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope='module')
def straight(tiny, pictures, tmp_path_factory):
    """The store of the eleven pictures in shards of 4, 4 and 3, written in one go."""
    folder = tmp_path_factory.mktemp('straight')
    dataset = open_images(pictures, tiny.extractor.transforms, PATTERN)
    return folder, extract(tiny.extractor, dataset, folder, batch_size=3, shard_size=4)


def test_features_are_the_encoders_of_the_resized_normalised_image(straight, tiny, pictures):
    store = FeatureStore(straight[0])
    paths = sorted(pictures.rglob('*.png'))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    for row, path in enumerate(paths):
        pixels = torch.from_numpy(np.array(read_picture(path))).permute(2, 0, 1)
        resized = vision.resize(
            pixels, [64, 32], interpolation=vision.InterpolationMode.BICUBIC, antialias=True
        )
        image = (resized / 255 - mean[:, None, None]) / std[:, None, None]
        with torch.no_grad():
            expected = nnf.normalize(tiny.extractor.model.E_c(image[None]).embedding)[0]
        torch.testing.assert_close(store.features([row])[0], expected, rtol=0, atol=1e-5)


def test_the_list_tells_paths_persons_and_cameras(straight, pictures):
    store = FeatureStore(straight[0])
    records = store.records(range(len(store)))
    assert store.manifest.root == str(pictures)
    expected = [path.relative_to(pictures).as_posix() for path in sorted(pictures.rglob('*.png'))]
    assert [records[row].path for row in range(11)] == expected
    assert (records[0].pid, records[0].camid) == (0, 0)
    assert all(record.pid == int(record.path[2:6]) for record in records.values())
    assert all(record.camid == int(record.path[8]) - 1 for record in records.values())


def test_names_that_tell_nothing_leave_person_and_camera_unknown(tiny, pictures, tmp_path):
    extract(tiny.extractor, open_images(pictures / 'a', tiny.extractor.transforms), tmp_path)
    pids, camids = FeatureStore(tmp_path).labels()
    assert set(pids) == set(camids) == {-1}


def test_the_closing_line_counts_images_and_megabytes(straight):
    done = straight[1]
    assert (done.num_images, done.num_made) == (11, 11)
    assert done.num_bytes == 11 * 8 * 4
    assert str(done).startswith(f'11 images, {done.seconds:.1f} s, ')
    assert str(done).endswith(' images/s, 0.0 MB')


class Killed(BaseException):
    """As a Ctrl-C: nothing may catch it."""


def test_a_killed_extraction_goes_on_and_ends_with_the_same_bytes(
    straight, tiny, pictures, tmp_path, monkeypatch
):
    dataset = open_images(pictures, tiny.extractor.transforms, PATTERN)
    embed, calls = tiny.extractor.embed, []

    def dies(batch):
        calls.append(len(batch.img))
        if len(calls) == 5:  # one image to learn the dimensions, 3 + 1 of the first shard, 3, dead
            raise Killed
        return embed(batch)

    monkeypatch.setattr(tiny.extractor, 'embed', dies)
    with pytest.raises(Killed):
        extract(tiny.extractor, dataset, tmp_path, batch_size=3, shard_size=4)
    monkeypatch.undo()
    assert calls == [1, 3, 1, 3, 1]
    (first,) = tmp_path.glob('shard_*.npy')
    written = first.stat().st_mtime_ns
    with pytest.raises(FileNotFoundError, match='lacks 2 of 3 shards'):
        FeatureStore(tmp_path)
    done = extract(tiny.extractor, dataset, tmp_path, batch_size=3, shard_size=4)
    assert done.num_made == 7
    assert str(done).startswith('11 images (4 were there), ')
    assert first.stat().st_mtime_ns == written
    assert files(tmp_path) == files(straight[0])


def test_cut_shards_are_made_again_and_whole_ones_kept(straight, tiny, pictures, tmp_path):
    for name, content in files(straight[0]).items():
        (tmp_path / name).write_bytes(content[:-1] if 'shard_00001' in name else content)
    dataset = open_images(pictures, tiny.extractor.transforms, PATTERN)
    done = extract(tiny.extractor, dataset, tmp_path, batch_size=3, shard_size=4)
    assert done.num_made == 4
    assert files(tmp_path) == files(straight[0])
    assert extract(tiny.extractor, dataset, tmp_path, shard_size=4).num_made == 0


def test_two_processes_write_the_same_bytes(straight, tiny, pictures, tmp_path):
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        port = found.getsockname()[1]
    command = [ROOT / 'tools/extract.py', tiny.config, tiny.checkpoint]
    command += ['--images', pictures, '--pattern', PATTERN, '--out', tmp_path]
    command += ['--batch-size', 3, '--shard-size', 4, '--workers', 0]
    logs = [tmp_path.with_name(f'log{rank}') for rank in range(2)]
    running = []
    for rank, log in enumerate(logs):  # what torchrun sets
        group = dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=2, MASTER_PORT=port)
        group |= dict(MASTER_ADDR='127.0.0.1', TORCHELASTIC_RUN_ID='test')
        group |= dict(PYTHONPATH=f'{ROOT}:{tiny.config.parent}', CUDA_VISIBLE_DEVICES='')
        env = os.environ | {key: str(value) for key, value in group.items()}
        running.append(start(program(command, env=env), log))
    assert [end_of(process) for process in running] == [0, 0], logs[0].read_text()
    ended = [log.read_text() for log in logs]
    assert files(tmp_path) == files(straight[0])
    closing = [out.count('11 images, ') for out in ended]
    assert closing == [1 + ended[0].count('FolderImages'), ended[1].count('FolderImages')]


def test_an_image_that_cannot_be_read_is_named_or_left_out(tiny, pictures, tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    for number, path in enumerate(sorted(pictures.rglob('*.png'))[:3]):
        content = path.read_bytes()
        (folder / path.name).write_bytes(content[: len(content) // 2] if number == 1 else content)
    dataset = open_images(folder, tiny.extractor.transforms)
    with pytest.raises(OSError, match=r'cannot read the image .*images/'):
        extract(tiny.extractor, dataset, tmp_path / 'out')
    dataset = open_images(folder, tiny.extractor.transforms, skip_corrupt=True)
    assert extract(tiny.extractor, dataset, tmp_path / 'two').num_images == 2


def test_features_that_are_no_unit_rows_are_refused(tiny, pictures, tmp_path, monkeypatch):
    dataset, model = open_images(pictures, tiny.extractor.transforms), tiny.extractor.model
    embed = model.embed
    monkeypatch.setattr(model, 'embed', lambda img: 2 * embed(img))
    with pytest.raises(ValueError, match=r'rows of length 2.0000 .* must L2-normalise'):
        extract(tiny.extractor, dataset, tmp_path)
    monkeypatch.setattr(model, 'embed', lambda img: embed(img) * float('nan'))
    with pytest.raises(ValueError, match=r'NaN or Inf in 1 of 1 image rows: 0 \(.*png\)'):
        extract(tiny.extractor, dataset, tmp_path)
    monkeypatch.setattr(model, 'embed', lambda img: img)
    with pytest.raises(ValueError, match=r'shape \(1, 3, 64, 32\) from 1 images'):
        extract(tiny.extractor, dataset, tmp_path)
    assert not list(tmp_path.iterdir())


def test_another_checkpoint_does_not_go_on_with_a_store(straight, tiny, pictures):
    other = FeatureExtractor(tiny.config, tiny.other_checkpoint)
    dataset = open_images(pictures, other.transforms, PATTERN)
    with pytest.raises(ValueError, match=r'holds other features: .*checkpoint_sha256 .*other.pth'):
        extract(other, dataset, straight[0], shard_size=4)


def test_a_data_set_of_the_config_is_read_by_name_and_split(tiny, tmp_path):
    dataset = open_dataset(tiny.extractor.cfg, 'target/query+gallery', tiny.extractor.transforms)
    assert (dataset.name, dataset.split, len(dataset)) == ('shapes_b', 'query+gallery', 32)
    extract(tiny.extractor, dataset, tmp_path)
    store = FeatureStore(tmp_path)
    assert store.labels()[0].tolist() == [record.pid for record in dataset.records]
    for wrong in ('viper/query', 'target/test', 'target'):
        with pytest.raises(
            ValueError, match=f"'{wrong}' is not NAME/SPLIT .*source.*target.*query"
        ):
            open_dataset(tiny.extractor.cfg, wrong, [])


def test_one_file_is_a_data_set_and_a_missing_path_is_named(tiny, pictures):
    path = sorted(pictures.rglob('*.png'))[4]
    one = open_images(path, tiny.extractor.transforms, PATTERN)
    assert [record.path for record in one.records] == [str(path)]
    assert one.records[0].pid == int(path.name[:4])
    with pytest.raises(FileNotFoundError, match='no folder or image nowhere'):
        open_images('nowhere', [])


@pytest.mark.parametrize(
    'options,message',
    [
        (
            {'model.bn_mode': 'target_recalib'},
            'statistics are re-estimated.*give model.bn_mode=mixed',
        ),
        (
            {'val_cfg.recalibrate': True},
            'val_cfg.recalibrate=True: .*reidgen export .*give val_cfg.recalibrate=False',
        ),
        (
            {'val_dataloader': None},
            r'test_transforms resize to \[\(256, 128\)\], .* \[\(64, 32\)\]',
        ),
        (
            {'model.networks.E_c.num_parts': 2, 'model.networks.E_c.channels': 16},
            'one.pth does not fit',
        ),
    ],
)
def test_a_config_that_gives_no_fixed_features_is_refused(options, message, tiny):
    with pytest.raises(ValueError, match=message):
        FeatureExtractor(tiny.config, tiny.checkpoint, options)


def test_what_changes_the_features_changes_the_hash_of_the_model(tiny):
    same = FeatureExtractor(tiny.config, tiny.checkpoint, {'model.loss_weights.recon': 3})
    assert tiny.extractor.info.difference(same.info) is None
    size = {'val_dataloader.target.dataset.transforms.0.size': (32, 16)}
    smaller = FeatureExtractor(tiny.config, tiny.checkpoint, size)
    assert 'model_sha256' in tiny.extractor.info.difference(smaller.info)
    half = FeatureExtractor(tiny.config, tiny.checkpoint, amp=True)
    assert 'amp False and True' in tiny.extractor.info.difference(half.info)
