import re
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, default_collate

from reidgen.datasets import FolderReID, Market1501, ShapesReID
from reidgen.structures import DomainBatch, ImageBatch, SeededIndex

ROOT = Path(__file__).resolve().parents[2]
AUGMENT = [
    {'type': 'Resize', 'size': (20, 10)},
    {'type': 'RandomFlip'},
    {'type': 'RandomPadCrop', 'padding': 2},
    {'type': 'RandomErase'},
    {'type': 'ColorJitter', 'brightness': 0.5},
]


def shapes(**kwargs) -> ShapesReID:
    return ShapesReID('a', **{'transforms': AUGMENT, 'pose_map': {'type': 'ShapesMap'}, **kwargs})


def test_collate_makes_tensors_of_the_right_type():
    data = shapes(num_identities=2)
    batch = default_collate([data[SeededIndex(i, 7)] for i in (1, 5, 2)])
    assert isinstance(batch, DomainBatch)
    assert batch.img.shape == (3, 3, 20, 10)
    assert batch.pose_map.shape == batch.novel_map.shape == (3, 1, 20, 10)
    assert batch.img.dtype == batch.pose_map.dtype == batch.novel_map.dtype == torch.uint8
    assert batch.pid.dtype == batch.camid.dtype == batch.index.dtype == torch.int64
    assert (batch.pid.tolist(), batch.index.tolist()) == ([0, 1, 0], [1, 5, 2])
    plain = default_collate([shapes(pose_map=None)[i] for i in range(2)])
    assert isinstance(plain, ImageBatch)


def test_a_draw_decides_everything_random_in_whatever_process_it_is_loaded():
    data = shapes()
    draws = [SeededIndex(index % 32, seed) for seed, index in enumerate(range(5, 37))]
    loaders = [DataLoader(data, batch_size=8, sampler=draws, num_workers=n) for n in (0, 2)]
    for one, other in zip(*loaders):
        for a, b in zip(one, other):
            assert torch.equal(a, b)


def test_other_seeds_augment_otherwise_and_the_global_random_state_is_untouched():
    data = shapes()
    torch.manual_seed(3)
    state = torch.get_rng_state()
    pictures = [data[SeededIndex(0, seed)].img for seed in range(6)]
    assert torch.equal(state, torch.get_rng_state())
    assert len({tuple(picture.flatten().tolist()) for picture in pictures}) > 1
    assert torch.equal(data[4].img, data[4].img)


def test_the_novel_view_is_any_but_the_own_one():
    data = shapes(transforms=(), pose_map={'type': 'ShapesMap', 'views': (0, 90, 180, 270)})
    turned = {view: data.read_map(data.records[0], view) for view in (0, 90, 180, 270)}
    seen = set()
    for seed in range(40):
        item = data[SeededIndex(0, seed)]
        assert torch.equal(item.pose_map, turned[0])
        seen |= {view for view, pose_map in turned.items() if torch.equal(pose_map, item.novel_map)}
    assert seen == {90, 180, 270}
    assert data.num_views == 4


def test_a_source_of_one_view_repeats_the_map_and_lists_are_concatenated():
    single = shapes(pose_map={'type': 'Grayscale'})
    assert single.num_views == 1
    assert torch.equal(single[3].pose_map, single[3].novel_map)
    both = shapes(transforms=(), pose_map=[{'type': 'Grayscale'}, {'type': 'ShapesMap'}])
    assert (both.map_channels, both.num_views) == (2, 8)
    item = both[3]
    assert torch.equal(item.pose_map[0], item.novel_map[0])
    assert not torch.equal(item.pose_map[1], item.novel_map[1])
    assert shapes(pose_map=None).num_views == 0


def test_plain_drops_what_is_random_and_nothing_else():
    data = shapes()
    plain = data.plain()
    assert isinstance(plain[2], ImageBatch)
    assert torch.equal(plain[SeededIndex(2, 1)].img, plain[SeededIndex(2, 2)].img)
    only_resized = shapes(transforms=AUGMENT[:1])
    assert torch.equal(plain[2].img, only_resized[2].img)
    with_maps = data.plain(maps=True)
    novel = [with_maps[SeededIndex(2, seed)].novel_map for seed in range(5)]
    assert all(torch.equal(novel[0], other) for other in novel)
    assert isinstance(data[2], DomainBatch)  # the original is as it was
    assert len(data.transforms) == 5


def test_an_unlabelled_set_hands_out_no_identity_and_keeps_its_records():
    data = shapes(labelled=False)
    assert set(data.pids.tolist()) == {-1}
    assert data[9].pid == -1
    assert data.num_identities == 0
    assert len({record.pid for record in data.records}) == 8


