"""Parameters of a fitted body: camera, joint angles, shape, with their prior and limits."""

from typing import NamedTuple

import torch
from torch import Tensor

DEG = torch.pi / 180
NUM_SHAPES = 6  # principal components of the body's shape


class Parameter(NamedTuple):
    """A parameter's normal prior, and limits that it may pass at a cost."""

    mean: float
    std: float
    low: float = -torch.inf
    high: float = torch.inf


def _angle(mean: float, std: float, low: float = -180.0, high: float = 180.0) -> Parameter:
    """Angle in radians, of degrees; no limit at 180."""
    bounds = [(-torch.inf if abs(bound) == 180 else bound * DEG) for bound in (low, high)]
    return Parameter(mean * DEG, std * DEG, bounds[0], abs(bounds[1]))


# Rotations about the axes of the rest pose, x to the body's left, it faces -y, z up. Positive about
# x is backwards for what hangs down. Widths are those of people who walk and stand, doubled or
# more; limits of hinges are those of bodies.
CAMERA = {
    'yaw': Parameter(0.0, torch.inf),
    'elevation': _angle(13, 8, -10, 60),
    'roll': _angle(0, 2),
    'scale': Parameter(0.0, torch.inf),  # logarithm of pixels by metre at the camera's distance
    'stretch': Parameter(0.1, 0.08),  # logarithm of that across by that down
    'x': Parameter(0.0, torch.inf),  # pixels of the hips' middle
    'y': Parameter(0.0, torch.inf),
}
ANGLES = {
    'spine_x': _angle(-3, 6, -60, 25),
    'spine_y': _angle(0, 4),
    'spine_z': _angle(0, 8, -45, 45),
    'neck_x': _angle(0, 8, -50, 50),
    'neck_z': _angle(0, 20, -70, 70),
    **{
        name: angle
        for side, sign in (('l', 1), ('r', -1))
        for name, angle in {
            f'{side}_arm_swing': _angle(0, 20, -170, 60),
            f'{side}_arm_down': _angle(sign * 33, 12),
            f'{side}_arm_twist': _angle(0, 15, -90, 90),
            f'{side}_elbow': _angle(5, 25, -130, 35),
            f'{side}_leg_swing': _angle(-4, 20, -110, 35),
            f'{side}_leg_aside': _angle(sign * 4.5, 4),
            f'{side}_leg_twist': _angle(0, 8, -45, 45),
            f'{side}_knee': _angle(15, 20, 0, 130),
        }.items()
    },
}
SHAPES = {f'shape_{number}': Parameter(0.0, 1.0, -3, 3) for number in range(NUM_SHAPES)}
PARAMETERS = CAMERA | ANGLES | SHAPES
INDEX = {name: number for number, name in enumerate(PARAMETERS)}
FIRST_SHAPE = INDEX['shape_0']
FOOT_BY_LEG = -0.45  # the foot stays almost level


class Rotations(NamedTuple):
    """Local rotations (..., 3, 3) of the posed bones, in the axes of the rest pose."""

    names: tuple[str, ...]  # of bones
    matrices: tuple[Tensor, ...]


def rotation_about(axis: str, angle: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) about 'x', 'y' or 'z' by radians (...)."""
    c, s, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    rows = {
        'x': (one, zero, zero, zero, c, -s, zero, s, c),
        'y': (c, zero, s, zero, one, zero, -s, zero, c),
        'z': (c, -s, zero, s, c, zero, zero, zero, one),
    }[axis]
    return torch.stack(rows, -1).unflatten(-1, (3, 3))


def local_rotations(values: Tensor, arm_axis_rad: float) -> Rotations:
    """Rotations of the bones from parameters (..., P).

    Args:
        arm_axis_rad: of the rest pose's arms, outwards from hanging down.
    """

    def about(axis: str, name: str) -> Tensor:
        return rotation_about(axis, values[..., INDEX[name]])

    turns = {
        'spine04': about('x', 'spine_x') @ about('y', 'spine_y') @ about('z', 'spine_z'),
        'neck01': about('x', 'neck_x') @ about('z', 'neck_z'),
    }
    for side, sign in (('l', 1), ('r', -1)):
        down = values[..., INDEX[f'{side}_arm_down']]
        along = sign * torch.full_like(down, arm_axis_rad)  # turns the arm's axis upright
        twist = (
            rotation_about('y', -along)
            @ about('z', f'{side}_arm_twist')
            @ rotation_about('y', along)
        )
        bone = side.upper()
        swung = about('x', f'{side}_arm_swing') @ rotation_about('y', down)
        turns[f'upperarm01.{bone}'] = swung @ twist
        # the elbow's axis moved with the upper arm
        turns[f'lowerarm01.{bone}'] = (
            rotation_about('y', -down) @ about('x', f'{side}_elbow') @ rotation_about('y', down)
        )
        leg = about('x', f'{side}_leg_swing') @ about('y', f'{side}_leg_aside')
        turns[f'upperleg01.{bone}'] = leg @ about('z', f'{side}_leg_twist')
        turns[f'lowerleg01.{bone}'] = about('x', f'{side}_knee')
        bent = values[..., INDEX[f'{side}_leg_swing']] + values[..., INDEX[f'{side}_knee']]
        turns[f'foot.{bone}'] = rotation_about('x', FOOT_BY_LEG * bent)
    return Rotations(tuple(turns), tuple(turns.values()))


def prior_of(resized: bool) -> Tensor:
    """Prior (4, P) float32: means, standard deviations, lower and upper limits.

    Args:
        resized: the pictures were brought to one size, so that their shape is not that of the
            boxes they were cut from; otherwise nothing is stretched.
    """
    known = dict(PARAMETERS)
    if not resized:
        known['stretch'] = Parameter(0.0, 0.01)
    return torch.tensor([list(parameter) for parameter in known.values()]).t().contiguous()
