"""Rendering of the pictures of one domain under the cameras of another."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from few_people import few

from reidgen.synthetic import as_stored, ensure, mixed, rerender
from reidgen.synthetic.meshes import mesh_views
from reidgen.synthetic.plan import FOLDERS, Job
from reidgen.synthetic.writer import MESH_GREY, make_outfit, shoot, the_body

pytestmark = pytest.mark.slow

PLAN, OTHER = few(num_test=3), few('synth_a2b', num_test=3)
JOBS = [Job('test', 5001 + k) for k in range(3)]


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    return ensure(PLAN, tmp_path_factory.mktemp('elsewhere'), maps=False)


def test_the_own_cameras_give_the_stored_picture(folder):
    for job in JOBS:
        for picture in PLAN.pictures(job)[::4]:
            path = folder / FOLDERS[picture.split] / f'{picture.name}.jpg'
            taken = rerender(PLAN, PLAN, job, picture)
            # the light is divided and multiplied again: a rounding of one level
            gap = np.abs(as_stored(taken).astype(int) - cv2.imread(str(path))[:, :, ::-1])
            assert gap.mean() < 0.1


def test_another_camera_changes_scene_and_light_and_moves_nobody():
    for job in JOBS:
        for picture in PLAN.pictures(job)[::4]:
            here = rerender(PLAN, PLAN, job, picture)
            there = rerender(PLAN, OTHER, job, picture)
            assert np.array_equal(here.silhouette, there.silhouette)
            np.testing.assert_array_equal(here.joints[:, :2], there.joints[:, :2])
            off = ~cv2.dilate(here.silhouette.astype(np.uint8), np.ones((7, 7))).astype(bool)
            change = np.abs(here.image.astype(int) - there.image).mean(2)
            assert change[off].mean() > 10
            assert change[here.silhouette].mean() > 3


def test_a_person_may_stand_at_the_place_of_another_picture_under_the_lamps():
    night, job = few('synth_a2n', num_test=3), JOBS[0]
    picture = PLAN.pictures(job)[0]
    beside = rerender(PLAN, night, job, picture)
    places = [each for each in night.pictures(job) if each.camera == picture.camera]
    taken = [rerender(PLAN, night, job, picture, place=place) for place in places[:2]]
    on = beside.silhouette
    for one in taken:
        assert np.array_equal(one.silhouette, on)
        assert np.abs(one.image.astype(int) - beside.image)[on].mean() > 3
    again = rerender(PLAN, night, job, picture, place=places[0])
    assert np.array_equal(again.image, taken[0].image)
    assert np.abs(taken[0].image.astype(int) - taken[1].image)[on].mean() > 3


def test_a_mixed_picture_is_the_person_of_one_before_the_other():
    job = JOBS[0]
    picture = PLAN.pictures(job)[0]
    here, there = (rerender(PLAN, each, job, picture) for each in (PLAN, OTHER))
    both = mixed(here, there)
    on = here.parts > 0
    assert np.array_equal(both[on], here.image[on])
    assert np.array_equal(both[~on], there.image[~on])
    assert on.any()
    assert not on.all()


def test_other_people_are_refused():
    with pytest.raises(ValueError, match=r'synth_b .* has other people than synth_a'):
        rerender(PLAN, few('synth_b'), JOBS[0], PLAN.pictures(JOBS[0])[0])


def test_a_turned_person_covers_the_mesh_of_that_view_in_the_same_scene():
    turns = (0, 90, 180, 270)
    for job in JOBS:
        picture = PLAN.pictures(job)[0]
        shot, _ = shoot(PLAN, job, picture, make_outfit(PLAN, job))
        meshes = [mesh > MESH_GREY for mesh in mesh_views(the_body(), shot, turns)]
        own = rerender(PLAN, PLAN, job, picture)
        for turn, mesh in zip(turns[1:], meshes[1:]):
            turned = rerender(PLAN, PLAN, job, picture, turn)
            shared = (turned.silhouette & mesh).sum() / (turned.silhouette | mesh).sum()
            assert shared > 0.6
            off = ~cv2.dilate(
                (own.silhouette | turned.silhouette).astype(np.uint8), np.ones((7, 7))
            ).astype(bool)
            assert np.abs(own.image.astype(int) - turned.image)[off].mean() < 3
            assert np.abs(own.image.astype(int) - turned.image)[turned.silhouette].mean() > 3
