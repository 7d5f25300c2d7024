"""StyledReID: camera-styled copies, their identities and cameras, and errors."""

from pathlib import Path

import pytest
import torch

from reidgen.datasets import FolderReID, IdentitySampler, StyledReID
from reidgen.registry import DATASETS
from reidgen.structures import SeededIndex

FOLDER = 'bounding_box_train_camstyle'
CAMERAS = 6
MARKET = dict(type='FolderReID', layout='market')
SHAPES = dict(type='ShapesReID', num_identities=2, images_per_identity=2)
BRIGHTER = dict(type='ColorJitter', brightness=(1.5, 1.5))


@pytest.fixture
def styled(market_root, draw_image):
    """Writes copies named as StarGAN's or CycleGAN's, and reads them."""

    def make(pairs: bool = False, own: bool = True, skip: str = '', **options) -> StyledReID:
        config = dict(MARKET, root=str(market_root)) | options.pop('dataset', {})
        for record in DATASETS.build(dict(MARKET, root=str(market_root))).records:
            for camera in range(1, CAMERAS + 1):
                word = f'{record.camid + 1}to{camera}' if pairs else str(camera)
                name = f'{Path(record.path).stem}_fake_{word}.jpg'
                if name != skip and (own or camera != record.camid + 1):
                    draw_image(market_root / FOLDER / name)
        return StyledReID(**dict(dataset=config, num_cameras=CAMERAS, copies=FOLDER) | options)

    return make


def test_every_image_has_its_copies_with_its_identity_and_the_camera_of_their_style(styled):
    data = styled()
    assert (len(data), data.per_image, data.num_identities) == (5 * 6, 6, 3)
    assert torch.equal(data.pids, data.images.pids.repeat_interleave(6))
    assert data.camids.tolist() == [*range(6)] * 5
    for row, record in enumerate(data.records):
        image = Path(data.images.records[row // 6].path).stem
        assert Path(record.path).name == f'{image}_fake_{row % 6 + 1}.jpg'


def test_copies_of_pairs_of_cameras_are_read_alike_without_the_own_camera(styled):
    data = styled(pairs=True, own=False, own_camera=False)
    assert (len(data), data.per_image) == (5 * 5, 5)
    assert torch.equal(data.pids, data.images.pids.repeat_interleave(5))
    # the first image is of camera 1, the last of camera 6
    assert data.cameras(0) == [2, 3, 4, 5, 6]
    assert data.camids[:5].tolist() == [1, 2, 3, 4, 5]
    assert data.camids[-5:].tolist() == [0, 1, 2, 3, 4]
    assert Path(data.records[0].path).name == '0002_c1s1_000451_03_fake_1to2.jpg'


def test_identities_are_numbered_as_those_of_the_images_and_hidden_as_theirs(styled):
    data = styled()
    assert sorted(set(data.pids.tolist())) == [0, 1, 2]  # 2, 7 and 10 in the names
    hidden = styled(dataset=dict(labelled=False))
    assert set(hidden.pids.tolist()) == {-1}


def test_copies_are_in_no_split_of_their_data_set_and_in_no_batch_of_identities(styled):
    images = styled().images
    for split in ('train', 'query', 'gallery'):
        data = FolderReID(images.root, split, layout='market')
        assert not any('_fake_' in record.path for record in data.records)
    sampler = IdentitySampler(images, batch_size=4, num_identities=2, num_images=2)
    assert {item.index for item, _ in zip(sampler, range(40))} <= set(range(5))
    with pytest.raises(ValueError, match="has split 'query'; set split='train'"):
        styled(dataset=dict(split='query'))


def test_files_that_are_copies_of_no_training_image_are_not_read(styled, market_root, draw_image):
    draw_image(market_root / FOLDER / '0001_c1s1_001051_00_fake_2.jpg')  # of a query
    data = styled()
    assert len(data) == 30
    assert {record.pid for record in data.records} == {2, 7, 10}


def test_each_copy_is_augmented_on_its_own_and_alike_for_one_seed(styled):
    data = styled(dataset=dict(transforms=[dict(type='RandomPadCrop', padding=4)]))
    first, again, other = (data[SeededIndex(7, seed)].img for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(data.plain()[7].img, data.read_image(data.records[7]))


def test_jitter_makes_the_copies_of_the_image_itself():
    data = StyledReID(SHAPES, num_cameras=2, jitter=[BRIGHTER])
    plain = DATASETS.build(dict(SHAPES, transforms=[BRIGHTER]))
    assert len(data) == 2 * len(plain)
    assert data.pids.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert data.camids.tolist() == [0, 1] * 4
    for row in range(len(data)):
        assert torch.equal(data[row].img, plain[row // 2].img)


def test_missing_copies_are_counted_and_named(styled, market_root):
    with pytest.raises(FileNotFoundError, match=r'no copies of folder in .*write_copies\.py'):
        StyledReID(dict(MARKET, root=str(market_root)), num_cameras=6, copies='nowhere')
    lost = '0007_c1s6_028546_04_fake_3.jpg'
    with pytest.raises(FileNotFoundError, match=f'lacks 1 of 30 copies, the first: {lost}; write'):
        styled(skip=lost)
    with pytest.raises(FileNotFoundError, match=r'lacks 6 of 35 copies.*or set num_cameras'):
        styled(skip=lost, num_cameras=7)


def test_damaged_copies_are_counted_and_named_and_none_is_left_out(styled, market_root):
    name = '0007_c1s6_028546_04_fake_3.jpg'
    styled()
    path = market_root / FOLDER / name
    path.write_bytes(path.read_bytes()[:100])
    options = dict(num_cameras=CAMERAS, copies=FOLDER)
    images = dict(MARKET, root=str(market_root))
    with pytest.raises(ValueError, match=f'1 of 30 copies of folder cannot.*{name} .*; remove'):
        StyledReID(dict(images, skip_corrupt=True), **options)
    assert len(StyledReID(dict(images, check_images=False), **options)) == 30


def test_without_copies_in_the_own_camera_the_option_is_named(styled):
    with pytest.raises(FileNotFoundError, match=r'lacks 5 of 30 copies.*own_camera=False where'):
        styled(pairs=True, own=False)


def test_what_has_no_copies_is_named(market_root, draw_image):
    for given in ({}, dict(copies='folder', jitter=[])):
        with pytest.raises(ValueError, match='give one of them'):
            StyledReID(SHAPES, num_cameras=2, **given)
    with pytest.raises(ValueError, match=r'num_cameras is 1, but shapes_a has images of camera 2'):
        StyledReID(SHAPES, num_cameras=1, jitter=[])
    with pytest.raises(TypeError, match=r'plain images.*without pose_map'):
        StyledReID(dict(SHAPES, pose_map=dict(type='ShapesMap')), num_cameras=2, jitter=[])
    draw_image(market_root / 'bounding_box_train/0002_c1s1_000451_03_fake_1to2.jpg')
    with pytest.raises(ValueError, match=r'lists 1 camera-styled copies as .*_fake_1to2\.jpg'):
        StyledReID(dict(MARKET, root=str(market_root)), num_cameras=6, jitter=[])
