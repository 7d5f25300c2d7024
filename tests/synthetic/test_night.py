"""Night: lamps by their geometry and spectra, and what the sensor adds and takes."""

import cv2
import numpy as np
import pytest
from few_people import few

from reidgen.synthetic import rerender
from reidgen.synthetic.camera import STYLES
from reidgen.synthetic.lamps import SPECTRA, WRAP, Lamps, draw_lamps, lamp_colour
from reidgen.synthetic.night import (
    Night,
    blurred_along,
    denoised,
    motion,
    with_bloom,
    with_noise,
)
from reidgen.synthetic.plan import Job
from reidgen.synthetic.scene import photograph
from reidgen.synthetic.writer import cameras_of, make_outfit, occluders_of, shoot

UP = np.array([[0], [0], [1]], np.float32)
# a lamp at 4 metres that shines down, full up to 30 degrees from its axis, dark from 60
LAMP = Lamps(
    np.array([[0], [0], [4]], np.float32),
    np.array([0, 0, -1], np.float32),
    (float(np.cos(np.deg2rad(60))), float(np.cos(np.deg2rad(30)))),
    8.0,
    np.eye(3, dtype=np.float32),
    10.0,
    np.array([1, 0, 0], np.float32),
)
NIGHT = Night(0.05, 200.0, 0.02, 0.1, 0.3, np.zeros((512, 512, 3), np.float32))


def light_at(*points: tuple[float, float, float], normal: np.ndarray = UP) -> np.ndarray:
    return LAMP.irradiance(np.array(points, np.float32).T, normal)


def test_light_falls_with_the_square_of_the_distance():
    # 8 / 4^2, 8 / 2^2, 8 / 1^2 under the lamp, where the ground faces it
    np.testing.assert_allclose(light_at((0, 0, 0), (0, 0, 2), (0, 0, 3)), [0.5, 2, 8], rtol=1e-6)


def test_light_ends_at_the_edge_of_the_cone():
    def beside(deg: float) -> tuple[float, float, float]:
        return 4 * np.tan(np.deg2rad(deg)), 0, 0

    facing = [np.cos(np.deg2rad(deg)) for deg in (20, 29)]
    # 8 / (4 / cos)^2, of which a level ground gets (cos + WRAP) / (1 + WRAP)
    expected = [0.5 * c**2 * (c + WRAP) / (1 + WRAP) for c in facing]
    np.testing.assert_allclose(light_at(beside(20), beside(29)), expected, rtol=1e-5)
    assert light_at(beside(60.1), beside(80)).max() == 0
    inside, edge = (np.cos(np.deg2rad(deg)) for deg in (30, 60))
    middle = (inside + edge) / 2  # half way between the cosines: half of the light
    full = 0.5 * middle**2 * (middle + WRAP) / (1 + WRAP)
    there = light_at(beside(np.rad2deg(np.arccos(middle))))
    np.testing.assert_allclose(there, full / 2, rtol=1e-4)


def test_a_body_is_lit_on_the_side_of_the_lamp():
    point, side = (0, 0, 2), np.array([[1], [0], [0]], np.float32)
    np.testing.assert_allclose(light_at(point, normal=side), 2 * WRAP / (1 + WRAP), rtol=1e-5)
    assert light_at(point, normal=-UP) == 0


def test_who_walks_sees_the_lamps_move_the_other_way():
    step = np.array([1.0, 0.5, 0])
    points = np.array([[0.2, 0.1, 1.0], [0, 0, 0]], np.float32).T
    there = LAMP.irradiance(points + step[:, None].astype(np.float32), UP)
    np.testing.assert_allclose(LAMP.moved(step, 0.5).irradiance(points, UP), there / 2, rtol=1e-5)


@pytest.mark.parametrize('number', range(6))
def test_drawn_lamps_give_their_strength_on_the_path(number):
    style = STYLES['synth_n'].night.lamps
    lamps = draw_lamps(style, number, 40.0, np.random.default_rng(number))
    direction, light = lamps.at_chest()
    assert direction[2] > 0
    assert np.linalg.norm(direction) == pytest.approx(1, abs=1e-6)
    luma = light @ [0.3, 0.59, 0.11]
    # at 1.2 metres, a little nearer than where strength is measured
    assert style.strength[0] * 0.7 < luma < style.strength[1] * 1.5
    spacing = np.linalg.norm(lamps.places[:, 1:] - lamps.places[:, :-1], axis=0)
    np.testing.assert_allclose(spacing, lamps.spacing, rtol=1e-5)


def test_under_sodium_colours_are_one_and_under_white_they_are_many():
    # two reflectances that sodium's line finds equal: 0.60 r + 0.37 g + 0.03 b = 0.367
    red, green = np.array([0.5, 0.165, 0.2]), np.array([0.2, 0.646, 0.3])
    hues = {}
    for kind in SPECTRA:
        matrix = lamp_colour(kind, 0.0)
        assert matrix.sum(1) @ [0.3, 0.59, 0.11] == pytest.approx(1, abs=1e-6)
        seen = [matrix @ each / np.linalg.norm(matrix @ each) for each in (red, green)]
        hues[kind] = np.rad2deg(np.arccos(seen[0] @ seen[1]))
    assert hues['sodium'] < 10
    assert hues['white'] > 25
    balanced = lamp_colour('sodium', 1.0).sum(1)
    np.testing.assert_allclose(balanced, balanced[0], rtol=1e-5)


