import errno
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from reidgen.datasets import Grayscale, ShapesReID, SyntheticMesh, SyntheticReID
from reidgen.registry import DATASETS, POSE_MAPS
from reidgen.structures import DomainBatch, ImageBatch
from reidgen.synthetic import PARTS, SIZES, Plan, Size
from tests.pictures import read_picture

pytestmark = pytest.mark.slow

MESH = dict(type='SyntheticMesh')
FEW = Size(num_train=2, num_test=2, num_distractors=1, num_junk=1)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """Holds 'tiny' of synth_a, which is of a few people here."""
    whole, SIZES['tiny'] = SIZES['tiny'], FEW
    place = tmp_path_factory.mktemp('synthetic')
    SyntheticReID('synth_a', 'tiny', place)
    yield place
    SIZES['tiny'] = whole


def plan() -> Plan:
    return Plan.of('synth_a', 'tiny')


def test_registered_under_its_name(root):
    assert DATASETS.get('SyntheticReID') is SyntheticReID
    assert POSE_MAPS.get('SyntheticMesh') is SyntheticMesh


def test_training_images_are_those_of_the_plan(root):
    dataset = SyntheticReID('synth_a', 'tiny', root)
    expected = sorted(
        f'{picture.name}.jpg'
        for job in plan().jobs()
        for picture in plan().pictures(job)
        if picture.split == 'train'
    )
    assert [Path(record.path).name for record in dataset.records] == expected
    assert dataset.num_identities == 2
    assert sorted(set(dataset.pids.tolist())) == [0, 1]
    assert dataset.name == dataset.metainfo['name'] == 'synth_a'
    item = dataset[0]
    assert isinstance(item, ImageBatch)
    assert item.img.shape == (3, 128, 64)
    assert dataset.camids[0] == int(expected[0][6]) - 1


def test_gallery_has_the_distractor_and_no_junk(root):
    dataset = SyntheticReID('synth_a', 'tiny', root, 'query+gallery')
    assert set(dataset.pids.tolist()) == {0, 5001, 5002}
    on_disk = {path.name[:2] for path in (dataset.root / 'bounding_box_test').iterdir()}
    assert '-1' in on_disk
    queries = dataset.metainfo['num_query']
    assert set(dataset.pids[:queries].tolist()) == {5001, 5002}
    for row in range(queries):  # each query has something to find
        rest = slice(queries, None)
        found = (dataset.pids[rest] == dataset.pids[row]) & (
            dataset.camids[rest] != dataset.camids[row]
        )
        assert found.any()


def test_loader_hands_out_maps_of_two_views(root):
    dataset = SyntheticReID('synth_a', 'tiny', root, pose_map=MESH)
    batch = next(iter(DataLoader(dataset, batch_size=4)))
    assert isinstance(batch, DomainBatch)
    assert batch.img.shape == (4, 3, 128, 64)
    assert batch.pose_map.shape == batch.novel_map.shape == (4, 1, 128, 64)
    assert batch.pose_map.dtype == torch.uint8
    assert (batch.pose_map != batch.novel_map).any()
    assert batch.index.tolist() == [0, 1, 2, 3]
    assert (dataset.num_views, dataset.map_channels) == (8, 1)


def test_a_view_is_its_tile_of_the_strip(root):
    dataset = SyntheticReID('synth_a', 'tiny', root, pose_map=MESH)
    record = dataset.records[0]
    strip = np.array(read_picture(dataset.root / 'mesh' / Path(record.path).name))
    assert strip.shape == (128, 512)
    image = dataset.read_image(record)
    for view, column in ((None, 0), (45, 64), (315, 448)):
        loaded = dataset.pose_map.load(record, 'train', view, image)
        np.testing.assert_array_equal(loaded[0].numpy(), strip[:, column : column + 64])


def test_mask_parts_and_mesh_agree(root):
    dataset = SyntheticReID('synth_a', 'tiny', root, pose_map=MESH)
    inside = []
    for record in dataset.records:
        mask, parts = dataset.read_mask(record) > 0, dataset.read_parts(record)
        assert torch.equal(mask, parts > 0)
        assert parts.max() < len(PARTS)
        mesh = dataset.pose_map.load(record, 'train', None, None) > 20
        inside.append(((mesh & mask).sum() / mask.sum()).item())
    assert np.median(inside) > 0.85


