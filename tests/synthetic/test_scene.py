import json

import cv2
import numpy as np
import pytest
from few_people import few

from reidgen.synthetic import DOMAINS, PARTS, Plan
from reidgen.synthetic.camera import STYLES, View
from reidgen.synthetic.manifest import REFERENCE, REFERENCE_TOLERANCE, differ
from reidgen.synthetic.meshes import mesh_views
from reidgen.synthetic.plan import Job
from reidgen.synthetic.scene import draw_garment, photograph, take_shot
from reidgen.synthetic.writer import cameras_of, make_outfit, render_job


@pytest.fixture(scope='module')
def shots(body):
    """(shot, photograph) of eight persons of synth_a, one a camera."""
    plan, found = few(num_train=8), []
    for number in range(8):
        job = Job('train', number + 1)
        outfit, camera = make_outfit(plan, job), cameras_of('synth_a', 0)[number % 6]
        # nobody and nothing before them
        style = STYLES['synth_a']._replace(occlusion=0, cut=0)
        rng = np.random.default_rng(number)
        shot = take_shot(outfit, camera, style, 45.0 * number, rng, rng)
        found.append((shot, photograph(outfit, shot, camera, style, rng)))
    return found


def test_mesh_lies_on_the_person_and_a_quarter_turn_does_not(body, shots):
    own, turned = [], []
    for shot, taken in shots:
        views = mesh_views(body, shot, (0, 90))
        for found, view in zip((own, turned), views):
            mesh = view > 20
            found.append((mesh & taken.silhouette).sum() / (mesh | taken.silhouette).sum())
    assert np.mean(own) > 0.82
    assert np.mean(turned) < np.mean(own) - 0.2


def test_a_full_turn_is_the_own_view(body, shots):
    for shot, _ in shots[:2]:
        first, again = mesh_views(body, shot, (0, 360))
        assert np.abs(first.astype(int) - again).mean() < 0.5


def test_parts_fill_the_silhouette_of_an_unoccluded_person(shots):
    for _, taken in shots:
        assert (taken.parts.astype(bool) != taken.silhouette).mean() < 0.01
        shown = {PARTS[part] for part in np.unique(taken.parts)}
        assert {'skin', 'upper'} <= shown


def test_parts_lie_where_bodies_have_them(shots):
    for _, taken in shots:
        rows = {
            name: np.nonzero(taken.parts == part)[0].mean()
            for part, name in enumerate(PARTS)
            if (taken.parts == part).any()
        }
        assert rows['upper'] < rows['lower']
        if 'shoes' in rows:
            assert rows['lower'] < rows['shoes']


def test_visible_joints_lie_on_the_person(shots):
    for _, taken in shots:
        near = cv2.dilate(taken.silhouette.astype(np.uint8), np.ones((3, 3), np.uint8))
        for x, y, visible in taken.joints:
            if visible:
                assert near[min(round(y), 127), min(round(x), 63)]
        assert taken.joints[:, 2].sum() >= 6


def test_from_behind_the_face_is_hidden_and_from_the_front_it_is_not(body):
    plan, job = few(), Job('train', 1)
    outfit, camera = make_outfit(plan, job), cameras_of('synth_a', 0)[0]
    style = STYLES['synth_a']._replace(occlusion=0, cut=0, misplacement=0)
    seen = {}
    for yaw in (0.0, 180.0):
        rng = np.random.default_rng(5)
        shot = take_shot(outfit, camera, style, yaw, rng, rng)
        seen[yaw] = photograph(outfit, shot, camera, style, rng).joints[:, 2]
    face = [0, 14, 15]  # nose and eyes
    assert seen[0.0][face].all()
    assert not seen[180.0][face].any()


def test_an_occluder_takes_from_the_parts_and_not_from_the_silhouette():
    plan, job = few(), Job('train', 1)
    outfit, camera = make_outfit(plan, job), cameras_of('synth_a', 0)[0]
    style = STYLES['synth_a']._replace(occlusion=1.0)
    covered = 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        shot = take_shot(outfit, camera, style, 0.0, rng, rng)
        taken = photograph(outfit, shot, camera, style, rng)
        covered += np.count_nonzero(taken.silhouette & (taken.parts == 0))
        assert np.count_nonzero((taken.parts > 0) & ~taken.silhouette) < 20
    assert covered > 100


def test_garment_picture_is_on_white_in_the_garments_colour():
    outfit = make_outfit(few(), Job('train', 1))
    picture = draw_garment(outfit)
    assert picture.shape == (128, 96, 3)
    assert (picture[[0, 0, -1, -1], [0, -1, 0, -1]] > 240).all()
    assert (picture.min(2) < 230).mean() > 0.15


def test_rays_hit_what_they_project():
    view = View(20, 8, roll_deg=3)
    view.box = (-0.1, -0.2, 0.2, 0.4)
    x, y, z = view.rays((16, 8))
    points = view.place + 5 * np.stack([x, y, z], -1).reshape(-1, 3)
    pixels, nearness = view.to_pixels(points, (16, 8))
    rows, columns = np.mgrid[:16, :8] + 0.5
    np.testing.assert_allclose(pixels, np.stack([columns.ravel(), rows.ravel()], 1), atol=1e-3)
    np.testing.assert_allclose(nearness, 0.2, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize('domain', DOMAINS)
def test_pictures_are_those_of_the_published_version(domain, tmp_path):
    """A change of the renderer that moves pictures needs a new VERSION and a new reference."""
    reference = json.loads(REFERENCE.read_text())['fingerprints'][domain]
    for folder in ('bounding_box_train', 'mask', 'parts', 'garment'):
        (tmp_path / folder).mkdir()
    plan = Plan.of(domain, 'tiny')
    files = render_job(plan, Job('train', 1), tmp_path, maps=False)['files']
    compared = set(files) & set(reference)
    assert compared
    assert not [
        name for name in compared if differ(files[name], reference[name], REFERENCE_TOLERANCE)
    ]
