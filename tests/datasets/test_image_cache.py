import copy

import pytest
import torch
from torch.utils.data import DataLoader, default_collate

from reidgen.datasets import image_cache, reid_dataset
from reidgen.datasets.image_files import read_rgb
from reidgen.datasets.market1501 import Market1501
from reidgen.datasets.reid_dataset import ReIDDataset
from reidgen.datasets.shapes import ShapesReID
from reidgen.structures import SeededIndex

SIZE = (12, 6)
TRANSFORMS = [
    dict(type='Resize', size=SIZE),
    dict(type='RandomFlip'),
    dict(type='RandomPadCrop', padding=2),
    dict(type='RandomErase'),
]
MAPS = dict(type='ShapesMap')


def shapes(**kwargs) -> ShapesReID:
    kwargs = dict(size=(24, 12), transforms=TRANSFORMS) | kwargs
    return ShapesReID(num_identities=3, images_per_identity=2, **kwargs)


def batches(dataset: ReIDDataset, num_workers: int = 0) -> list[tuple]:
    """Three passes with other augmentation and other views each."""
    draws = [SeededIndex(row, 100 * n + row) for n in range(3) for row in range(len(dataset))]
    loader = DataLoader(
        dataset,
        batch_size=2,
        sampler=draws,
        num_workers=num_workers,
        generator=torch.Generator().manual_seed(0),
    )
    return list(loader)


def assert_equal(found: list[tuple], expected: list[tuple]) -> None:
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected):
        assert all(a.equal(b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize('pose_map', [None, MAPS, [MAPS, dict(type='Grayscale')]])
def test_batches_are_equal_with_and_without_a_cache_in_every_pass(pose_map):
    cached, plain = (shapes(pose_map=pose_map, cache_gb=gb) for gb in (1, 0))
    assert cached.cache is not None
    assert plain.cache is None
    assert_equal(batches(cached), batches(plain))
    assert cached.cache.images.there.all()
    items = [default_collate([each.plain(maps=True)[2]]) for each in (cached, plain)]
    assert_equal(items[:1], items[1:])


def test_a_file_is_decoded_once_whatever_loader_asks(market_root, monkeypatch):
    read = []
    monkeypatch.setattr(reid_dataset, 'read_rgb', lambda path: read.append(path) or read_rgb(path))
    first, second = (Market1501(market_root, transforms=TRANSFORMS, cache_gb=1) for _ in range(2))
    grey = Market1501(
        market_root, transforms=TRANSFORMS[:1], pose_map=dict(type='Grayscale'), cache_gb=1
    )
    assert first.cache.images is second.cache.images is grey.cache.images
    assert first.cache.maps is None
    batches(grey)
    for dataset in (first, second, first.plain()):
        batches(dataset)
    assert sorted(read) == sorted(record.path for record in first.records)
    other = [dict(type='Resize', size=SIZE, mode='bilinear')]
    for kwargs in (dict(split='query'), dict(transforms=other)):
        kwargs = dict(transforms=TRANSFORMS) | kwargs
        assert Market1501(market_root, cache_gb=1, **kwargs).cache.images is not first.cache.images


def test_drawn_pictures_are_shared_with_nobody():
    """They depend on more than the names of their files."""
    first, second = shapes(cache_gb=1), shapes(cache_gb=1, seed=1)
    assert first.metainfo['paths'] == second.metainfo['paths']
    assert first.cache.images is not second.cache.images
    assert not batches(first)[0].img.equal(batches(second)[0].img)


def test_what_is_handed_out_can_be_changed_without_harm():
    dataset = shapes(transforms=TRANSFORMS[:1], pose_map=MAPS, cache_gb=1)
    first = copy.deepcopy(dataset[0])
    for _ in range(2):
        item = dataset[0]
        assert item.img.equal(first.img)
        assert item.pose_map.equal(first.pose_map)
        item.img.zero_()
        item.pose_map.zero_()


@pytest.mark.slow
def test_worker_processes_fill_the_cache_that_all_of_them_read():
    cached, plain = (shapes(pose_map=MAPS, cache_gb=gb) for gb in (1, 0))
    assert_equal(batches(cached, num_workers=2), batches(plain))
    assert cached.cache.images.there.all()  # in this process, which has read none
    assert_equal(batches(cached, num_workers=2), batches(plain))


def test_images_with_blank_maps_are_read_as_without_a_cache(market_root, tmp_path, draw_image):
    names = ['0002_c1s1_000451_03.jpg', '0007_c3s3_077419_03.jpg']
    for name in names:
        for folder in ('render', 'render_45', 'render_90'):
            draw_image(tmp_path / 'mesh/train' / folder / name)
    mesh = dict(type='RenderedMesh', root=str(tmp_path / 'mesh'), views=[45, 90])
    cached, plain = (
        Market1501(
            market_root, pose_map=mesh, on_missing='blank', transforms=TRANSFORMS, cache_gb=gb
        )
        for gb in (1, 0)
    )
    assert_equal(batches(cached), batches(plain))


def test_a_set_that_does_not_fit_is_read_each_time_and_the_log_has_its_size(log, monkeypatch):
    # 6 images of 3 x 10 x 1000, and 8 maps of 10 x 1000 each: 180 and 480 kB
    large = dict(transforms=[dict(type='Resize', size=(10, 1000))], pose_map=MAPS)
    told = 'ShapesReID train: 6 images of 10 x 1000 with 8 maps of each'
    assert shapes(**large, cache_gb=0.0006).cache is None
    assert log.messages[-1] == (
        f'{told} would take 0.00066 GB of shared memory, but cache_gb is 0.0006; read each time'
    )
    dataset = shapes(**large, cache_gb=0.0007)
    assert log.messages[-1] == f'{told} stay in shared memory once read: 0.00066 GB'
    assert dataset.cache.images.pixels.nbytes + dataset.cache.maps.pixels.nbytes == 660_000
    assert dataset.cache.images.pixels.is_shared()
    usage = type('Usage', (), dict(free=600_000))
    monkeypatch.setattr(image_cache.shutil, 'disk_usage', lambda path: usage)
    assert shapes(**large, cache_gb=1).cache is None
    assert 'but only 0.0006 GB are free; read each time' in log.messages[-1]


def test_a_cache_needs_a_resize_in_front_and_a_limit_that_is_a_number(log):
    assert shapes(transforms=TRANSFORMS[1:], cache_gb=1).cache is None
    assert 'no cache, as its transforms do not begin with Resize' in log.messages[-1]
    for wrong in (-1, float('inf'), float('nan'), '2', True):
        with pytest.raises(ValueError, match=rf'cache_gb is {wrong!r}; it must be a number of GB'):
            shapes(cache_gb=wrong)