def test_joints_are_read_as_written_and_drawn_by_joint_heatmap(root):
    dataset = SyntheticReID('synth_a', 'tiny', root)
    heat = dict(type='JointHeatmap', root=str(dataset.root / 'joints'), sigma=2.0)
    dataset = SyntheticReID('synth_a', 'tiny', root, pose_map=heat)
    record = dataset.records[0]
    joints = dataset.read_joints(record)
    assert joints.shape == (18, 3)
    maps = dataset[0].pose_map
    for joint, (x, y, visible) in enumerate(joints.tolist()):
        if visible and 1 < x < 62 and 1 < y < 126:
            row, column = divmod(maps[joint].argmax().item(), 64)
            assert abs(row - y) <= 1
            assert abs(column - x) <= 1
        elif not visible:
            assert maps[joint].max() == 0


def test_garment_pairs_name_the_worn_and_the_others_of_the_split(root):
    for split, worn, other in (('train', '0001', '0002'), ('query+gallery', '5001', '5002')):
        dataset = SyntheticReID('synth_a', 'tiny', root, split)
        pairs = dataset.garment_pairs()
        assert [pair.record for pair in pairs] == [
            record for record in dataset.records if record.pid > 0
        ]
        for pair in pairs:
            own = Path(pair.worn).stem
            assert int(own) == pair.record.pid
            assert [Path(path).stem for path in pair.others] == [other if own == worn else worn]
            assert read_picture(pair.worn).size == (96, 128)


def test_a_garment_has_the_colour_that_its_wearer_has(root):
    dataset = SyntheticReID('synth_a', 'tiny', root)
    seen, pictured = {}, {}
    upper = PARTS.index('upper')
    for pair in dataset.garment_pairs():
        image = dataset.read_image(pair.record).float()
        shown = (dataset.read_parts(pair.record) == upper)[0]
        if shown.sum() > 200:
            seen.setdefault(pair.record.pid, []).append(image[:, shown].median(1).values)
        flat = torch.from_numpy(np.array(read_picture(pair.worn))).permute(2, 0, 1).float()
        pictured[pair.record.pid] = flat[:, flat.amin(0) < 235].median(1).values
    hues = {pid: torch.stack(colours).mean(0) for pid, colours in seen.items()}

    def direction(colour):
        return (colour - colour.mean()) / (colour - colour.mean()).norm()

    right = sum(direction(hues[pid]) @ direction(pictured[pid]) for pid in hues)
    wrong = sum(direction(hues[pid]) @ direction(pictured[3 - pid]) for pid in hues)
    assert right > wrong


def test_maps_are_rendered_when_they_are_first_needed(root, tmp_path):
    dataset = SyntheticReID('synth_a', 'tiny', tmp_path, maps=False)
    assert not (dataset.root / 'mesh').exists()
    again = SyntheticReID('synth_a', 'tiny', tmp_path, maps=False, pose_map=MESH)
    assert again[0].pose_map.max() > 100


def test_a_changed_file_is_found_when_the_set_is_read(root, tmp_path):
    copied = shutil.copytree(root, tmp_path / 'copy')
    path = Path(SyntheticReID('synth_a', 'tiny', copied).records[0].path)
    pixels = cv2.imread(str(path))
    pixels[32:48, 16:32] = 0
    cv2.imwrite(str(path), pixels)
    with pytest.raises(ValueError, match=f'{path.name} is not what was rendered'):
        SyntheticReID('synth_a', 'tiny', copied, check='all')
    path.unlink()
    with pytest.raises(ValueError, match=f'{path.name} is missing'):
        SyntheticReID('synth_a', 'tiny', copied)


def test_pictures_that_are_not_the_published_ones_are_reported(root):
    # a few people in place of the twenty of 'tiny'
    with pytest.raises(ValueError, match=r'are not those of synth-1\.0.*strict_stats=False'):
        SyntheticReID('synth_a', 'tiny', root, strict_stats=True)


def test_the_first_place_that_has_it_is_read(root, tmp_path):
    dataset = SyntheticReID('synth_a', 'tiny', [tmp_path / 'none', root])
    assert dataset.root == root / 'synth_a/tiny'
    assert not (tmp_path / 'none').exists()