def test_a_row_that_does_not_exist_is_an_index_error():
    data = shapes(num_identities=2)
    with pytest.raises(IndexError, match='row 8 of shapes_a, which has 8 images'):
        data[8]
    with pytest.raises(IndexError, match='row -1'):
        data[-1]


def test_the_first_place_that_exists_is_read_and_an_error_names_them_all(market_root, tmp_path):
    data = Market1501([str(tmp_path / 'nowhere'), str(market_root), str(tmp_path)])
    assert data.root == market_root
    with pytest.raises(FileNotFoundError) as error:
        Market1501(['data/nowhere', str(tmp_path / 'neither')])
    for part in (str(tmp_path / 'neither'), '/data/nowhere', 'bounding_box_train, query'):
        assert part in str(error.value)


@pytest.mark.parametrize('dataset', [Market1501, FolderReID])
def test_the_error_about_a_root_names_what_every_data_set_has(dataset, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        dataset(str(tmp_path / 'neither'))
    message = str(error.value)
    for part in (
        f'no {dataset.__name__} at',
        str(tmp_path / 'neither'),
        '`root` of the data set',
        '--cfg-options data_roots.NAME=/path',
        'configs/gcl_smoke.py',
    ):
        assert part in message
    # an option of no config, and a config that may be the one that is run
    assert 'data_roots.folder' not in message
    assert 'mot2pets' not in message


def test_misspelt_choices_name_the_known_ones(market_root):
    with pytest.raises(ValueError, match="split is 'test'; it must be one of train, query"):
        Market1501(str(market_root), 'test')
    with pytest.raises(ValueError, match="on_missing is 'skip'; it must be one of raise, drop"):
        Market1501(str(market_root), on_missing='skip')


def test_a_damaged_file_raises_by_name_or_is_left_out(market_root, log):
    damaged = market_root / 'query' / '0001_c1s1_001051_00.jpg'
    damaged.write_bytes(damaged.read_bytes()[:-100])
    with pytest.raises(
        ValueError,
        match=r'Market1501 query: 1 of 2 images cannot be decoded:\n'
        r'.*0001_c1s1_001051_00(.|\n)*skip_corrupt=True',
    ):
        Market1501(str(market_root), 'query+gallery')
    data = Market1501(str(market_root), 'query+gallery', skip_corrupt=True)
    assert data.metainfo['num_query'] == 1
    assert data.pids.tolist() == [3, 0, 1, 1, 3]
    assert '1 of 2 images cannot be decoded' in log.text
    unchecked = Market1501(str(market_root), 'query', check_images=False)
    with pytest.raises(OSError, match='0001_c1s1_001051_00'):
        unchecked[0]


@pytest.fixture
def half_meshed(market_root, tmp_path, draw_image):
    """Meshes at 0 and 90 degrees for all training images but the last."""
    for path in sorted((market_root / 'bounding_box_train').glob('000[27]*.jpg')):
        for folder in ('render', 'render_90'):
            draw_image(tmp_path / 'mesh/train' / folder / path.name)
    return {
        'root': str(market_root),
        'pose_map': {'type': 'RenderedMesh', 'root': str(tmp_path / 'mesh'), 'views': (90,)},
    }


def test_missing_maps_raise_with_count_names_and_fix(half_meshed):
    with pytest.raises(
        ValueError,
        match=r'Market1501 train: 1 of 5 images lack pose maps:\n'
        r'.*train/render/0010_c6s3_077467_02\.jpg\n'
        r'.*render_90/0010(.|\n)*data_roots\.mesh',
    ) as error:
        Market1501(**half_meshed)
    message = str(error.value)
    assert half_meshed['pose_map']['root'] in message
    assert "dict(type='Grayscale')" in message
    assert "on_missing='drop'" in message
    named = re.findall(r'[\w/]+\.py', message)
    assert all((ROOT / path).is_file() for path in named), named


def test_images_without_maps_can_be_dropped_or_get_blank_ones(half_meshed, log):
    dropped = Market1501(**half_meshed, on_missing='drop')
    assert dropped.pids.tolist() == [0, 0, 1, 1]
    blank = Market1501(**half_meshed, on_missing='blank')
    assert blank.pids.tolist() == [0, 0, 1, 1, 2]
    assert blank[4].pose_map.shape == (1, 16, 8)
    assert blank[4].pose_map.max() == blank[4].novel_map.max() == 0
    assert blank[3].pose_map.max() > 0
    assert '1 of 5 images lack pose maps' in log.text
