from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import default_collate

from projects.cagan.cagan import MPV, VITON, ShapesGarments, SwapBatch, SyntheticGarments
from projects.cagan.cagan.datasets import GarmentDataset, Pair
from projects.cagan.cagan.synthetic_sets import UPPER
from reidgen.structures import SeededIndex
from reidgen.synthetic import SIZES, Size

PERSON, CLOTH = 'person_half_front.jpg', 'cloth_front.jpg'


def draw(path: Path, colour=(200, 30, 30), size=(12, 16)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', size, colour).save(path)


class Marked(GarmentDataset):
    """Data set of images with a red left half: person 0, garments 1; article = garment number."""

    def read_pairs(self):
        return [Pair(f'p{k}', f'{k % 5}') for k in range(10)]

    def read_person(self, path):
        return self._half(0)

    def read_garment(self, path):
        return self._half(int(path) + 1)

    def _half(self, number):
        picture = torch.zeros(3, *self.size, dtype=torch.uint8)
        picture[0, :, : self.size[1] // 2] = 255
        picture[2] = 10 * number
        return picture


def is_mirrored(picture) -> bool:
    return bool(picture[0, 0, -1] > 128)


# ---- what all sets share ----


def test_the_wanted_garment_is_of_another_article_and_all_others_come_up():
    dataset, seen = Marked(size=(32, 16)), set()
    for seed in range(1000):
        item = dataset[SeededIndex(seed % 10, seed)]
        worn, wanted = item.worn[2, 0, 0].item(), item.wanted[2, 0, 0].item()
        assert worn == 10 * (1 + seed % 5) != wanted
        seen.add((worn, wanted))
    assert len(seen) == 5 * 4


def test_person_and_worn_are_mirrored_together_and_the_wanted_on_its_own():
    dataset = Marked(size=(32, 16), margin=(0, 0))
    items = [dataset[SeededIndex(0, seed)] for seed in range(200)]
    flips = [tuple(is_mirrored(picture) for picture in item) for item in items]
    assert all(person == worn for person, worn, _ in flips)
    for both in ((False, False), (False, True), (True, False), (True, True)):
        assert 20 < sum((worn, wanted) == both for _, worn, wanted in flips) < 80


def test_a_draw_is_augmented_alike_wherever_it_is_loaded_and_another_seed_is_not():
    dataset = Marked(size=(32, 16))
    before = torch.get_rng_state()
    first, again = (default_collate([dataset[SeededIndex(3, 7)]]) for _ in range(2))
    assert all(torch.equal(*each) for each in zip(first, again))
    assert any(
        not torch.equal(first[0][0], dataset[SeededIndex(3, seed)].person) for seed in range(8)
    )
    assert torch.equal(before, torch.get_rng_state())


def test_the_crop_leaves_the_size_and_moves_the_edge():
    dataset = Marked(size=(32, 16), margin=(0, 8))
    edges = set()
    for seed in range(60):
        person = dataset[SeededIndex(0, seed)].person
        assert person.shape == (3, 32, 16)
        edges.add(int((person[0, 0] > 128).sum()))
    assert edges == set(range(4, 13))  # the edge of 24 columns is at 12, cut 0 to 8 off the left


def test_a_test_split_and_a_plain_copy_are_the_same_at_every_access():
    for dataset in (Marked('test', size=(32, 16)), Marked(size=(32, 16)).plain(maps=True)):
        for row in range(10):
            item, again = dataset[row], dataset[SeededIndex(row, 99)]
            assert isinstance(item, SwapBatch)
            assert all(torch.equal(*each) for each in zip(item, again))
            assert not is_mirrored(item.person)
    wanted = [[Marked('test', size=(32, 16), seed=s).wanted(r) for r in range(10)] for s in (0, 1)]
    assert wanted[0] != wanted[1]


def test_the_margin_grows_with_the_size():
    assert Marked(size=(128, 96)).margin == [20, 15]
    assert Marked(size=(256, 192)).margin == [40, 30]


@pytest.mark.parametrize(
    'wrong, message',
    [
        (dict(split='val'), "split is 'val'"),
        (dict(size=(100, 96)), 'multiples of 16'),
        (dict(size=(16, 16)), 'one pixel, which instance norm refuses: set size larger'),
        (dict(margin=(-1, 0)), r'margin is \[-1, 0\]'),
        (dict(interpolation='area'), "interpolation is 'area'; .* bicubic, bilinear"),
    ],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        Marked(**wrong)


@pytest.mark.parametrize('name', ['bicubic', 'bilinear'])
def test_pictures_are_resized_as_pillow_does(name):
    dataset = Marked(size=(32, 64), interpolation=name)
    rng = torch.Generator().manual_seed(0)
    for height, width in ((50, 90), (20, 30)):  # smaller and larger
        picture = torch.randint(256, (3, height, width), generator=rng, dtype=torch.uint8)
        by_pillow = Image.fromarray(picture.permute(1, 2, 0).numpy()).resize(
            (64, 32), Image.Resampling[name.upper()]
        )
        expected = torch.from_numpy(np.array(by_pillow)).permute(2, 0, 1)
        assert (dataset.resized(picture).int() - expected.int()).abs().max() <= 1


def test_one_article_is_no_swap():
    with pytest.raises(ValueError, match='has 1 article'):
        ShapesGarments(num_persons=1)


# ---- MPV ----


def test_the_list_keeps_half_front_persons_of_the_split_with_a_front_view_garment(tmp_path):
    rows = [
        (f'a@1={PERSON}', 'a@2=person_back.jpg', f'a@3={CLOTH}', 'train'),
        ('b@1=person_back.jpg', f'b@2={PERSON}', f'b@3={CLOTH}', 'train'),  # in column B
        ('b@5=person_full.jpg', f'b@2={PERSON}', f'b@3={CLOTH}', 'train'),  # a repetition
        (f'c@1={PERSON}', 'c@2=person_full.jpg', 'c@3=cloth_back.jpg', 'train'),
        ('d@1=person_back.jpg', 'd@2=person_full.jpg', f'd@3={CLOTH}', 'train'),
        (f'e@1={PERSON}', 'e@2=person_back.jpg', f'e@3={CLOTH}', 'test'),
        (f'f@1={PERSON}', 'f@2=person_back.jpg', f'f@3={CLOTH}', 'test'),
    ]
    (tmp_path / 'list.txt').write_text('\n'.join('\t'.join(row) for row in rows) + '\n')
    for row in rows:
        for name in row[:3]:
            draw(tmp_path / 'MPV' / name)
    settings = dict(root=tmp_path, list_file='list.txt', images='MPV')
    found = [
        [(Path(person).name, Path(worn).name) for person, worn, _ in MPV(split=s, **settings).pairs]
        for s in ('train', 'test')
    ]
    assert found[0] == [(f'a@1={PERSON}', f'a@3={CLOTH}'), (f'b@2={PERSON}', f'b@3={CLOTH}')]
    assert [worn[0] for _, worn in found[1]] == ['e', 'f']
    dataset = MPV(**settings)
    assert list(dataset.garments) == ['a', 'b']
    assert dataset[0].person.shape == (3, 256, 192)
    (tmp_path / 'MPV' / f'a@1={PERSON}').unlink()
    with pytest.raises(FileNotFoundError, match='1 pictures of the list are missing'):
        MPV(**settings)


def test_two_pictures_of_one_article_are_never_swapped(tmp_path):
    names = [('a@1', 'a@3'), ('a@4', 'a@5'), ('b@1', 'b@3')]
    rows = [f'{p}={PERSON}\tx\t{c}={CLOTH}\ttrain' for p, c in names]
    (tmp_path / 'list.txt').write_text('\n'.join(rows))
    for person, cloth in names:
        draw(tmp_path / 'all' / f'{person}={PERSON}')
        draw(tmp_path / 'all' / f'{cloth}={CLOTH}')
    dataset = MPV(tmp_path, list_file='list.txt').plain()
    for row in range(2):
        assert Path(dataset.wanted(row)).name.startswith('b@')


def test_the_flat_layout_matches_by_name_and_an_orphan_raises(tmp_path):
    for number in (1, 2, 10):
        draw(tmp_path / f'{number:08d}_{PERSON}')
        draw(tmp_path / f'{number:08d}_{CLOTH}')
    dataset = MPV(tmp_path, layout='flat', size=(32, 32))
    assert [Path(pair.person).name[:8] for pair in dataset.pairs] == [
        '00000001',
        '00000002',
        '00000010',
    ]
    assert all(pair.person[:-21] == pair.worn[:-15] for pair in dataset.pairs)
    (tmp_path / f'00000002_{CLOTH}').unlink()
    with pytest.raises(ValueError, match=r'1 pictures .* have no partner.*00000002'):
        MPV(tmp_path, layout='flat')


def test_the_one_five_layout_matches_two_folders(tmp_path):
    for number in range(3):
        draw(tmp_path / '1' / f'{number:06d}_1.jpg')
        draw(tmp_path / '5' / f'{number:06d}_5.jpg')
    pairs = MPV(tmp_path, layout='one_five', size=(32, 32)).pairs
    assert [(Path(p).name, Path(c).name) for p, c, _ in pairs][2] == (
        '000002_1.jpg',
        '000002_5.jpg',
    )
    with pytest.raises(ValueError, match="layout is 'five'"):
        MPV(tmp_path, layout='five')


# ---- VITON ----


def test_viton_persons_wear_what_has_their_name_and_the_test_list_says_what_they_want(tmp_path):
    for split in ('train', 'test'):
        for number in range(3):
            draw(tmp_path / split / 'image' / f'{number}_0.jpg')
            draw(tmp_path / split / 'cloth' / f'{number}_1.jpg')
    (tmp_path / 'train_pairs.txt').write_text('\n'.join(f'{k}_0.jpg {k}_1.jpg' for k in range(3)))
    (tmp_path / 'test_pairs.txt').write_text('0_0.jpg 2_1.jpg\n1_0.jpg 1_1.jpg\n')
    train, test = (VITON(tmp_path, split, size=(32, 32)) for split in ('train', 'test'))
    assert [Path(pair.worn).name for pair in train.pairs] == ['0_1.jpg', '1_1.jpg', '2_1.jpg']
    assert all(pair.wanted is None for pair in train.pairs)
    assert Path(test.wanted(0)).name == '2_1.jpg'
    assert test.pairs[1].wanted is None  # the own one: another is drawn
    assert Path(test.wanted(1)).name == '0_1.jpg'


@pytest.mark.parametrize(
    'kind, name', [(MPV, 'all_poseA_poseB_clothes.txt'), (VITON, 'train_pairs.txt')]
)
def test_a_list_that_is_no_utf_8_is_named_with_line_and_byte(kind, name, tmp_path):
    (tmp_path / name).write_bytes('\nJürgen.jpg b.jpg\n'.encode('latin-1'))
    with pytest.raises(ValueError, match=rf'{name}, line 2: byte 0xfc is not UTF-8; save the list'):
        kind(tmp_path)


# ---- whose truth is known ----


def test_stick_figures_change_their_shirt_and_nothing_else():
    dataset = ShapesGarments(split='test', size=(64, 32))
    for row in range(4):
        wanted = dataset.wanted(row)
        truth, person = dataset.read_truth(row, wanted), dataset[row].person
        changed = (truth.image.int() - person.int()).abs().amax(0) > 0
        assert truth.garment.sum() > 100
        # at its edge a pixel is partly shirt
        assert (changed & ~truth.garment[0]).sum() < 0.4 * truth.garment.sum()
        own = dataset.read_truth(row, dataset.pairs[row].worn)
        assert torch.equal(own.image, person)


def test_training_and_test_figures_are_others():
    names = [{p.worn for p in ShapesGarments(split=s).pairs} for s in ('train', 'test')]
    assert len(names[0]) == len(names[1]) == 8
    assert not names[0] & names[1]


@pytest.fixture(scope='module')
def rendered(tmp_path_factory):
    whole = SIZES['tiny']
    SIZES['tiny'] = Size(num_train=2, num_test=2, num_distractors=0, num_junk=0)
    yield tmp_path_factory.mktemp('people')
    SIZES['tiny'] = whole


@pytest.mark.slow
def test_rendered_people_come_with_their_look_in_another_garment(rendered):
    settings = dict(people='tiny', root=rendered)
    dataset = SyntheticGarments(split='test', **settings)
    row = max(range(len(dataset)), key=lambda row: dataset.read_truth(row, '5001').garment.sum())
    pair = dataset.pairs[row]
    truth, item = dataset.read_truth(row, dataset.wanted(row)), dataset[row]
    assert truth.image.shape == item.person.shape == (3, 128, 64)
    difference = (truth.image.int() - item.person.int()).abs().float().mean(0)
    garment = truth.garment[0]
    assert difference[garment].mean() > 5 * difference[~garment].mean()
    own = dataset.read_truth(row, pair.worn).image
    assert (own.int() - item.person.int()).abs().max() <= 2  # another JPEG decoder
    train = SyntheticGarments(split='train', **settings)
    assert {Path(pair.worn).stem for pair in train.pairs} <= {'0001', '0002'}
    all_pairs = train.source.garment_pairs()
    nose = [train.source.read_joints(each.record)[0, 2] == 1 for each in all_pairs]
    upper = [train.source.read_parts(each.record) == UPPER for each in all_pairs]
    shown = [part.sum().item() >= 0.05 * part.numel() for part in upper]
    assert train.records == [e.record for e, n, s in zip(all_pairs, nose, shown) if n and s]
    assert 0 < len(train) < sum(nose) < len(all_pairs)
