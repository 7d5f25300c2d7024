import pytest
import torch

from reidgen.memory import ImagePool, image_pool
from reidgen.registry import MEMORIES
from reidgen.rng import StepRNG


def numbered(*numbers: int) -> torch.Tensor:
    """Images of 3 x 4 x 2 pixels, each of one value."""
    return torch.tensor(numbers, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 3, 4, 2)


def values(images: torch.Tensor) -> list[int]:
    assert (images == images[:, :1, :1, :1]).all()
    return images[:, 0, 0, 0].int().tolist()


def test_images_come_back_unchanged_until_the_pool_is_full():
    pool, rng = ImagePool((4, 2), size=50), StepRNG()
    for number in range(0, 50, 2):
        assert values(pool(numbered(number, number + 1), rng=rng)) == [number, number + 1]
    assert pool.count == 50
    assert values(pool.images) == list(range(50))


def test_a_full_pool_shows_an_old_image_half_of_the_time_and_keeps_the_new_one_then():
    pool, rng = ImagePool((4, 2), size=5), StepRNG(seed=1)
    pool(numbered(*range(5)), rng=rng)
    old_ones = 0
    for number in range(5, 1005):
        held = set(values(pool.images))
        (shown,) = values(pool(numbered(number), rng=rng))
        after = set(values(pool.images))
        assert pool.count == 5
        if shown == number:
            assert after == held
        else:
            old_ones += 1
            assert after == held - {shown} | {number}
    assert old_ones == pytest.approx(500, abs=60)  # four standard deviations of a fair coin


def test_every_place_is_replaced_sometime():
    pool, rng = ImagePool((4, 2), size=4), StepRNG()
    pool(numbered(0, 1, 2, 3), rng=rng)
    pool(numbered(*range(4, 64)), rng=rng)
    assert min(values(pool.images)) > 3


def test_size_zero_returns_what_it_was_given():
    pool, images = ImagePool((4, 2), size=0), numbered(1, 2)
    shown = pool(images, rng=StepRNG())
    assert torch.equal(shown, images)
    assert pool.count == 0


def test_what_is_shown_is_a_copy_without_gradient():
    pool, rng = ImagePool((4, 2), size=1), StepRNG()
    translated = numbered(1).clone().requires_grad_()
    shown = pool(translated, rng=rng)
    shown.add_(5)
    assert not shown.requires_grad
    assert values(translated.detach()) == [1]
    assert values(pool.images) == [1]
    while values(shown := pool(numbered(2), rng=rng)) == [2]:
        pass
    shown.add_(7)  # the old image, 1
    assert values(pool.images) == [2]


def test_a_saved_pool_goes_on_bit_by_bit():
    pool, rng = ImagePool((4, 2), size=3), StepRNG()
    pool(numbered(0, 1, 2, 3, 4), rng=rng)
    resumed = ImagePool((4, 2), size=3)
    resumed.load_state_dict(pool.state_dict())
    assert list(pool.parameters()) == []
    for iteration in range(10):
        shown = []
        for one in (pool, resumed):
            rng.begin(iteration)
            shown.append(values(one(numbered(10 + iteration, 30 + iteration), rng=rng)))
        assert shown[0] == shown[1]
    assert torch.equal(pool.images, resumed.images)


def test_two_processes_show_what_one_shows_for_the_whole_batch(monkeypatch):
    one_process, rng = ImagePool((4, 2), size=2), StepRNG()
    ranks = [ImagePool((4, 2), size=2) for _ in range(2)]
    for iteration in range(8):
        batch = numbered(*range(4 * iteration, 4 * iteration + 4))
        rng.begin(iteration)
        expected = values(one_process(batch, rng=rng))
        shown = []
        for rank, pool in enumerate(ranks):
            halves = batch.chunk(2)
            monkeypatch.setattr(image_pool, 'get_dist_info', lambda rank=rank: (rank, 2))
            monkeypatch.setattr(image_pool, 'all_gather', lambda _, halves=halves: halves)
            rng.begin(iteration)
            shown += values(pool(halves[rank], rng=rng))
        monkeypatch.undo()
        assert shown == expected
    assert torch.equal(ranks[0].images, ranks[1].images)


def test_another_image_size_is_refused_with_the_right_one():
    pool = ImagePool((256, 128), size=1)
    with pytest.raises(ValueError, match=r'\(3, 256, 128\).*set model.pool.image_size=\(4, 2\)'):
        pool(numbered(1), rng=StepRNG())


def test_a_config_builds_the_pool_and_a_negative_size_is_refused():
    pool = MEMORIES.build({'type': 'ImagePool', 'image_size': (4, 2)})
    assert pool.images.shape == (50, 3, 4, 2)
    with pytest.raises(ValueError, match='size is -1; set the number of images'):
        ImagePool((4, 2), size=-1)
