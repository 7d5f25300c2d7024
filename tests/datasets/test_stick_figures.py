import numpy as np
import pytest

from reidgen.datasets.stick_figures import Clothes, Pose, Style, draw_map, draw_person, hue

CLOTHES = Clothes(
    shirt=(200, 0, 0), trousers=(0, 0, 200), stripes=None, hair=(40, 30, 20), skin=(240, 200, 170)
)
STYLE = Style(sky=(0, 100, 0), ground=(0, 100, 0), gain=(100, 100, 100), noise=0, texture=0)


def person(azimuth_deg: float, **style) -> np.ndarray:
    pose = Pose(azimuth_deg, swing=0.0, height=0.9, shift=(0.0, 0.0))
    return draw_person((64, 32), pose, CLOTHES, STYLE._replace(**style), np.random.default_rng(0))


def shares(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.abs(picture.astype(int) - colour).max(-1) < 8).sum())


def test_the_face_is_seen_from_the_front_and_the_hair_from_behind():
    front, back = person(0)[:16], person(180)[:16]
    assert shares(front, CLOTHES.skin) > shares(front, CLOTHES.hair)
    assert shares(back, CLOTHES.skin) == 0
    assert shares(back, CLOTHES.hair) > 10


def test_shirt_is_above_trousers_and_the_background_around():
    picture = person(0)
    assert tuple(picture[25, 16]) == CLOTHES.shirt
    assert tuple(picture[42, 12]) == CLOTHES.trousers
    assert tuple(picture[0, 0]) == STYLE.sky


def test_the_gain_multiplies_the_channels_and_noise_spreads_them():
    assert tuple(person(0, gain=(50, 100, 150))[42, 12]) == (0, 0, 255)  # 300 is cut off
    assert tuple(person(0, gain=(50, 100, 50))[25, 16]) == (100, 0, 0)
    corner = person(0, noise=10)[:, :4, 1].astype(float)
    assert corner.std() == pytest.approx(10, rel=0.2)


def test_in_the_map_the_nearer_leg_is_lighter_and_turning_round_swaps_them():
    pose = Pose(90, swing=0.0, height=0.9, shift=(0.0, 0.0))  # one leg hides the other
    side, other_side = draw_map((64, 32), pose), draw_map((64, 32), pose, 180)
    assert side.shape == (64, 32)
    assert side[0, 0] == 0
    assert side[45].max() == other_side[45].max() == round(165 + 250 * 0.11)  # the hip's depth


def test_a_full_turn_is_no_turn():
    pose = Pose(20, swing=0.7, height=0.9, shift=(0.0, 0.0))
    assert np.array_equal(draw_map((64, 32), pose), draw_map((64, 32), pose, 360))


def test_hues_go_round_the_colour_circle():
    assert hue(0, 1, 1) == (255, 0, 0)
    assert hue(1 / 3, 1, 1) == (0, 255, 0)
    assert hue(2 / 3, 1, 1) == (0, 0, 255)