def test_a_smear_is_as_long_as_the_way_and_keeps_the_light():
    dot = np.zeros((41, 41, 2), np.float32)
    dot[20, 20] = 1
    smeared = blurred_along(dot, np.array([10.0, 0.0]))
    np.testing.assert_allclose(smeared.sum((0, 1)), 1, rtol=1e-5)
    columns = np.flatnonzero(smeared[20, :, 0] > 1e-3)
    assert (columns[0], columns[-1]) == (15, 25)
    assert smeared[:20].max() < 1e-6
    assert np.array_equal(blurred_along(dot, np.zeros(2)), dot)


def test_who_walks_across_is_smeared_across_and_longer_with_the_shutter():
    def flat(points: np.ndarray) -> np.ndarray:
        return points[:, [0, 2]] * 100

    ways = [motion(flat, 90.0, shutter, np.random.default_rng(0)) for shutter in (0.02, 0.06)]
    assert abs(ways[0][1]) < 1e-4  # not up
    assert 100 * 0.02 * 0.7 <= abs(ways[0][0]) <= 100 * 0.02 * 1.5
    assert ways[1][0] == pytest.approx(3 * ways[0][0], rel=1e-4)
    assert abs(motion(flat, 0.0, 0.06, np.random.default_rng(0))[0]) < 1e-4  # towards the camera


def test_halos_are_around_what_is_above_full_scale():
    light = np.full((128, 64, 3), 0.9, np.float32)
    assert np.array_equal(with_bloom(light, 0.3), light)
    light[60:68, 28:36] = 5
    halo = with_bloom(light, 0.3) - light
    assert halo.min() >= 0
    assert halo[50, 32, 0] > halo[30, 32, 0] > 0


def test_noise_grows_with_the_root_of_the_light():
    for level in (0.2, 0.8):
        noisy = with_noise(
            np.full((200, 100, 3), level, np.float32), NIGHT, np.random.default_rng(0)
        )
        # 60,000 values: the deviation is known to 0.3 per cent
        assert noisy.std() == pytest.approx(np.sqrt(level / 200 + 0.02**2), rel=0.02)
        assert noisy.mean() == pytest.approx(level, abs=0.002)


def test_the_denoiser_keeps_an_edge_and_takes_noise_and_fine_stripes():
    rng = np.random.default_rng(0)
    picture = np.full((40, 60, 3), 0.3, np.float32)
    picture[:, 30:] = 0.8
    clean = denoised(picture, NIGHT)
    assert (clean[:, 31:].mean() - clean[:, :29].mean()) > 0.48
    noisy = np.clip(picture + rng.normal(0, 0.04, picture.shape).astype(np.float32), 0, 1)
    assert denoised(noisy, NIGHT)[:, 5:25].std() < 0.6 * noisy[:, 5:25].std()
    stripes = np.full((40, 60, 3), 0.5, np.float32)
    stripes[:, ::2] = [0.54, 0.46, 0.5]
    assert np.ptp(denoised(stripes, NIGHT)[10:30, 10:50], axis=(0, 1)).max() < 0.05 < 0.08


@pytest.mark.slow
def test_a_night_picture_rerendered_under_its_own_cameras_is_the_same():
    plan, job = few('synth_n', num_test=1), Job('test', 5001)
    outfit = make_outfit(plan, job)
    for picture in plan.pictures(job)[::4]:
        camera = cameras_of('synth_n', 0)[picture.camera]
        shot, rng = shoot(plan, job, picture, outfit)
        passers = occluders_of(plan, picture.camera)
        taken = photograph(outfit, shot, camera, STYLES['synth_n'], rng, passers)
        assert np.array_equal(rerender(plan, plan, job, picture).image, taken.image)


@pytest.mark.slow
def test_no_change_of_a_picture_s_colours_undoes_where_the_lamp_is():
    """The same person in the same pose at two places of the path, fitted by any 3 x 3 matrix and
    offset: several times what noise leaves at one place is left."""
    plan, job = few('synth_n', num_test=1), Job('test', 5001)
    outfit, picture = make_outfit(plan, job), plan.pictures(job)[0]
    camera = cameras_of('synth_n', 0)[picture.camera]
    style = STYLES['synth_n']._replace(occlusion=0)
    shot, _ = shoot(plan, job, picture, outfit)
    left = []
    for step in (0.0, 3.0):
        lamps = camera.light.lamps.moved(camera.light.lamps.along * step, 1.0)
        images = [
            photograph(
                outfit,
                shot._replace(light=camera.light._replace(lamps=each)),
                camera,
                style,
                np.random.default_rng(seed),
            )
            for seed, each in ((0, camera.light.lamps), (1, lamps))
        ]
        inside = cv2.erode(images[0].silhouette.astype(np.uint8), np.ones((7, 7))) > 0
        one, other = (each.image[inside].astype(float) for each in images)
        design = np.column_stack([one, np.ones(len(one))])
        fitted = design @ np.linalg.lstsq(design, other, rcond=None)[0]
        left.append(np.sqrt(((fitted - other) ** 2).mean()) / other.std())
    assert left[1] > 3 * left[0]


@pytest.mark.slow
def test_passers_by_stand_under_the_lamps_of_the_camera_that_shows_them():
    night, day = few('synth_n'), few('synth_a')
    sodium, white = (occluders_of(night, camera) for camera in (0, 1))
    # what sodium shows of whatever colour has little blue
    share = [
        np.mean([f.colour[..., 2].sum() / f.colour[..., 0].sum() for f in figures])
        for figures in (sodium, white)
    ]
    assert share[0] < 0.6 * share[1]
    assert occluders_of(day, 0) is occluders_of(day, 1)
