"""Joints of the built-in body, their derivatives, and bodies fitted to joints."""

import math

import numpy as np
import pytest
import torch

from reidgen.body_fit import solver
from reidgen.body_fit.meshes import draw_views, shot_of
from reidgen.body_fit.parameters import FIRST_SHAPE, INDEX, PARAMETERS, local_rotations, prior_of
from reidgen.body_fit.skeleton import (
    BONE_OF_JOINT,
    POINTS,
    _extra_vertices,
    pixels_of,
    the_skeleton,
)
from reidgen.synthetic import JOINTS
from reidgen.synthetic.geometry import turned
from reidgen.synthetic.writer import the_body

LIMBS = [row for row, name in enumerate(POINTS) if name in JOINTS]


def body_with(**changes: float) -> torch.Tensor:
    """Parameters (1, P) of the mean body in the middle of a picture, some of them changed."""
    values = prior_of(resized=True)[:1].clone()
    placed = dict(scale=math.log(62), x=32.0, y=60.0)
    for name, value in (placed | changes).items():
        values[0, INDEX[name]] = value
    return values


def walking(yaw_deg: float) -> torch.Tensor:
    """A body in the middle of a step, arms against legs."""
    angles = dict(l_leg_swing=-25, r_leg_swing=20, r_knee=35, l_arm_swing=20, r_arm_swing=-20)
    radians = {name: math.radians(angle) for name, angle in angles.items()}
    return body_with(yaw=math.radians(yaw_deg), **radians)


def joints_of(values: torch.Tensor) -> torch.Tensor:
    """Joints (B, J, 3) of OpenPose's 18 as they are seen."""
    weights = torch.zeros(len(values), len(POINTS), 1)
    weights[:, LIMBS] = 1
    return torch.cat([the_skeleton().project(values), weights], -1)


def degrees_between(one: torch.Tensor, other: torch.Tensor) -> float:
    """Difference of two yaws in [0, 180]."""
    turn = math.degrees(float(one[0, INDEX['yaw']] - other[0, INDEX['yaw']]))
    return abs((turn + 180) % 360 - 180)


def test_points_are_those_of_the_skinned_body_in_any_pose():
    body, skeleton = the_body(), the_skeleton()
    values = torch.randn(1, len(PARAMETERS), generator=torch.Generator().manual_seed(0)) * 0.4
    turns = local_rotations(values[0], skeleton.arm_axis_rad)
    shape = body.shape_of(
        (skeleton.shapes[0] + values[0, FIRST_SHAPE:] @ skeleton.shapes[1:]).numpy()
    )
    bent = body.bend(shape, {name: each.double().numpy() for name, each in zip(*turns)})
    found = skeleton.posed(values)[0].numpy() + bent.bones[0]
    assert np.abs(found[: len(JOINTS)] - body.joints(bent)).max() < 1e-5
    for name, row in _extra_vertices(body).items():
        assert np.abs(found[POINTS.index(name)] - bent.vertices[row]).max() < 0.02, name
    assert set(BONE_OF_JOINT) == set(POINTS)


def test_pixels_are_those_of_the_rendered_peoples_camera():
    values = walking(70) + 0.05
    shot = shot_of(values[0], width=64.0)
    expected, _ = shot.view.to_pixels(turned(shot.person.joints, shot.yaw_deg), (128, 64))
    found = the_skeleton().project(values)[0, : len(JOINTS)]
    assert np.abs(found.numpy() - expected).max() < 0.01


def test_a_point_nearer_by_a_quarter_of_the_distance_is_larger_by_a_third():
    plain = dict(elevation=0.0, stretch=0.0, scale=math.log(10), x=5.0, y=7.0)
    points = torch.tensor([[[1.0, 0, 0], [0, 0, 1], [1, -2, 0], [1, 8, 1]]])
    #  across 10 to the right, 10 up; 8 m: at -2 m 8 / 6 as large, at 8 m half
    expected = [[15, 7], [5, -3], [5 + 10 * 4 / 3, 7], [10, 2]]
    assert pixels_of(points, body_with(**plain))[0].flatten().tolist() == pytest.approx(
        [float(number) for pair in expected for number in pair], abs=1e-4
    )
    facing_right = body_with(**plain, yaw=math.pi / 2)  # the body's left is away
    assert pixels_of(points[:, :1], facing_right)[0, 0].tolist() == pytest.approx([5, 7], abs=1e-4)


