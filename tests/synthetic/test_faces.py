import numpy as np
import pytest

from reidgen.synthetic import Seeds
from reidgen.synthetic.faces import YAWS_DEG, FacePlan, FaceSize, ensure_faces, writer
from reidgen.synthetic.faces import plan as plan_module
from reidgen.synthetic.faces.head import the_head
from reidgen.synthetic.faces.identity import draw_face
from reidgen.synthetic.faces.lights import LIGHTS
from reidgen.synthetic.faces.scene import Bust, Pose, draw_background, light_up
from reidgen.synthetic.manifest import check_files, read_manifest
from reidgen.synthetic.plan import Job

NOSE, CROWN = np.array([0, -1, 0]), np.array([0, 0, 1])


@pytest.fixture(scope='module')
def bust():
    plan = FacePlan.of('tiny')
    return Bust(the_head(), draw_face(the_head(), plan.stream('identity', Job('train', 1))))


def names(plan: FacePlan) -> set[str]:
    return {
        f'{picture.folder}/{picture.name}' for job in plan.jobs() for picture in plan.pictures(job)
    }


def test_each_person_is_planned_at_every_yaw_under_different_lights_with_a_truth():
    plan = FacePlan.of('base')
    for job in (plan.jobs()[0], plan.jobs()[-1]):
        pictures = plan.pictures(job)
        truths = [picture for picture in pictures if picture.light == 0]
        assert [picture.yaw for picture in truths] == [len(YAWS_DEG)]
        assert truths[0].folder == ('truth' if job.kind == 'train' else 'bounding_box_test')
        for yaw in range(len(YAWS_DEG)):
            lights = [picture.light for picture in pictures if picture.yaw == yaw]
            assert len(set(lights)) == len(lights) == 4
            assert set(lights) <= set(range(1, 21))


def test_a_larger_size_holds_the_files_of_a_smaller_one():
    plans = [FacePlan.of(size) for size in ('tiny', 'base', 'large')]
    assert set(plans[0].jobs()) < set(plans[1].jobs()) == set(plans[2].jobs())
    for job in (Job('train', 1), Job('test', 5001)):
        tiny, base, large = (set(plan.pictures(job)) for plan in plans)
        assert tiny < base < large
        assert len(large) == 13 * 20 + 1


def test_split_counts_are_those_of_the_planned_files():
    plan = FacePlan('few', FaceSize(3, 2, 5))
    folders = [name.split('/')[0] for name in names(plan)]
    assert plan.split_counts() == {
        'train': (3, folders.count('bounding_box_train')),
        'query': (2, folders.count('query')),
        'gallery': (2, folders.count('bounding_box_test')),
    }


@pytest.mark.parametrize(
    ('size', 'seeds', 'told'),
    [
        ('huge', Seeds(), "size is 'huge'; it must be one of tiny, base, large"),
        ('tiny', Seeds(camera=1), 'camera seed 1: faces have no cameras'),
        ('tiny', Seeds(image=-1), 'whole numbers from 0 on'),
    ],
)
def test_a_plan_refuses_what_it_does_not_have(size, seeds, told):
    with pytest.raises(ValueError, match=told):
        FacePlan.of(size, seeds)


def test_signs_of_a_pose_are_as_documented():
    assert (Pose(yaw=30).matrix() @ NOSE)[0] == pytest.approx(0.5)  # right of the picture
    assert (Pose(pitch=30).matrix() @ NOSE)[2] == pytest.approx(-0.5)  # down
    assert (Pose(roll=30).matrix() @ CROWN)[0] == pytest.approx(-0.5)  # left of the picture


def test_controls_move_the_part_they_name_and_both_ends_move_it_apart():
    head = the_head()
    wide = head.shaped({'nose-scale-horiz-decr-incr': 1.0}) - head.template
    narrow = head.shaped({'nose-scale-horiz-decr-incr': -1.0}) - head.template
    moved = np.abs(wide).max(1) > 1e-3
    assert (np.abs(head.template[moved, 0]) < 0.03).all()  # of a head 0.17 wide
    assert (head.template[moved, 1] < -0.13).all()  # in front
    side = np.sign(head.template[:, 0])
    assert (wide[:, 0] * side).sum() > 0 > (narrow[:, 0] * side).sum()


def test_lamps_light_the_side_they_stand_on(bust):
    from_right, from_left = 1, 13  # of the head; its left is on the right of the picture
    assert LIGHTS[from_left].direction[0] > 0.9
    view = bust.view(Pose(), [from_right, from_left])
    wall = np.zeros_like(draw_background(None))
    for light, sign in ((from_right, -1), (from_left, 1)):
        columns = light_up(view, light, wall).astype(float).sum((0, 2))
        assert sign * (columns[56:].sum() - columns[:56].sum()) > 0.3 * columns.sum()


def test_eyes_are_in_the_middle_row_and_turn_towards_the_nose(bust):
    eyes = bust._eyes - bust._middle
    assert eyes.mean(0) == pytest.approx([0, -0.062, 0], abs=1e-3)
    assert (eyes @ Pose(yaw=60).matrix().T)[:, 0].mean() == pytest.approx(0.062 * 0.866, abs=1e-3)


def test_persons_differ_in_shape_more_than_expressions_change_them():
    head, plan = the_head(), FacePlan.of('base')
    faces = [draw_face(head, plan.stream('identity', job)) for job in plan.jobs()[:6]]
    shapes = np.stack([head.shaped(face.strengths) for face in faces])
    shapes -= shapes.mean(1, keepdims=True)
    apart = np.linalg.norm(shapes[:, None] - shapes[None], axis=-1).mean(-1)
    smile = np.linalg.norm(head.shaped({'smile': 0.9}) - head.template, axis=-1).mean()
    assert apart[~np.eye(6, dtype=bool)].min() > 2 * smile


@pytest.mark.slow
def test_a_killed_rendering_goes_on_with_the_next_person(tmp_path, monkeypatch):
    plan, draw, drawn = FacePlan('few', FaceSize(1, 1, 1)), writer.draw_face, []

    def dies_at_the_second(*arguments):
        drawn.append(arguments)
        if len(drawn) == 2:
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(writer, 'draw_face', dies_at_the_second)
    monkeypatch.setattr(plan_module, 'YAWS_DEG', (0, 45))
    with pytest.raises(KeyboardInterrupt):
        ensure_faces(plan, tmp_path)
    assert not (tmp_path / plan.folder).exists()
    folder = ensure_faces(plan, tmp_path)
    assert len(drawn) == 3  # the first person is not drawn again
    manifest = read_manifest(folder)
    assert {name.removesuffix('.jpg') for name in manifest['files']} == names(plan)
    assert manifest['num_images'] == 2 * 3
    assert manifest['version'] == 'faces-1.0'
    check_files(folder, manifest, 'all')
