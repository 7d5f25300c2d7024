from collections import Counter
from itertools import islice

import pytest
import torch

from reidgen.datasets import (
    IdentitySampler,
    PseudoLabelSampler,
    ShapesReID,
    ShuffleSampler,
    samplers,
)
from reidgen.datasets.cluster_samplers import TooFewClusters
from reidgen.rng import seed_of


@pytest.fixture(scope='module')
def data() -> ShapesReID:
    return ShapesReID('a', num_identities=7, images_per_identity=3)  # 21 images


def take(sampler, num: int) -> list:
    return list(islice(iter(sampler), num))


def make(kind: str, data, batch: int, **kwargs):
    if kind == 'identity':
        return IdentitySampler(data, batch, num_identities=batch // 2, num_images=2, **kwargs)
    sampler = {'shuffle': ShuffleSampler, 'pseudo': PseudoLabelSampler}[kind](data, batch, **kwargs)
    if kind == 'pseudo':
        sampler.set_labels(torch.tensor([-1, 0, 0] * 7))
    return sampler


KINDS = pytest.mark.parametrize('kind', ['shuffle', 'pseudo', 'identity'])


def test_a_pass_shows_every_image_once_but_for_the_incomplete_batch(data):
    sampler = ShuffleSampler(data, 4)
    assert sampler.batches_per_pass == 5
    assert len(sampler) == 20
    drawn = [draw.index for draw in take(sampler, 40)]
    for a_pass in (drawn[:20], drawn[20:]):
        assert len(set(a_pass)) == 20
    assert drawn[:20] != drawn[20:]


@KINDS
def test_the_same_seed_gives_the_same_sequence_and_another_another(kind, data):
    first = take(make(kind, data, 4, seed=5), 60)
    assert take(make(kind, data, 4, seed=5), 60) == first
    assert take(make(kind, data, 4, seed=6), 60) != first


@KINDS
def test_starting_anywhere_equals_replaying(kind, data):
    whole = take(make(kind, data, 4), 80)
    for batches in (1, 3, 5, 13):
        sampler = make(kind, data, 4)
        sampler.set_start(batches)
        assert take(sampler, 20) == whole[batches * 4 : batches * 4 + 20]


@KINDS
def test_two_ranks_with_half_the_batch_see_the_sequence_of_one(kind, data, monkeypatch):
    whole = take(make(kind, data, 8), 48)
    ranks = []
    for rank in (0, 1):
        monkeypatch.setattr(samplers, 'get_dist_info', lambda rank=rank: (rank, 2))
        sampler = make(kind, data, 4)
        sampler.set_start(1)
        ranks.append(take(sampler, 20))
    for batch in range(5):
        both = [draw for rank in ranks for draw in rank[batch * 4 : batch * 4 + 4]]
        assert both == whole[(batch + 1) * 8 : (batch + 2) * 8]


def test_a_start_that_is_no_batch_is_refused(data):
    for start in (-1, 1.0):
        with pytest.raises(ValueError, match=f'starts at a batch from 0, not at {start}'):
            ShuffleSampler(data, 4).set_start(start)


def test_the_seed_of_a_draw_is_its_place_in_the_global_sequence(data):
    seeds = [draw.seed for draw in take(ShuffleSampler(data, 4, seed=9), 50)]
    assert seeds == [seed_of(9, place) for place in range(50)]


def test_a_set_smaller_than_one_batch_of_all_ranks_is_refused_with_the_fix(data):
    with pytest.raises(
        ValueError,
        match=r'shapes_a has 21 images, fewer than one batch of 24 '
        r'\(12 x 2 processes\); set batch_size to 10 or less',
    ):
        ShuffleSampler(data, 12, rank=0, world_size=2)
    assert ShuffleSampler(data, 10, rank=0, world_size=2).batches_per_pass == 1
    with pytest.raises(ValueError, match='seed is None'):
        ShuffleSampler(data, 4, seed=None)


def test_outliers_stay_away_from_the_next_iter_on(data):
    sampler = PseudoLabelSampler(data, 4)
    running = iter(sampler)
    before = [next(running).index for _ in range(4)]
    labels = torch.tensor([-1, 0, 1] * 7)
    sampler.set_labels(labels)
    before += [next(running).index for _ in range(16)]
    assert len(set(before)) == 20  # the running pass goes on with every image
    assert sampler.batches_per_pass == 3  # 14 of 21 images
    drawn = Counter(draw.index for draw in take(sampler, 12 * 20))
    assert set(drawn) == set((labels >= 0).nonzero()[:, 0].tolist())


def test_forgotten_labels_bring_every_image_back(data):
    sampler, fresh = make('pseudo', data, 4), PseudoLabelSampler(data, 4)
    assert take(sampler, 20) != take(fresh, 20)
    sampler.forget_labels()
    assert take(sampler, 40) == take(fresh, 40)


def test_labels_that_cannot_be_are_refused(data):
    sampler = PseudoLabelSampler(data, 4)
    with pytest.raises(ValueError, match=r'labels have the shape \(20,\), but shapes_a has 21'):
        sampler.set_labels(torch.zeros(20))
    with pytest.raises(TooFewClusters, match=r'has 3 of 21 images, .*raise eps'):
        sampler.set_labels(torch.tensor([0] * 3 + [-1] * 18))
    assert sampler.batches_per_pass == 5  # the refused labels changed nothing


def test_a_batch_holds_p_identities_with_k_different_images(data):
    sampler = IdentitySampler(data, 6, num_identities=3, num_images=2)
    assert sampler.batches_per_pass == 2  # 7 identities, one left over
    drawn = [draw.index for draw in take(sampler, 6 * 30)]
    for start in range(0, len(drawn), 6):
        batch = drawn[start : start + 6]
        assert len(set(batch)) == 6
        assert sorted(Counter(data.pids[batch].tolist()).values()) == [2, 2, 2]
    for start in range(0, len(drawn), 12):  # a pass: each identity at most once
        assert len(set(data.pids[drawn[start : start + 12]].tolist())) == 6
    assert set(drawn) == set(range(21))  # all images come in turn


def test_an_identitys_images_come_in_turn_over_the_passes():
    data = ShapesReID('a', num_identities=2, images_per_identity=4)
    drawn = [draw.index for draw in take(IdentitySampler(data, 4, 2, 2), 8)]
    assert sorted(drawn) == list(range(8))  # two passes of two images: all four of both


def test_identities_with_too_few_images_repeat_them():
    data = ShapesReID('a', num_identities=3, images_per_identity=2)
    for start in range(0, 40, 10):
        batch = [draw.index for draw in take(IdentitySampler(data, 10, 2, 5), 40)][
            start : start + 10
        ]
        counts = Counter(batch)
        assert sorted(counts.values()) == [2, 2, 3, 3]  # 2 identities, 5 draws of 2 images


def test_camera_aware_groups_take_as_many_cameras_as_there_are():
    data = ShapesReID('a', num_identities=2, images_per_identity=8, num_cameras=4)
    drawn = [draw.index for draw in take(IdentitySampler(data, 8, 2, 4, camera_aware=True), 80)]
    for start in range(0, 80, 4):
        assert data.camids[drawn[start : start + 4]].unique().numel() == 4


def test_identities_are_distinct_on_all_ranks_together_if_there_are_enough(data):
    def global_batch(world: int, p: int) -> list[list[int]]:
        return [
            data.pids[
                [
                    draw.index
                    for draw in take(
                        IdentitySampler(data, p * 2, p, 2, rank=rank, world_size=world), p * 2
                    )
                ]
            ].tolist()
            for rank in range(world)
        ]

    # 7 identities are enough for 3 x 2
    assert len({pid for pids in global_batch(3, 2) for pid in pids}) == 6
    # and not for 3 x 4: distinct on each rank
    for pids in global_batch(3, 4):
        assert len(set(pids)) == 4


@pytest.mark.parametrize(
    'arguments, error',
    [
        ((8, 3, 2), r'num_identities \* num_images is 3 \* 2 = 6, but batch_size is 8'),
        ((16, 8, 2), 'has 7 identities, fewer than num_identities=8'),
        ((8, -4, -2), 'num_identities is -4; it must be a whole number from 1'),
        ((8, 4, 2.0), r'num_images is 2.0; it must be a whole number from 1'),
        ((0, 4, 2), 'batch_size is 0; it must be a whole number from 1'),
        (('8', 4, 2), "batch_size is '8'; it must be a whole number from 1"),
        ((4, 4, True), 'num_images is True; it must be a whole number from 1'),
        ((8, 4, 2, '3'), "seed is '3'; a sampler needs a number of 0 or more"),
        ((8, 4, 2, 0, 'no'), "camera_aware is 'no'; it must be True or False"),
        ((8, 4, 2, 0, True, 2, 2), r'rank is 2; it must be in 0\.\.1'),
    ],
)
def test_identity_batches_that_cannot_be_are_refused(data, arguments, error):
    with pytest.raises(ValueError, match=error):
        IdentitySampler(data, *arguments)


def test_identity_batches_need_identities():
    with pytest.raises(ValueError, match='hands out 32 images without identity'):
        IdentitySampler(ShapesReID('a', labelled=False), 4, 2, 2)


# ---- clusters ----
