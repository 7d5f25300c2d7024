"""BackgroundBank: images without their persons, and persons in front of them."""

import cv2
import numpy as np
import pytest
import torch

from projects.gcl_camera.gcl_camera import BackgroundBank, Untranslated, WithBackgrounds
from reidgen.datasets import ShapesReID


@pytest.fixture
def dataset(figures):
    return figures(domain='b')


def body_of(item, margin: int) -> np.ndarray:
    """(H, W) bool: on the person, or within so many pixels of them."""
    body = (item.pose_map[-1].numpy() > 48).astype(np.uint8)
    assert 0.02 < body.mean() < 0.9
    return cv2.dilate(body, np.ones((2 * margin + 1,) * 2, np.uint8)).astype(bool)


def test_a_background_is_its_image_off_the_person_and_something_else_on_them(dataset):
    bank = BackgroundBank(dataset)
    for index in range(len(dataset)):
        image = dataset[index].img.permute(1, 2, 0).numpy()
        background, near, on = bank[index], body_of(dataset[index], 3), body_of(dataset[index], 0)
        assert np.array_equal(background[~near], image[~near])
        changed = np.abs(background[on].astype(int) - image[on]).mean()
        assert changed > 10, changed


def test_a_filled_place_has_the_colours_around_it(figures):
    colour = torch.tensor([10, 120, 240], dtype=torch.uint8)[:, None, None]

    class Flat(ShapesReID):
        def read_image(self, record):
            body = self.read_map(record, 0)[-1] > 48
            return torch.where(body, super().read_image(record), colour)

    flat = figures(Flat, domain='b', num_identities=2, images_per_identity=2)
    for index in range(len(flat)):
        assert np.abs(BackgroundBank(flat)[index].astype(int) - (10, 120, 240)).max() <= 5


def test_the_person_is_the_pictures_and_the_rest_a_background_of_the_camera(dataset):
    bank = BackgroundBank(dataset)
    item, camera = dataset[5], int(dataset.camids[0])
    picture = torch.full((64, 32, 3), 77, dtype=torch.uint8)
    pasted = bank.behind(
        picture[None], item.pose_map[None], torch.tensor([5]), torch.tensor([camera]), 1
    )[0].numpy()
    inside = ~cv2.dilate((~body_of(item, 0)).astype(np.uint8), np.ones((3, 3))).astype(bool)
    outside = ~body_of(item, 4)
    assert (pasted[inside] == 77).all()
    candidates = [bank[i] for i in range(len(dataset)) if dataset.camids[i] == camera]
    assert any(np.array_equal(pasted[outside], background[outside]) for background in candidates)


def test_a_draw_depends_on_row_and_style_alone(dataset):
    bank = BackgroundBank(dataset)
    pictures = torch.stack([dataset[i].img.permute(1, 2, 0) for i in range(6)])
    maps = torch.stack([dataset[i].pose_map for i in range(6)])
    rows = torch.arange(6)
    whole = bank.behind(pictures, maps, rows, None, 0)
    assert torch.equal(whole[4:], bank.behind(pictures[4:], maps[4:], rows[4:], None, 0))
    assert not torch.equal(whole, bank.behind(pictures, maps, rows, None, 1))


def test_a_camera_without_images_takes_the_backgrounds_of_all(dataset):
    bank, item = BackgroundBank(dataset), dataset[2]
    picture, row = item.img.permute(1, 2, 0)[None], torch.tensor([2])
    one, other = (
        bank.behind(picture, item.pose_map[None], row, cameras, 0)
        for cameras in (torch.tensor([99]), None)
    )
    assert torch.equal(one, other)


def test_what_it_needs_is_asked_for(dataset, figures):
    with pytest.raises(
        ValueError, match=r'where the persons of .* are; give its loader a pose_map'
    ):
        BackgroundBank(figures(pose_map=None))
    item, row = dataset[0], torch.tensor([0])
    with pytest.raises(
        ValueError, match=r'picture of \(32, 16\) does not fit the backgrounds of .*Resi'
    ):
        BackgroundBank(dataset).behind(
            torch.zeros(1, 32, 16, 3, dtype=torch.uint8), item.pose_map[None, :, :32, :16], row,
            None, 0,
        )  # fmt: skip


def test_persons_stand_before_backgrounds_of_the_camera_of_their_style(dataset, figures):
    bank, source = BackgroundBank(dataset), figures().plain(maps=True)
    raw = torch.utils.data.default_collate([source[row] for row in (3, 4)])
    raw = type(source[0])(*raw)
    translator = WithBackgrounds(Untranslated(), bank, num_cameras=3)
    pictures = raw.img.permute(0, 2, 3, 1)
    expected = bank.behind(pictures, raw.pose_map, raw.index, torch.tensor([1, 2]), 1)
    assert torch.equal(translator(raw, 1), expected)  # (3 + 1) % 3, (4 + 1) % 3
    assert translator.stamp['name'] == 'none'
    assert translator.stamp['backgrounds']['images'] == len(dataset)