def test_a_root_that_cannot_be_written_raises(root, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(NotADirectoryError, match='cannot render the synthetic people into'):
        SyntheticReID('synth_a', 'tiny', tmp_path / 'file/data')


def test_a_full_disk_raises_and_the_next_try_goes_on(root, tmp_path, monkeypatch):
    write = Path.write_bytes

    def full(path, data):
        if path.name.startswith('0002'):
            raise OSError(errno.ENOSPC, 'No space left on device')
        return write(path, data)

    monkeypatch.setattr(Path, 'write_bytes', full)
    for _ in range(2):  # reading again renders again, and fails again
        with pytest.raises(OSError, match='No space left on device'):
            SyntheticReID('synth_a', 'tiny', tmp_path)
    monkeypatch.undo()
    expected = [Path(record.path).name for record in SyntheticReID('synth_a', 'tiny', root).records]
    found = SyntheticReID('synth_a', 'tiny', tmp_path, check='all').records
    assert [Path(record.path).name for record in found] == expected


@pytest.mark.parametrize(
    'wrong, message',
    [
        (dict(domain='synth_c'), "domain is 'synth_c'"),
        (dict(size='small'), "size is 'small'; it must be one of tiny, base, large"),
        (dict(split='multi_query'), "no split 'multi_query'"),
        (dict(validation=True), 'validation=True has no training split'),
    ],
)
def test_what_there_is_not_is_refused(wrong, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        SyntheticReID(**{'size': 'tiny', 'root': tmp_path, **wrong})
    assert not list(tmp_path.iterdir())


def test_maps_of_another_set_are_refused():
    with pytest.raises(TypeError, match='not those of ShapesReID; set pose_map to'):
        ShapesReID(pose_map=MESH)
    assert Grayscale().num_views == 1


def test_views_that_are_not_rendered_are_refused():
    with pytest.raises(ValueError, match=r'views \[30\] are not rendered'):
        SyntheticMesh(views=[45, 30])


def test_a_person_is_rendered_in_the_garment_of_another_and_in_their_own(root):
    dataset = SyntheticReID('synth_a', 'tiny', root, 'query')
    pair = dataset.garment_pairs()[0]
    stored, upper = dataset.read_image(pair.record), PARTS.index('upper')
    image, parts = dataset.read_swapped(pair.record, pair.worn)
    assert torch.equal(parts, dataset.read_parts(pair.record))
    assert (image.int() - stored.int()).abs().max() <= 2  # another JPEG decoder
    other, _ = dataset.read_swapped(pair.record, pair.others[0])
    assert other.shape == stored.shape
    assert (other.int() - image.int()).abs()[:, (parts == upper)[0]].float().mean() > 5


def test_who_wears_nothing_that_is_pictured_cannot_be_dressed(root):
    dataset = SyntheticReID('synth_a', 'tiny', root, 'gallery')
    loner = next(record for record in dataset.records if record.pid == 0)
    garment = dataset.garment_pairs()[0].worn
    with pytest.raises(ValueError, match=r'cannot be rendered in .*garment_pairs'):
        dataset.read_swapped(loner, garment)
    with pytest.raises(ValueError, match=r'cannot be rendered in shirt\.jpg'):
        dataset.read_swapped(dataset.garment_pairs()[0].record, 'shirt.jpg')


def test_a_turned_picture_is_rendered_with_the_scene_of_the_stored_one(root):
    dataset = SyntheticReID('synth_a', 'tiny', root)
    record = dataset.records[0]
    stored, own, turned = (
        picture.int()
        for picture in (
            dataset.read_image(record),
            dataset.read_turned(record, 0),
            dataset.read_turned(record, 180),
        )
    )
    assert own.shape == (3, 128, 64)
    assert (own - stored).abs().float().mean() < 0.5  # light is divided and multiplied again
    change = (turned - own).abs().float().mean(0)
    person = dataset.read_mask(record)[0] > 0
    assert change[person].mean() > 5 * change[:, :4].mean()
    with pytest.raises(ValueError, match=r'elsewhere\.jpg is no picture of synth_a/tiny'):
        dataset.read_turned(record._replace(path='elsewhere.jpg'), 90)