def problem_of(weight: float) -> solver._Problem:
    """Joints in the corner."""
    num = len(POINTS)
    return solver._Problem(
        torch.zeros(1, num, 2), torch.full((1, num), weight), prior_of(resized=True)
    )


def test_derivatives_are_those_of_autograd():
    values = walking(30)
    residuals = solver._residuals(values, problem_of(1))
    found = solver._jacobian(values, residuals, problem_of(1))[0]
    for row in range(0, len(found), 5):
        copy = values.clone().requires_grad_()
        solver._residuals(copy, problem_of(1))[0, row].backward()
        assert torch.allclose(found[row], copy.grad[0], atol=0.1, rtol=1e-2)


def test_a_limit_is_free_up_to_it_and_costs_one_at_its_tolerance():
    problem = problem_of(0)
    row = 2 * len(POINTS) + len(PARAMETERS) + INDEX['l_knee']
    for knee, cost in ((0.5, 0), (-solver.LIMIT_STD, 1), (-2 * solver.LIMIT_STD, 2)):
        residual = solver._residuals(body_with(l_knee=knee), problem)[0, row]
        assert float(residual) == pytest.approx(cost)


@pytest.mark.parametrize('yaw_deg', [10, 100, 250])
def test_a_known_body_is_found_again(yaw_deg):
    truth = walking(yaw_deg)
    joints = joints_of(truth)
    fits = solver.fit_bodies(joints)
    assert float(fits.error) < 0.6
    assert degrees_between(fits.values, truth) < 6
    found = the_skeleton().project(fits.values)
    error = (found - joints[..., :2]).norm(dim=-1)[:, LIMBS].mean()
    assert float(fits.error) == pytest.approx(float(error), abs=1e-4)
    true, drawn = (draw_views(each[0], 64.0)[0] > 20 for each in (truth, fits.values))
    assert (true & drawn).sum() / (true | drawn).sum() > 0.9


def test_left_and_right_tell_front_from_back():
    joints = joints_of(body_with())
    mirrored = [
        POINTS.index({'l': 'r', 'r': 'l'}[name[0]] + name[1:]) if name[1] == '_' else row
        for row, name in enumerate(POINTS)
    ]
    face = [row for row, name in enumerate(POINTS) if name.split('_')[-1] in ('eye', 'ear', 'nose')]
    joints[:, face, 2] = 0
    front = solver.fit_bodies(joints).values
    back = solver.fit_bodies(joints[:, mirrored]).values
    assert degrees_between(front, body_with()) < 10
    assert degrees_between(back, body_with()) > 170


def test_absent_joints_are_not_read_and_an_outlier_moves_little_else():
    joints = joints_of(walking(40))
    wrist, others = (
        POINTS.index('l_wrist'),
        [row for row in LIMBS if row != POINTS.index('l_wrist')],
    )
    joints[:, wrist, 2] = 0
    without = solver.fit_bodies(joints).values
    joints[:, wrist, :2] = 1e4
    assert torch.equal(solver.fit_bodies(joints).values, without)
    joints[:, wrist] = torch.tensor([2.0, 2.0, 1.0])
    moved = the_skeleton().project(solver.fit_bodies(joints).values)[:, others]
    assert float((moved - joints[:, others, :2]).norm(dim=-1).mean()) < 2.5


def test_pictures_as_they_were_cut_are_not_stretched():
    joints = joints_of(walking(0))
    assert abs(float(solver.fit_bodies(joints, resized=False).values[0, INDEX['stretch']])) < 0.02
