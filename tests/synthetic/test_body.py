import numpy as np

from reidgen.synthetic.body import JOINTS
from reidgen.synthetic.geometry import cross, rotation


def test_heights_are_those_of_people(body):
    rng = np.random.default_rng(0)
    skin = body.surfaces['skin'].vertices
    heights = [np.ptp(body.shape(body.draw(rng)).vertices[skin, 2]) for _ in range(60)]
    assert min(heights) > 1.45
    assert max(heights) < 2.1
    assert 1.7 < np.median(heights) < 1.9


def test_without_rotations_the_body_rests(body):
    shape = body.shape(3)
    bent = body.bend(shape, {})
    # weights are stored with half precision, so they sum to 1 up to a thousandth
    np.testing.assert_allclose(bent.vertices, shape.vertices, atol=5e-3)
    np.testing.assert_allclose(bent.bones, shape.bones, atol=1e-6)


def test_a_bent_knee_moves_the_foot_and_not_the_hip(body):
    shape = body.shape(3)
    knee, foot, hip = (
        body.bones.index(name) for name in ('lowerleg01.L', 'foot.L', 'upperleg01.L')
    )
    bent = body.bend(shape, {'lowerleg01.L': rotation('x', 90)})
    # worked out by hand: the shin turns about the knee
    expected = shape.bones[knee] + rotation('x', 90) @ (shape.bones[foot] - shape.bones[knee])
    np.testing.assert_allclose(bent.bones[foot], expected, atol=1e-5)
    np.testing.assert_allclose(bent.bones[hip], shape.bones[hip], atol=1e-6)


def test_right_joints_are_on_the_right_and_the_face_looks_to_minus_y(body):
    joints = dict(zip(JOINTS, body.joints(body.bend(body.shape(0), {}))))
    for name in ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle', 'eye', 'ear'):
        assert joints[f'r_{name}'][0] < 0 < joints[f'l_{name}'][0]
    assert joints['nose'][1] < joints['r_ear'][1] - 0.05
    assert joints['nose'][2] > joints['neck'][2] > joints['l_hip'][2] > joints['l_ankle'][2]


def test_normals_point_outward_from_the_head(body):
    skin, posed = body.surfaces['skin'], body.shape(0).vertices
    normals = skin.normals(posed)
    top = np.argmax(posed[skin.vertices, 2])
    assert normals[top, 2] > 0.9
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-3)


def test_cross_products_are_numpys():
    a, b = np.random.default_rng(0).normal(size=(2, 5, 3))
    np.testing.assert_allclose(cross(a, b), np.cross(a, b))
